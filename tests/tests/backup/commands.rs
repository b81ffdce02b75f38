//! `holdfast admin backup`, `drill` and `restore`: the real command, which can write only into the folder of backups.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp, VAULT_KEY};
use holdfast_tests::backups;
use holdfast_tests::database::TestDatabase;
use holdfast_tests::tools;

fn holdfast(app: &TestApp, backups: &Path, arguments: &[&str], more: &[(&str, String)]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command
        .arg("admin")
        .args(arguments)
        .stdin(Stdio::null())
        .env_clear()
        // No program is started.
        .env("PATH", "/nowhere");
    command.env("APP_ENV", "local").env("DATABASE_URL", app.database.owner_url());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("SECRET_ENCRYPTION_KEY", VAULT_KEY);
    command.env("DRILL_DATABASE_URL", app.database.owner_url()).env("BACKUP_FOLDER", backups);
    command.env("BACKUP_SIGNING_KEY_FILE", backups::key_file(app));
    // No temporary file can be created.
    command.env("TMPDIR", "/nowhere").env("HOME", "/nowhere").current_dir("/proc");
    command.envs(more.iter().map(|(name, value)| (name, value))).output().unwrap()
}

/// Runs `holdfast admin backup` with a file size limit of 8 KiB, which fails midway as a full disk does.
fn holdfast_on_a_full_disk(app: &TestApp, backups: &Path) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" admin backup"]).arg(tools::binaries().join("holdfast"));
    command.env("APP_ENV", "local").env("DATABASE_URL", app.database.owner_url()).stdin(Stdio::null());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("SECRET_ENCRYPTION_KEY", VAULT_KEY);
    command.env("BACKUP_SIGNING_KEY_FILE", backups::key_file(app));
    command.env("BACKUP_FOLDER", backups).output().unwrap()
}

/// Returns the output of a command, which must succeed.
#[track_caller]
fn stdout(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_backs_up_drills_and_restores() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let files = tempfile::tempdir().unwrap();
    let backups = files.path().join("backups");
    let created = stdout(&holdfast(&app, &backups, &["backup"], &[]));
    let key = created.lines().nth(1).unwrap().to_owned();
    assert!(created.contains(" tables, schema ") && key.contains(".tar"), "{created}");
    assert!(created.lines().any(|line| line.starts_with("signed by ")), "{created}");
    let drilled = stdout(&holdfast(&app, &backups, &["drill"], &[]));
    assert!(drilled.starts_with(&format!("{key} restores: ")) && drilled.contains("the canary opened"), "{drilled}");

    for from in [key.as_str(), "newest", backups.join(&key).to_str().unwrap()] {
        let empty = TestDatabase::empty().await;
        let into = ("RESTORE_DATABASE_URL", empty.owner_url());
        let output = holdfast(&app, &backups, &["restore", "--from", from], std::slice::from_ref(&into));
        assert!(stdout(&output).starts_with(&format!("Restored {key} into test_")), "{}", stdout(&output));
        let progress = String::from_utf8(output.stderr).unwrap();
        assert!(
            ["verifying", "restoring", "comparing"].iter().all(|doing| progress.contains(&format!("{doing}: 100 %"))),
            "{progress}"
        );
        let there = app.instance_over(&empty, &[], &viewer).await;
        assert_eq!(there.get("/auth/whoami").await.status, 200, "{from}");

        let again = holdfast(&app, &backups, &["restore", "--from", from], std::slice::from_ref(&into));
        let rejection = String::from_utf8(again.stderr).unwrap();
        assert!(rejection.contains(" is not empty; a backup is restored into an empty one only"), "{rejection}");
        assert_eq!(again.status.code(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_one_line_with_the_fix_and_without_a_password() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let unnamed = app.database.owner_url().replace("/test_", "/?application_name=");
    for (arguments, setting, error) in [
        (&["drill"][..], None, "there is no backup in "),
        (&["drill"], Some(("DRILL_DATABASE_URL", "")), "DRILL_DATABASE_URL: not set"),
        (&["backup"], Some(("BACKUP_FOLDER", "")), "BACKUP_BUCKET: there is nowhere to keep backups"),
        (&["backup"], Some(("APP_ENV", "production")), "BACKUP_FOLDER: backups in a folder are for APP_ENV=local"),
        (&["backup"], Some(("BACKUP_SIGNING_KEY_FILE", "")), "BACKUP_SIGNING_KMS_KEY_ID: nothing is set that can sign"),
        (&["backup"], Some(("BACKUP_SIGNING_KEY_FILE", "/nowhere")), "the key of backups cannot be used"),
        (&["drill"], Some(("BACKUP_SIGNING_KEY_IDS", "x")), "BACKUP_SIGNING_KEY_IDS: an entry is not the thumbprint"),
        (&["restore", "--from", "newest"], Some(("RESTORE_DATABASE_URL", &*unnamed)), "the URL names no database"),
    ] {
        let settings = setting.map(|(name, value)| (name, value.to_owned()));
        let output = holdfast(&app, files.path(), arguments, settings.as_slice());
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.contains(error) && line.lines().count() == 1, "{arguments:?}: {line}");
        assert_eq!(output.status.code(), Some(1));
        let password = app.database.owner_url().split(['@', ':']).nth(2).unwrap().to_owned();
        assert!(!line.contains(&password), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_failed_run_with_one_line_and_leaves_nothing() {
    let app = TestApp::start().await;
    let backups = app.database.folder().join("backups");
    let failed = holdfast_on_a_full_disk(&app, &backups);
    let line = String::from_utf8(failed.stderr).unwrap();
    assert_eq!((failed.status.code(), line.contains("File too large")), (Some(1), true), "{line}");
    let left: Vec<_> = backups.read_dir().unwrap().flatten().map(|file| file.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(holdfast_tests::backups::states(&app).await, ["backup failed"]);

    stdout(&holdfast(&app, &backups, &["backup"], &[]));
    stdout(&holdfast(&app, &backups, &["drill"], &[]));
}
