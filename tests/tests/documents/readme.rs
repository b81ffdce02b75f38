//! The README's session, pasted into a shell, prints what the README shows.

use std::process::Stdio;
use std::sync::Arc;

use holdfast::local::{self, Data, Options};
use holdfast_shared::clock::{Clock, ManualClock, SystemClock};
use holdfast_tests::markdown::{Step, section, steps};
use holdfast_tests::{secrets, tools};
use regex::Regex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// The address of the README's run.
const ADDRESS: &str = "http://127.0.0.1:8080";
/// The time that a reader takes for a block, enough for counters to be reported.
const SECONDS_A_STEP: i64 = 6;
/// The line that the shell prints after a block.
const DONE: &str = "-- done --";

#[tokio::test]
async fn the_readmes_session_prints_what_it_shows() {
    let readme = std::fs::read_to_string(tools::workspace().join("README.md")).unwrap();
    let steps = steps(section(&readme, "## A session"));
    assert!(steps.len() > 5, "{steps:?}");

    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let data = Data::Kept(folder.path().join(".holdfast"));
    let running = local::start(Options { data, clock: Arc::clone(&clock) as _, ..Options::ephemeral() }).await.unwrap();
    for login in running.credentials.users.values() {
        secrets::keep(&login.password);
    }

    let mut shell = Command::new("bash");
    shell.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut shell = shell.spawn().unwrap();
    let (mut commands, output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    let mut lines = BufReader::new(output).lines();
    let (mut shown, mut printed) = (Mask::default(), Mask::default());
    for Step { commands: block, shown: expected } in &steps {
        clock.advance(SECONDS_A_STEP);
        let block = format!("{}\nprintf '\\n{DONE}\\n'\n", block.replace(ADDRESS, &running.url));
        commands.write_all(block.as_bytes()).await.unwrap();
        let mut output = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap().filter(|line| line != DONE) {
            output.push(line);
        }
        let expected = shown.lines(expected.as_deref().unwrap_or_default().lines());
        assert_eq!(printed.lines(output.iter().map(String::as_str)), expected, "{block}");
    }
    drop(commands);
    assert!(shell.wait().await.unwrap().success());
    running.shutdown().await.unwrap();
}

/// Replaces what differs from run to run by names. An id always gets the same name, so that references stay comparable.
#[derive(Default)]
struct Mask {
    ids: Vec<String>,
}

impl Mask {
    /// Returns the masked lines, without empty ones at the end.
    fn lines<'a>(&mut self, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut lines: Vec<_> = lines.map(|line| self.line(line)).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    fn line(&mut self, line: &str) -> String {
        let mut line = line.trim_end().to_owned();
        for (pattern, name) in [
            (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z", "TIME"),
            (r"^date: .*", "date: TIME"),
            (r"curl/[0-9.]+", "curl/VERSION"),
        ] {
            line = Regex::new(pattern).unwrap().replace_all(&line, name).into_owned();
        }
        let id = Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
        let name = |captures: &regex::Captures<'_>| {
            let known = self.ids.iter().position(|known| *known == captures[0]).unwrap_or_else(|| {
                self.ids.push(captures[0].to_owned());
                self.ids.len() - 1
            });
            format!("ID-{known}")
        };
        id.replace_all(&line, name).into_owned()
    }
}
