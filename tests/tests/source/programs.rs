//! Functions start no programs, with listed exceptions: what is never started takes no command from anybody.

use holdfast_tests::source;

/// The files of functions that start programs: PostgreSQL's own, for backups and drills.
const STARTING: [&str; 2] = ["functions/backup/src/login.rs", "functions/backup/src/programs.rs"];

#[test]
fn no_function_starts_a_program_but_those_of_backups() {
    let files = ["shared", "functions"].iter().flat_map(|folder| source::files(folder, "rs"));
    let files = files.filter(|file| file.path.contains("/src/") && file.without_tests().contains("process::Command"));
    let starting: Vec<_> = files.map(|file| file.path).collect();
    assert_eq!(starting, STARTING);
}
