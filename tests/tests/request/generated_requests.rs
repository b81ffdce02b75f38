//! Requests generated from `docs/openapi.json`, thousands of them, valid and invalid: none may cause a server error, and
//! each response must match the document.

use std::process::{Command, Stdio};

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::tools;
use regex::Regex;
use serde_json::Value;

/// The number of requests to each operation beyond those at the limits of its schema.
const EXAMPLES: &str = "10";
/// The operations that take a password.
const LOGINS: [&str; 2] = ["auth_login", "auth_browser_login"];

/// Runs schemathesis against a gateway of its own: all operations as a signed-in user, or only the logins. Wrong passwords
/// would lock the user out, so the logins are tested separately.
async fn assert_conforms(app: &TestApp, login: Option<Value>) {
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
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{text}");
    let generated = Regex::new("([0-9]+) generated, ([0-9]+) passed").unwrap();
    let generated = generated.captures(&text).and_then(|counts| counts[2].parse::<u32>().ok());
    assert!(generated > Some(20), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_responses_match_the_document() {
    let app = TestApp::start().await;
    assert_conforms(&app, Some(app.credentials(Tenant::Acme, Role::Admin))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_responses_match_the_document() {
    let app = TestApp::start().await;
    assert_conforms(&app, Some(app.credentials(Tenant::Platform, Role::Operator))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn login_responses_match_the_document() {
    assert_conforms(&TestApp::start().await, None).await;
}
