//! Functions start no programs: what is never started takes no command from anybody.

use holdfast_tests::source;

#[test]
fn no_function_starts_a_program() {
    let files = ["shared", "functions"].iter().flat_map(|folder| source::files(folder, "rs"));
    let files = files.filter(|file| file.path.contains("/src/") && file.without_tests().contains("process::Command"));
    let starting: Vec<_> = files.map(|file| file.path).collect();
    assert!(starting.is_empty(), "{starting:?}");
}
