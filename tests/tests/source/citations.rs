//! The files and the functions that the decisions cite exist.

use holdfast_tests::source::{self, SourceFile};
use holdfast_tests::tools;
use regex::Regex;

/// The functions of PostgreSQL that decisions cite.
const POSTGRESQL: [&str; 4] = ["now", "current_setting", "set_config", "pg_current_snapshot"];

/// Returns the texts in backticks outside of code blocks.
fn cited(document: &str) -> Vec<String> {
    let text = document.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    Regex::new("`([^`\n]+)`").unwrap().captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

/// Returns true if a path below the workspace's folder exists. `*` in the last part stands for any text, and a trailing
/// `/` for a folder.
fn exists(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/').filter(|_| path.contains('*')) else {
        return tools::workspace().join(path).exists();
    };
    let pattern = Regex::new(&format!("^{}$", regex::escape(name).replace(r"\*", ".*"))).unwrap();
    let entries = tools::workspace().join(folder).read_dir().into_iter().flatten().flatten();
    entries.into_iter().any(|entry| pattern.is_match(&entry.file_name().to_string_lossy()))
}

/// Returns true if a part of the path stands for any name, such as `NOUN/NAME.sql`.
fn has_placeholder(path: &str) -> bool {
    let stems = path.split('/').map(|part| part.split('.').next().unwrap_or_default());
    stems.into_iter().any(|stem| ["NOUN", "NAME", "VERB"].contains(&stem))
}

/// Returns true if some file declares a function of this name.
fn is_declared(name: &str, rust: &[SourceFile], sql: &[SourceFile]) -> bool {
    let declaration = Regex::new(&format!(r"\bfn {name}\b")).unwrap();
    let creation = Regex::new(&format!(r"(?i)\bFUNCTION\s+{name}\s*\(")).unwrap();
    rust.iter().any(|file| declaration.is_match(&file.text)) || sql.iter().any(|file| creation.is_match(&file.text))
}

#[test]
fn every_file_and_function_that_a_decision_cites_exists() {
    let folders = ["shared", "functions", "cli", "tests"];
    let rust: Vec<_> = folders.iter().flat_map(|folder| source::files(folder, "rs")).collect();
    let sql = source::files("migrations", "sql");
    let file = Regex::new(r"^(?:[\w.*-]+/)+[\w.*-]*$|^[\w-]+\.(?:rs|sql|md|ya?ml|toml|js|py|guard)$").unwrap();
    let function = Regex::new(r"^(?:\w+(?:::|\.))*([a-z_][a-z0-9_]*)\(\)$").unwrap();
    let mut missing = Vec::new();
    for decision in source::files("docs/decisions", "md") {
        for word in cited(&decision.text) {
            if file.is_match(&word) && !has_placeholder(&word) && !exists(&word) {
                missing.push(format!("{}: the file {word}", decision.path));
            }
            let name = function.captures(&word).map(|found| found[1].to_owned());
            if let Some(name) = name.filter(|name| !POSTGRESQL.contains(&name.as_str()))
                && !is_declared(&name, &rust, &sql)
            {
                missing.push(format!("{}: the function {word}", decision.path));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
