//! A run's server ends with the run, even after a kill, and the next start succeeds.

use rustix::process::Signal;

use crate::program::{Run, eventually, holdfast, place, runs, server_of, signal};

#[test]
fn the_server_of_a_killed_run_stops() {
    let place = place();
    let run = Run::start(place.path());
    let server = server_of(place.path());
    run.kill();
    eventually("the server stops by itself", || !runs(server));
    Run::start(place.path()).sign_in(place.path(), "admin");
}

/// Kills the process that watches a server, as the end of the whole session would.
#[cfg(target_os = "linux")]
fn kill_watch_over(server: i32) {
    let words = format!("holdfast-watch\0{server}\0");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let watching = |process: &i32| {
        std::fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.contains(&words))
    };
    let watch = numbers.into_iter().find(watching).unwrap();
    signal(watch, Signal::KILL);
    eventually("the watch ends", || !runs(watch));
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_left_alone_is_stopped_by_the_next_start() {
    let place = place();
    let run = Run::start(place.path());
    let server = server_of(place.path());
    kill_watch_over(server);
    run.kill();
    assert!(runs(server));
    let run = Run::start(place.path());
    assert!(!runs(server));
    run.sign_in(place.path(), "admin");
}

#[cfg(target_os = "linux")]
#[test]
fn down_stops_a_server_left_alone() {
    let place = place();
    let run = Run::start(place.path());
    let server = server_of(place.path());
    kill_watch_over(server);
    run.kill();
    assert_eq!(down(place.path()), format!("Stopped the PostgreSQL left in DIR (process {server}).\n"));
    assert!(!runs(server));
    assert_eq!(down(place.path()), "Nothing runs in DIR.\n");
}

#[test]
fn down_stops_a_run() {
    let place = place();
    let run = Run::start(place.path());
    let (process, server) = (run.process(), server_of(place.path()));
    assert_eq!(down(place.path()), format!("Stopped the run in DIR (process {process}).\n"));
    assert!(!runs(server));
}

#[test]
fn an_ephemeral_run_leaves_nothing() {
    let place = place();
    let data_dir = place.path().join("data");
    let arguments = ["run", "--ephemeral", "--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().unwrap()];
    let run = Run::start_as(holdfast(&arguments));
    run.sign_in(&data_dir, "admin");
    assert_eq!(run.stop(), Some(0));
    assert!(!data_dir.exists());

    let run = Run::start_as(holdfast(&arguments));
    run.kill();
    eventually("a killed run's folder is removed", || !data_dir.exists());
}

fn down(data_dir: &std::path::Path) -> String {
    let data_dir = data_dir.to_str().unwrap();
    let output = holdfast(&["down", "--data-dir", data_dir]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().replace(data_dir, "DIR")
}
