//! The operator's commands: the real program against a database, with the owner's URL.

use std::process::{Command, Output, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::{secrets, tools};
use serde_json::json;

fn holdfast(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.arg("admin").args(arguments).env("DATABASE_URL", app.database.owner_url()).stdin(Stdio::null());
    command.env("DATABASE_CA_FILE", app.database.ca_file()).env("APP_ENV", "local").output().unwrap()
}

/// Runs a command, which must succeed. Returns its output.
#[track_caller]
fn succeeds(app: &TestApp, arguments: &[&str]) -> String {
    let output = holdfast(app, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command, which must fail. Returns its error.
#[track_caller]
fn error(app: &TestApp, arguments: &[&str]) -> String {
    let output = holdfast(app, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Returns the password in the output of a command.
fn password_in(text: &str) -> String {
    let password = text.trim().rsplit(' ').next().unwrap().to_owned();
    secrets::keep(&password);
    password
}

#[tokio::test]
async fn a_lost_admin_gets_back_in_and_every_step_is_in_the_audit_log() {
    let app = TestApp::start().await;
    let before = app.sign_in(Tenant::Acme, Role::Admin).await;
    let password =
        password_in(&succeeds(&app, &["user", "reset-password", "admin", "--tenant", "acme", "--reason", "ticket 7"]));
    assert_eq!(before.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let request = json!({"tenant": "acme", "username": "admin", "password": password});
    let response = app.anonymous().post("/auth/login", &request).await;
    let admin = app.anonymous().with_tokens(&response.body);
    let audit = admin.get("/admin/audit?action=user.update").await;
    assert_eq!(audit.body["items"][0]["path"], "holdfast admin user reset-password");
    assert_eq!(audit.body["items"][0]["changed"], json!(["password", "totp"]));
    assert_eq!(audit.body["items"][0]["reason"], "ticket 7");
}

#[tokio::test]
async fn tenants_and_users_are_created_suspended_and_activated() {
    let app = TestApp::start().await;
    assert!(
        succeeds(&app, &["tenant", "create", "initech", "--name", "Initech"])
            .starts_with("Created the tenant initech (")
    );
    assert!(error(&app, &["tenant", "create", "initech"]).contains("already exists"));
    assert!(
        error(&app, &["tenant", "create", "Not A Slug"]).starts_with("holdfast: the slug takes lower-case letters")
    );
    let created =
        succeeds(&app, &["user", "create", "bill", "--tenant", "initech", "--reason", "ticket 7", "--role", "admin"]);
    let request = json!({"tenant": "initech", "username": "bill", "password": password_in(&created)});
    let login = || app.anonymous();
    let tokens = login().post("/auth/login", &request).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let bill = app.anonymous().with_tokens(&tokens.body);

    for (suspend, activate) in [
        (
            vec!["tenant", "suspend", "initech", "--reason", "ticket 7"],
            vec!["tenant", "activate", "initech", "--reason", "ticket 7"],
        ),
        (
            vec!["user", "suspend", "bill", "--tenant", "initech", "--reason", "ticket 7"],
            vec!["user", "activate", "bill", "--tenant", "initech", "--reason", "ticket 7"],
        ),
    ] {
        succeeds(&app, &suspend);
        assert_eq!(bill.get("/auth/whoami").await.outcome(), "401 unauthenticated", "{suspend:?}");
        assert_eq!(login().post("/auth/login", &request).await.outcome(), "401 invalid_credentials");
        succeeds(&app, &activate);
        assert_eq!(login().post("/auth/login", &request).await.status, 200, "{activate:?}");
    }
    succeeds(&app, &["user", "revoke", "bill", "--tenant", "initech", "--reason", "ticket 7"]);
    assert_eq!(bill.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let listed = succeeds(&app, &["tenant", "list"]);
    assert!(listed.lines().any(|line| line.contains("initech") && line.contains("1 users")), "{listed}");
    assert!(succeeds(&app, &["user", "list", "--tenant", "initech"]).contains("bill"));
    assert!(error(&app, &["user", "create", "peter", "--role", "admin"]).contains("operators belong to the platform"));
    assert!(error(&app, &["user", "revoke", "nobody"]).contains("user nobody not found"));
}

#[tokio::test]
async fn a_token_generated_by_the_command_is_imported_once() {
    let app = TestApp::start().await;
    let tenant = app.tenant_id(Tenant::Acme).await;
    let created = succeeds(&app, &["token", "new", "--tenant-id", &tenant]);
    let word = |name: &str| created.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (token, digest) = (word("token:"), word("sha256:"));
    secrets::keep(&token);
    let entries = format!("acme/importer:accounts:read:{digest}");
    let settings = [
        ("APP_ENV", "local".to_owned()),
        ("DATABASE_URL", app.database.owner_url()),
        ("DATABASE_CA_FILE", app.database.ca_file().display().to_string()),
        ("API_TOKENS", entries),
    ];
    let plan =
        holdfast_migrate::Plan::from_settings(&holdfast_shared::config::Settings::given(settings)).await.unwrap();
    for expected in [1, 0] {
        let report = holdfast_migrate::run(&plan, &*app.clock, &holdfast_shared::rng::SystemRng).await.unwrap();
        assert_eq!(report.created.tokens, expected);
    }
    let importer = app.anonymous().with_token(&token);
    assert_eq!(importer.get("/accounts").await.status, 200);
    assert_eq!(importer.get("/auth/whoami").await.text_at("kind"), "api_token");
}

#[tokio::test]
async fn the_maintain_command_uses_the_owners_login_with_the_roles_rights() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Viewer).await;
    let key = app.database.file("audit-key.pem", &app.signing_key);
    let maintain = |arguments: &[&str], with_key: bool| {
        let mut command = Command::new(tools::binaries().join("holdfast"));
        command.env_clear().args(["admin", "maintain"]).args(arguments).env("APP_ENV", "local");
        command.env("DATABASE_URL", app.database.owner_url()).env("DATABASE_CA_FILE", app.database.ca_file());
        command.env("AUDIT_SEALS_FOLDER", app.database.folder().join("seals"));
        if with_key {
            command.env("AUDIT_KEY_FILE", &key);
        }
        command.output().unwrap()
    };
    let output = maintain(&[], true);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcomes: Vec<_> = lines.iter().map(|line| format!("{} {}", line["task"], line["outcome"])).collect();
    let all = holdfast_maintenance::Task::ALL.map(|task| format!("\"{task}\" \"done\""));
    assert_eq!(outcomes, all, "{text}");

    let rejected = maintain(&["sweep"], true);
    assert!(String::from_utf8(rejected.stderr).unwrap().contains("no such task: use seal or partitions or "));
    let rejected = maintain(&["seal"], false);
    assert_eq!(
        String::from_utf8(rejected.stderr).unwrap().trim_end(),
        "holdfast: AUDIT_KMS_KEY_ID: nothing is set that can sign audit seals; set the id of an ECC_NIST_P256 KMS key of \
         its own, or locally AUDIT_KEY_FILE"
    );
}
