//! Requests made from `docs/openapi.json`, thousands of them, right and wrong: none may fail on our side, and each answer
//! must be as the document says.

use std::process::{Command, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::tools;
use regex::Regex;
use serde_json::Value;

/// Requests of each operation beyond those that go to the limits of its schema.
const EXAMPLES: &str = "10";
/// What takes a password.
const LOGINS: [&str; 2] = ["auth_login", "auth_browser_login"];

/// Lets the tool loose on a gateway of its own. Who signs in again and again must not be locked out by wrong passwords from
/// the same address, so those are made by themselves.
async fn requests(login: Option<Value>, app: &TestApp) {
    let url = format!("http://{}", app.listen().await);
    let folder = tools::workspace().join("tests/generated");
    let mut command = Command::new(tools::schemathesis());
    command.current_dir(&folder).arg("run").arg(tools::workspace().join("docs/openapi.json")).args(["--url", &url]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--continue-on-failure"]);
    command.args(["--seed", "1", "--no-color", "--generation-database", "none"]);
    match login {
        Some(login) => {
            for login in LOGINS {
                command.args(["--exclude-operation-id", login]);
            }
            command.env("HOLDFAST_URL", &url).env("HOLDFAST_LOGIN", login.to_string());
        }
        None => {
            for login in LOGINS {
                command.args(["--include-operation-id", login]);
            }
        }
    }
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    let generated = Regex::new("([0-9]+) generated, ([0-9]+) passed").unwrap();
    let generated = generated.captures(&said).and_then(|counts| counts[2].parse::<u32>().ok());
    assert!(generated > Some(20), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_admin_gets_what_the_document_says() {
    let app = TestApp::start().await;
    requests(Some(app.credentials(Tenant::Acme, Role::Admin)), &app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_gets_what_the_document_says() {
    let app = TestApp::start().await;
    requests(Some(app.credentials(Tenant::Platform, Role::Operator)), &app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_to_sign_in_gets_what_the_document_says() {
    requests(None, &TestApp::start().await).await;
}
