//! Rows are read by column name: an index is wrong as soon as a statement changes.

use holdfast_tests::source;
use regex::Regex;

#[test]
fn no_column_of_a_row_is_read_by_its_index() {
    let try_get = Regex::new(r"\btry_get(?:::<[^()]*>)?\(\s*\d").unwrap();
    let get = Regex::new(r"\b(?:row|rows\[[^\]]*\]|first|last)\.get(?:::<[^()]*>)?\(\s*\d").unwrap();
    let line_break = Regex::new(r"\s*\n\s*\.").unwrap();
    let mut found = Vec::new();
    for file in ["shared", "functions", "cli"].iter().flat_map(|folder| source::files(folder, "rs")) {
        let squeezed = line_break.replace_all(&file.text, ".").into_owned();
        for line in squeezed.lines().filter(|line| try_get.is_match(line) || get.is_match(line)) {
            found.push(format!("{}: {}", file.path, line.trim()));
        }
    }
    assert!(found.is_empty(), "{} columns are read by index: {found:#?}", found.len());
}
