//! The effects of a first and of a later start.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Run, credentials, holdfast, place};

#[test]
fn the_first_start_creates_users_of_every_role_with_private_passwords() {
    let place = place();
    let run = Run::start(place.path());
    let file = place.path().join("credentials.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    for key in ["signing-key.pem", "vault-key"] {
        assert_eq!(place.path().join(key).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let credentials = credentials(place.path());
    assert_eq!(credentials["tenant"], "demo");
    assert!(run.welcome.contains(credentials["url"].as_str().unwrap()));
    let mut passwords = std::collections::BTreeSet::new();
    for user in ["admin", "editor", "viewer", "operator"] {
        let login = &credentials["users"][user];
        assert_eq!((login["username"].as_str(), login["role"].as_str()), (Some(user), Some(user)));
        assert!(passwords.insert(login["password"].as_str().unwrap().to_owned()));
        let token = run.sign_in(place.path(), user);
        let (status, body) = run.call("GET", "/auth/whoami", &token, None);
        let whoami: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, whoami["role"].as_str()), (200, Some(user)));
        let tenant = if user == "operator" { Value::Null } else { json!("demo") };
        assert_eq!(whoami.pointer("/tenant/slug").cloned().unwrap_or_default(), tenant);
    }
    assert!(passwords.iter().all(|password| password.len() >= 20));
}

#[test]
fn functions_of_other_processes_find_their_settings_while_the_run_lasts() {
    let place = place();
    let run = Run::start(place.path());
    let files = [
        ("auth.env", Some("holdfast_auth"), vec![]),
        ("accounts.env", Some("holdfast_accounts"), vec![]),
        ("admin.env", Some("holdfast_admin"), vec![]),
        ("health.env", Some("holdfast_health"), vec![]),
        ("metrics.env", Some("holdfast_metrics"), vec![]),
        ("console.env", None, vec![]),
        ("backup.env", Some("holdfast_backup"), vec!["BACKUP_FOLDER", "BACKUP_SIGNING_KEY_FILE", "DRILL_DATABASE_URL"]),
    ];
    for (name, role, more) in &files {
        let file = place.path().join(name);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| line.split('=').next()).collect();
        let mut expected = ["APP_ENV", "AUDIT_KEY_IDS", "SECRET_ENCRYPTION_KEY", "SIGNING_KEY_FILE"].to_vec();
        expected.extend(role.is_some().then_some("DATABASE_URL"));
        expected.extend(more);
        expected.sort_unstable();
        assert_eq!(names, expected);
        let login = role.is_none_or(|role| text.contains(&format!("\nDATABASE_URL='postgres://{role}:")));
        assert!(login, "{name} is of another role");
    }
    assert_eq!(run.stop(), Some(0));
    assert!(files.iter().all(|(name, ..)| !place.path().join(name).exists()));
}

#[test]
fn a_later_start_keeps_data_passwords_and_sessions() {
    let place = place();
    let run = Run::start(place.path());
    let token = run.sign_in(place.path(), "editor");
    let (status, account) = run.call("POST", "/accounts", &token, Some(&json!({"name": "kept"})));
    assert_eq!(status, 201, "{account}");
    let before = credentials(place.path());
    assert_eq!(run.stop(), Some(0));

    let run = Run::start(place.path());
    assert_eq!(credentials(place.path())["users"], before["users"]);
    // The key pair is the same, so the token is still valid.
    let (status, accounts) = run.call("GET", "/accounts", &token, None);
    assert_eq!(status, 200, "{accounts}");
    assert!(accounts.contains("\"kept\""), "{accounts}");
    run.sign_in(place.path(), "admin");
}

#[test]
fn lost_credentials_are_recreated_and_end_the_old_sessions() {
    let place = place();
    let run = Run::start(place.path());
    let token = run.sign_in(place.path(), "admin");
    let before = credentials(place.path());
    run.stop();
    std::fs::remove_file(place.path().join("credentials.json")).unwrap();

    let run = Run::start(place.path());
    assert!(run.welcome.contains("credentials.json was lost"), "{}", run.welcome);
    assert_ne!(credentials(place.path())["users"], before["users"]);
    run.sign_in(place.path(), "admin");
    run.sign_in(place.path(), "operator");
    assert_eq!(run.call("GET", "/auth/whoami", &token, None).0, 401);
}

#[test]
fn metrics_are_served_by_their_own_role() {
    let place = place();
    let run = Run::start(place.path());
    let token = run.sign_in(place.path(), "operator");
    let (status, text) = run.call("GET", "/metrics", &token, None);
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(r#"holdfast_instance_starts_total{function="auth"} 1"#), "{text}");
    assert_eq!(run.call("GET", "/readyz", "", None), (200, r#"{"status":"ready"}"#.to_owned()));
    assert_eq!(run.call("GET", "/nowhere", "", None).0, 404);
}

#[test]
fn the_calls_of_the_welcome_text_work() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let place = place();
    let run = Run::start(place.path());
    let script: Vec<&str> = run.welcome.lines().skip_while(|line| !line.starts_with("Try this")).skip(1).collect();
    let output = Command::new("sh").args(["-ec", &script[..script.len() - 2].join("\n")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r#""items":[{"#) && text.contains(r#""name":"first""#), "{text}");
}

#[test]
fn the_document_and_a_hash_are_printed() {
    let document = holdfast(&["admin", "document", "openapi"]).output().unwrap().stdout;
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert!(document["paths"]["/auth/login"]["post"].is_object());

    let output = Command::new("sh")
        .args(["-c", r#"echo 'correct horse battery' | "$0" admin hash-password"#, env!("CARGO_BIN_EXE_holdfast")])
        .output()
        .unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert!(holdfast_shared::config::costs_the_same(hash.trim_end()), "{hash}");
}
