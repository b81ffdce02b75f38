//! `holdfast backup`, `drill` and `restore` from a terminal: the real command, with nowhere to write but the backups' folder.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp, VAULT_KEY};
use holdfast_tests::database::TestDatabase;
use holdfast_tests::tools;

fn holdfast(app: &TestApp, backups: &Path, arguments: &[&str], more: &[(&str, String)]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.args(arguments).stdin(Stdio::null()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.env("APP_ENV", "local").env("DATABASE_URL", app.database.owner_url());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("SECRET_ENCRYPTION_KEY", VAULT_KEY);
    command.env("DRILL_DATABASE_URL", app.database.superuser_url()).env("BACKUP_FOLDER", backups);
    // Whoever wanted a temporary file could not have one.
    command.env("TMPDIR", "/nowhere").env("HOME", "/nowhere").current_dir("/proc");
    command.envs(more.iter().map(|(name, value)| (name, value))).output().unwrap()
}

/// The same, where no file can grow past 64 KiB: what a write to a full disk is like, with its error in mid-dump.
fn holdfast_on_a_full_disk(app: &TestApp, backups: &Path) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" backup"]).arg(tools::binaries().join("holdfast"));
    command.env("APP_ENV", "local").env("DATABASE_URL", app.database.owner_url()).stdin(Stdio::null());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("SECRET_ENCRYPTION_KEY", VAULT_KEY);
    command.env("BACKUP_FOLDER", backups).output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_drilled_and_restored_from_a_terminal() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let files = tempfile::tempdir().unwrap();
    let backups = files.path().join("backups");
    let made = said(&holdfast(&app, &backups, &["backup"], &[]));
    let key = made.lines().nth(1).unwrap().to_owned();
    assert!(made.contains(" tables, schema ") && key.contains(".dump"), "{made}");
    let drilled = said(&holdfast(&app, &backups, &["drill"], &[]));
    assert!(drilled.starts_with(&format!("{key} restores: ")) && drilled.contains("the canary opened"), "{drilled}");

    for from in [key.as_str(), "newest", backups.join(&key).to_str().unwrap()] {
        let empty = TestDatabase::empty().await;
        let into = ("RESTORE_DATABASE_URL", empty.owner_url());
        let output = holdfast(&app, &backups, &["restore", "--from", from], std::slice::from_ref(&into));
        assert!(said(&output).starts_with(&format!("Restored {key} into test_")), "{}", said(&output));
        let progress = String::from_utf8(output.stderr).unwrap();
        assert!(progress.contains("verifying: 100 %") && progress.contains("restoring: 100 %"), "{progress}");
        let there = app.instance_with(&[("DATABASE_URL", empty.app_url())], &viewer).await;
        assert_eq!(there.get("/auth/whoami").await.status, 200, "{from}");

        let again = holdfast(&app, &backups, &["restore", "--from", from], std::slice::from_ref(&into));
        let refusal = String::from_utf8(again.stderr).unwrap();
        assert!(refusal.contains(" is not empty; a backup is restored into an empty one only"), "{refusal}");
        assert_eq!(again.status.code(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_one_line_that_names_the_mend_and_shows_no_password() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let unnamed = app.database.owner_url().replace("/test_", "/?application_name=");
    for (arguments, more, words) in [
        (vec!["drill"], vec![], "there is no backup in "),
        (vec!["drill"], vec![("DRILL_DATABASE_URL", String::new())], "DRILL_DATABASE_URL: not set"),
        (vec!["backup"], vec![("BACKUP_FOLDER", String::new())], "BACKUP_BUCKET: there is nowhere to keep backups"),
        (
            vec!["backup"],
            vec![("APP_ENV", "production".to_owned())],
            "BACKUP_FOLDER: backups in a folder are for APP_ENV=local",
        ),
        (vec!["restore", "--from", "newest"], vec![("RESTORE_DATABASE_URL", unnamed)], "the URL names no database"),
    ] {
        let output = holdfast(&app, files.path(), &arguments, &more);
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.contains(words) && line.lines().count() == 1, "{arguments:?}: {line}");
        assert_eq!(output.status.code(), Some(1));
        let password = app.database.owner_url().split(['@', ':']).nth(2).unwrap().to_owned();
        assert!(!line.contains(&password), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_one_line_a_failed_run_and_leaves_nothing() {
    let app = TestApp::start().await;
    let backups = app.database.folder().join("backups");
    let failed = holdfast_on_a_full_disk(&app, &backups);
    let line = String::from_utf8(failed.stderr).unwrap();
    assert_eq!((failed.status.code(), line.contains("File too large")), (Some(1), true), "{line}");
    let left: Vec<_> = backups.read_dir().unwrap().flatten().map(|file| file.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    let runs = holdfast_tests::backups::runs(&app).await;
    assert_eq!((runs.len(), runs[0].1.as_str()), (1, "failed"));

    said(&holdfast(&app, &backups, &["backup"], &[]));
    said(&holdfast(&app, &backups, &["drill"], &[]));
}
