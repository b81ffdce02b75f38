//! All end-to-end suites, as one program: a folder for each domain, a file for each behaviour.

use std::path::Path;

mod accounts;
mod admin;
mod attacker;
mod audit;
mod auth;
mod backup;
mod console;
mod database;
mod deployment;
mod documents;
mod hardening;
mod metrics;
mod operations;
mod request;
mod source;
mod vault;

/// A file without a `mod` line would be left out without a warning.
#[test]
fn every_file_is_part_of_the_suite() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    assert_every_file_is_declared(&tests, &tests.join("suite.rs"));
}

/// Fails where a file or folder beside `parent` has no `mod` line in it, and walks down into the folders.
fn assert_every_file_is_declared(folder: &Path, parent: &Path) {
    let declared = std::fs::read_to_string(parent).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == parent {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let line = format!("mod {name};");
        assert!(declared.lines().any(|declared| declared == line), "{} lacks `{line}`", parent.display());
        if path.is_dir() {
            assert_every_file_is_declared(&path, &path.join("mod.rs"));
        }
    }
}
