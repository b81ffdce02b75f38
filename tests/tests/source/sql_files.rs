//! Every SQL function has one file, `migrations/functions/NOUN/NAME.sql`, which is found by the function's name.

use std::collections::BTreeMap;

use holdfast_tests::source;
use regex::Regex;

/// The functions that a versioned step may create, because a policy or a constraint of the step needs them: the step and
/// the name.
const STUBS: [(&str, &str); 1] = [("V0001", "current_tenant")];

/// Returns the names of the functions that a text creates, in order.
pub(super) fn defined(sql: &str) -> Vec<String> {
    let code: String = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let create =
        Regex::new(r#"(?i)CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(?:public\.)?"?([a-z0-9_]+)"?\s*\("#).unwrap();
    create.captures_iter(&code).map(|found| found[1].to_owned()).collect()
}

/// Returns the singular of a folder's name.
fn singular(noun: &str) -> String {
    match (noun.strip_suffix("ies"), noun.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => noun.to_owned(),
    }
}

#[test]
fn every_sql_function_has_a_file_of_its_name() {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let files = source::files("migrations/functions", "sql");
    assert!(!files.is_empty(), "migrations/functions has no SQL function");
    for file in &files {
        let names = defined(&file.text);
        let name = names.first().unwrap_or_else(|| panic!("{} defines no function", file.path));
        assert!(names.iter().all(|other| other == name), "{} defines {names:?}: use a file for each name", file.path);
        assert!(file.text.contains("CREATE OR REPLACE FUNCTION"), "{} must be repeatable", file.path);
        // `secrets/versions/add.sql` defines add_secret_version, `audit/record.sql` record_audit.
        let folders: Vec<&str> = file.path.split('/').skip(2).collect();
        let nouns = &folders[..folders.len() - 1];
        let singulars: Vec<String> = nouns.iter().map(|noun| singular(noun)).collect();
        let stem = file.stem();
        let allowed =
            [stem.to_owned(), format!("{stem}_{}", nouns.join("_")), format!("{stem}_{}", singulars.join("_"))];
        assert!(allowed.contains(name), "{} defines {name}: allowed are {allowed:?}", file.path);
        if let Some(other) = owners.insert(name.clone(), file.path.clone()) {
            panic!("{name} is defined in {other} and in {}", file.path);
        }
    }
}

#[test]
fn versioned_steps_define_no_function() {
    for file in source::files("migrations", "sql").iter().filter(|file| file.stem().starts_with('V')) {
        let step = file.stem().split("__").next().unwrap_or_default();
        for name in defined(&file.text) {
            assert!(
                STUBS.contains(&(step, name.as_str())),
                "{} defines {name}: move it to migrations/functions",
                file.path
            );
        }
    }
}
