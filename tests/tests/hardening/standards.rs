//! The answers to public standards: none is missing or undecided, and what they name exists.

use std::collections::BTreeSet;

use holdfast::standards::{self, Answer, Row};
use holdfast_tests::source::{self, SourceFile};
use holdfast_tests::{markdown, tools};
use regex::Regex;

/// The sections of ASVS 5.0.0, each with the levels of its requirements in order: `1.3` is `("1.3", "112...")`.
const SECTIONS: &[(&str, &str)] = &[
    ("1.1", "22"),
    ("1.2", "1111122223"),
    ("1.3", "112222222223"),
    ("1.4", "222"),
    ("1.5", "123"),
    ("2.1", "122"),
    ("2.2", "112"),
    ("2.3", "12223"),
    ("2.4", "23"),
    ("3.1", "3"),
    ("3.2", "113"),
    ("3.3", "12223"),
    ("3.4", "11222233"),
    ("3.5", "11122333"),
    ("3.6", "3"),
    ("3.7", "22333"),
    ("4.1", "12233"),
    ("4.2", "23333"),
    ("4.3", "22"),
    ("4.4", "1222"),
    ("5.1", "2"),
    ("5.2", "112333"),
    ("5.3", "113"),
    ("5.4", "222"),
    ("6.1", "122"),
    ("6.2", "111111112222"),
    ("6.3", "11223333"),
    ("6.4", "112233"),
    ("6.5", "22222333"),
    ("6.6", "2223"),
    ("6.7", "33"),
    ("6.8", "2222"),
    ("7.1", "222"),
    ("7.2", "1111"),
    ("7.3", "22"),
    ("7.4", "11222"),
    ("7.5", "223"),
    ("7.6", "22"),
    ("8.1", "1233"),
    ("8.2", "1123"),
    ("8.3", "133"),
    ("8.4", "23"),
    ("9.1", "111"),
    ("9.2", "1222"),
    ("10.1", "22"),
    ("10.2", "223"),
    ("10.3", "22223"),
    ("10.4", "1111122222233333"),
    ("10.5", "22222"),
    ("10.6", "22"),
    ("10.7", "222"),
    ("11.1", "2233"),
    ("11.2", "22233"),
    ("11.3", "11233"),
    ("11.4", "1222"),
    ("11.5", "23"),
    ("11.6", "23"),
    ("11.7", "33"),
    ("12.1", "12233"),
    ("12.2", "11"),
    ("12.3", "22223"),
    ("13.1", "2333"),
    ("13.2", "222223"),
    ("13.3", "2233"),
    ("13.4", "1222233"),
    ("14.1", "22"),
    ("14.2", "12223333"),
    ("14.3", "122"),
    ("15.1", "12233"),
    ("15.2", "12233"),
    ("15.3", "1222222"),
    ("15.4", "3333"),
    ("16.1", "2"),
    ("16.2", "22222"),
    ("16.3", "2222"),
    ("16.4", "222"),
    ("16.5", "2223"),
    ("17.1", "23"),
    ("17.2", "22223333"),
    ("17.3", "22"),
];
/// The API Security Top 10 of 2023, by number.
const API: u8 = 10;
/// The CWE Top 25 of 2025, by rank.
const CWE: [u16; 25] = [
    79, 89, 352, 862, 787, 22, 416, 125, 78, 94, 120, 434, 476, 121, 502, 122, 863, 20, 284, 200, 306, 918, 77, 639,
    770,
];

fn asvs() -> Vec<Row> {
    standards::asvs_chapters().unwrap().into_iter().flat_map(|chapter| chapter.row).collect()
}

fn weaknesses() -> [Vec<Row>; 2] {
    standards::weakness_lists().unwrap().map(|list| list.row)
}

fn all() -> Vec<Row> {
    asvs().into_iter().chain(weaknesses().into_iter().flatten()).collect()
}

#[test]
fn every_requirement_of_asvs_is_answered_once_with_its_level() {
    let expected: Vec<_> = SECTIONS
        .iter()
        .flat_map(|(section, levels)| {
            levels.bytes().enumerate().map(move |(at, level)| (format!("{section}.{}", at + 1), Some(level - b'0')))
        })
        .collect();
    assert_eq!(expected.len(), 345);
    let answered: Vec<_> = asvs().into_iter().map(|row| (row.id, row.level)).collect();
    assert_eq!(answered, expected);
}

#[test]
fn every_weakness_of_the_two_lists_is_answered_once() {
    let ids = weaknesses().map(|list| list.into_iter().map(|row| (row.id, row.level)).collect::<Vec<_>>());
    let api: Vec<_> = (1..=API).map(|number| (format!("API{number}:2023"), None)).collect();
    let cwe: Vec<_> = CWE.iter().map(|number| (format!("CWE-{number}"), None)).collect();
    assert_eq!(ids, [api, cwe]);
}

/// Returns the names of all tests, as the runner prints them.
fn tests() -> BTreeSet<String> {
    let folders = ["shared", "functions", "cli", "tests"];
    let files: Vec<_> = folders.iter().flat_map(|folder| source::files(folder, "rs")).collect();
    let test = Regex::new(r"#\[(?:tokio::)?test(?:\([^\]]*\))?\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)\(").unwrap();
    let inline = Regex::new(r"(?m)^mod (\w+) \{").unwrap();
    let mut names = BTreeSet::new();
    for file in &files {
        for found in test.captures_iter(&file.text) {
            let at = found.get(0).unwrap().start();
            let within =
                inline.captures_iter(&file.text).take_while(|module| module.get(0).unwrap().start() < at).last();
            let within = within.map(|module| module[1].to_owned());
            let parts = modules(file).into_iter().chain(within).chain([found[1].to_owned()]);
            names.insert(parts.collect::<Vec<_>>().join("::"));
        }
    }
    names
}

/// The modules of a file, from the root of its program.
fn modules(file: &SourceFile) -> Vec<String> {
    if ["tests/tests/suite.rs", "cli/tests/cluster.rs"].contains(&file.path.as_str()) {
        return Vec::new();
    }
    let roots = ["tests/tests/", "cli/tests/run/"];
    let path = roots.iter().find_map(|root| file.path.strip_prefix(root));
    let path = path.or_else(|| file.path.split_once("/src/").map(|(_, path)| path)).unwrap_or_default();
    let parts = path.trim_end_matches(".rs").split('/').filter(|part| !["", "mod", "lib", "main"].contains(part));
    parts.map(str::to_owned).collect()
}

#[test]
fn every_test_that_an_answer_names_exists() {
    let tests = tests();
    assert!(tests.len() > 500, "{}", tests.len());
    for name in ["every_file_is_part_of_the_suite", "hardening::standards::every_test_that_an_answer_names_exists"] {
        assert!(tests.contains(name), "the scan does not find {name}");
    }
    let mut missing = Vec::new();
    for row in all() {
        if let Answer::Tests(named) = &row.answer {
            missing
                .extend(named.iter().filter(|name| !tests.contains(*name)).map(|name| format!("{}: {name}", row.id)));
        }
    }
    let cited = Regex::new("`((?:[a-z_]+::)+[a-z0-9_]+)`").unwrap();
    for document in ["docs/threat-model.md", "docs/inventories.md"] {
        let page = std::fs::read_to_string(tools::workspace().join(document)).unwrap();
        let named = cited.captures_iter(&page).map(|found| found[1].to_owned());
        missing.extend(named.filter(|name| !tests.contains(name)).map(|name| format!("{document}: {name}")));
    }
    assert!(missing.is_empty(), "renamed or removed? cli/src/standards and the documents cite {missing:#?}");
}

#[test]
fn every_file_that_an_answer_names_exists() {
    let file = Regex::new(r"^[\w./-]+\.(?:rs|toml|md|json|js|ya?ml|sql)$").unwrap();
    for row in all() {
        let (text, code) = match &row.answer {
            Answer::Code(text) => (text.as_str(), true),
            Answer::Exception(text) | Answer::NotApplicable(text) => (text.as_str(), false),
            Answer::Tests(_) => ("", false),
        };
        let first = text.split_once(": ").map(|(path, _)| path).filter(|_| code);
        assert!(!code || first.is_some_and(|path| file.is_match(path)), "{}: begin with a file: {text}", row.id);
        let note = row.note.as_deref().unwrap_or_default();
        for path in first.into_iter().chain(text.split('`')).chain(note.split('`')).filter(|word| file.is_match(word)) {
            assert!(tools::workspace().join(path).is_file(), "{}: {path}", row.id);
        }
    }
}

#[test]
fn every_answer_has_a_reason() {
    for row in all() {
        assert!(row.asks.len() > 3 && !row.asks.contains('|'), "{row:?}");
        let (Answer::Code(reason) | Answer::NotApplicable(reason) | Answer::Exception(reason)) = &row.answer else {
            continue;
        };
        let least = if matches!(row.answer, Answer::Exception(_)) { 40 } else { 10 };
        assert!(reason.len() >= least && reason.ends_with('.') && !reason.contains('|'), "{row:?}");
    }
}

/// The requirements that the threat model lists as accepted risks, each with its level, in order.
fn accepted() -> Vec<(String, Option<u8>)> {
    let page = std::fs::read_to_string(tools::workspace().join("docs/threat-model.md")).unwrap();
    let section = markdown::section(&page, "## Accepted risks");
    let row = Regex::new(r"(?m)^\| (\d+\.\d+\.\d+) \| (\d) \|").unwrap();
    row.captures_iter(section).map(|found| (found[1].to_owned(), found[2].parse().ok())).collect()
}

#[test]
fn every_exception_of_the_first_two_levels_is_an_accepted_risk() {
    let exceptions = asvs().into_iter().filter(|row| row.level.is_some_and(|level| level <= 2));
    let exceptions = exceptions.filter(|row| matches!(row.answer, Answer::Exception(_)));
    let exceptions: Vec<_> = exceptions.map(|row| (row.id, row.level)).collect();
    assert_eq!(accepted(), exceptions);
}

#[test]
fn the_pages_on_standards_are_current() {
    for (name, page) in [("asvs", standards::asvs()), ("weaknesses", standards::weaknesses())] {
        let kept = std::fs::read_to_string(tools::workspace().join(format!("docs/{name}.md"))).unwrap_or_default();
        assert!(
            kept == page.unwrap(),
            "docs/{name}.md is out of date: `cargo run -- admin document {name} > docs/{name}.md`"
        );
    }
}
