//! The statements of documents about the code, and about each other, are true.

use std::collections::BTreeSet;
use std::path::Path;

use holdfast_shared::config;
use holdfast_tests::{source, tools};
use regex::Regex;

#[test]
fn every_link_between_documents_leads_to_a_file() {
    let link = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    let documents = source::files("", "md");
    assert!(documents.len() > 50, "{}", documents.len());
    for document in documents {
        let path = tools::workspace().join(&document.path);
        for captures in link.captures_iter(&document.text) {
            let target = path.parent().unwrap().join(&captures[1]);
            assert!(target.exists(), "{} links to {}", document.path, &captures[1]);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_setting_has_a_row_in_the_configuration_page_and_every_row_is_a_setting() {
    let page = read(&tools::workspace().join("docs/configuration.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "a setting has two rows");
    let (rows, names): (BTreeSet<_>, BTreeSet<_>) = (rows.into_iter().collect(), config::names().collect());
    assert_eq!(rows, names);
}

#[test]
fn every_alarm_is_listed_in_exactly_the_runbook_that_it_links() {
    let infra = tools::workspace().join("infra");
    let templates = infra.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let templates = templates.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let templates: String = templates.map(|path| read(&path)).collect();
    let alarm =
        Regex::new(r"AlarmName: !Sub \$\{Name\}-(\S+)\s+AlarmDescription: .*docs/runbooks/([a-z-]+)\.md").unwrap();
    let alarms: BTreeSet<_> =
        alarm.captures_iter(&templates).map(|found| (found[2].to_owned(), found[1].to_owned())).collect();
    assert_eq!(alarms.len(), templates.matches("Type: AWS::CloudWatch::Alarm").count());
    let name = Regex::new("`([a-z-]+)`").unwrap();
    let mut named = BTreeSet::new();
    for path in tools::workspace().join("docs/runbooks").read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let text = read(&path);
        let line = text.lines().find(|line| line.starts_with("Alarms in CloudWatch")).unwrap_or_default();
        let page = path.file_stem().unwrap().to_str().unwrap();
        named.extend(name.captures_iter(line).map(|found| (page.to_owned(), found[1].to_owned())));
    }
    assert_eq!(named, alarms);
}
