//! A start that fails reports one line with the fix, and changes nothing.

use std::net::TcpListener;

use crate::program::{Run, failure, holdfast, place};

#[test]
fn a_taken_port_is_reported_before_anything_is_created() {
    let place = place();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data_dir = place.path().join("data");
    let line = failure(&["run", "--listen", &address, "--data-dir", data_dir.to_str().unwrap()]);
    assert!(
        line.starts_with(&format!("{address} cannot be served; stop what listens there, or choose another --listen")),
        "{line}"
    );
    assert!(!data_dir.exists());
}

#[test]
fn a_second_run_in_the_same_folder_is_rejected_and_changes_nothing() {
    let place = place();
    let run = Run::start(place.path());
    let line = failure(&["run", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
    assert!(line.contains(&format!("is in use by another run (process {})", run.process())), "{line}");
    run.sign_in(place.path(), "viewer");
}

#[test]
fn a_broken_data_folder_is_not_changed() {
    let place = place();
    let run = Run::start(place.path());
    run.stop();
    let version = place.path().join("postgres/data/PG_VERSION");
    std::fs::remove_file(version).unwrap();
    let line = failure(&["run", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
    assert!(line.contains("is not a complete PostgreSQL cluster (data/PG_VERSION is missing or unreadable)"), "{line}");
    assert!(place.path().join("postgres/data/base").exists());
}

#[test]
fn unreadable_credentials_are_named() {
    let place = place();
    Run::start(place.path()).stop();
    std::fs::write(place.path().join("credentials.json"), "{").unwrap();
    let line = failure(&["run", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
    assert!(line.contains("credentials.json cannot be used; fix it, or move it away to get new passwords"), "{line}");
}

#[test]
fn an_ephemeral_run_rejects_a_folder_that_is_not_empty() {
    let place = place();
    std::fs::write(place.path().join("thesis.txt"), "").unwrap();
    let line =
        failure(&["run", "--ephemeral", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
    assert!(line.contains("leave out --ephemeral"), "{line}");
    assert!(place.path().join("thesis.txt").exists());
}

#[test]
fn an_unreachable_database_is_reported_in_one_line() {
    let place = place();
    let mut command = holdfast(&["run", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
    let output = command.env("DATABASE_URL", "postgres://owner:hunter22@127.0.0.1:1/x").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("holdfast: the database cannot be reached ("), "{text}");
    assert!(
        text.trim_end().ends_with("check DATABASE_URL and that the server runs") && !text.contains("hunter22"),
        "{text}"
    );
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1));
}

#[test]
fn a_short_password_is_not_hashed() {
    let line = failure(&["admin", "hash-password"]);
    assert_eq!(line, "the password has 0 characters; use 12 to 256");
}
