//! The work of a user with a running deployment: `HOLDFAST_URL` with `HOLDFAST_CREDENTIALS`, a file as `make run` writes it
//! (an admin of a tenant, and an operator). Without them, a gateway of its own. The test deletes what it creates.

use std::path::PathBuf;

use holdfast::local::{self, Data, Options, Running};
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_tests::sample::code;
use holdfast_tests::secrets::{self, unique};
use holdfast_tests::wire::Web;
use serde_json::{Value, json};

/// A deployment, and its users.
struct Deployment {
    web: Web,
    credentials: Value,
    running: Option<Running>,
    _folder: Option<tempfile::TempDir>,
}

impl Deployment {
    async fn find() -> Self {
        if let Ok(url) = std::env::var("HOLDFAST_URL") {
            let path: PathBuf =
                std::env::var_os("HOLDFAST_CREDENTIALS").expect("HOLDFAST_CREDENTIALS names a file").into();
            let credentials = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            return Self { web: Web::at(&url), credentials, running: None, _folder: None };
        }
        let folder = tempfile::tempdir().unwrap();
        let data = Data::Kept(folder.path().join(".holdfast"));
        let running = local::start(Options { data, ..Options::ephemeral() }).await.unwrap();
        let text = std::fs::read_to_string(folder.path().join(".holdfast/credentials.json")).unwrap();
        let credentials: Value = serde_json::from_str(&text).unwrap();
        for login in credentials["users"].as_object().unwrap().values() {
            secrets::keep(login["password"].as_str().unwrap());
        }
        Self { web: Web::at(&running.url), credentials, running: Some(running), _folder: Some(folder) }
    }

    /// Signs a user in. Returns the access token.
    async fn sign_in(&self, user: &str) -> String {
        let login = &self.credentials["users"][user];
        let mut body = json!({"username": login["username"], "password": login["password"]});
        if user != "operator" {
            body["tenant"] = self.credentials["tenant"].clone();
        }
        if let Some(secret) = login["totp_secret"].as_str() {
            body["otp"] = code(secret, SystemClock.now(), 0).into();
        }
        let (status, tokens) = self.web.send("POST", "/auth/login", None, Some(&body)).await;
        assert_eq!(status, 200, "{tokens}");
        let token = tokens["access_token"].as_str().unwrap().to_owned();
        secrets::keep(&token);
        token
    }
}

/// An invalid request, and its status and problem code.
struct Rejection {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    outcome: (u16, &'static str),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_works_with_a_running_deployment() {
    let deployment = Deployment::find().await;
    let web = &deployment.web;
    assert_eq!(web.send("GET", "/healthz", None, None).await, (200, json!({"status": "ok"})));
    assert_eq!(web.send("GET", "/readyz", None, None).await, (200, json!({"status": "ready"})));
    for protected in ["/accounts", "/admin/status", "/metrics"] {
        let (status, problem) = web.send("GET", protected, None, None).await;
        assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")), "{protected}");
    }

    for file in ["index.html", "app.js", "style.css"] {
        assert_eq!(web.send("GET", &format!("/console/{file}"), None, None).await.0, 200, "{file}");
    }

    let token = deployment.sign_in("admin").await;
    let token = Some(token.as_str());
    let (_, whoami) = web.send("GET", "/auth/whoami", token, None).await;
    assert_eq!((&whoami["role"], &whoami["tenant"]["slug"]), (&json!("admin"), &deployment.credentials["tenant"]));

    let name = unique();
    let (status, account) = web.send("POST", "/accounts", token, Some(&json!({"name": name}))).await;
    assert_eq!(status, 201, "{account}");
    let path = format!("/accounts/{}", account["id"].as_str().unwrap());
    assert_eq!(web.send("POST", "/accounts", token, Some(&json!({"name": name}))).await.0, 409);
    assert_eq!(web.send("GET", &path, token, None).await.1["name"], json!(name));
    let value = format!("smoke-{}", unique());
    secrets::keep(&value);
    let secret = format!("{path}/secrets/smoke");
    assert_eq!(web.send("PUT", &secret, token, Some(&json!({"value": value}))).await.0, 201);
    assert_eq!(web.send("GET", &format!("{secret}/value"), token, None).await.1["value"], json!(value));
    assert!(web.send("GET", &secret, token, None).await.1.get("value").is_none());

    let account_id = account["id"].as_str().unwrap();
    let (_, audit) = web.send("GET", &format!("/admin/audit?account_id={account_id}"), token, None).await;
    let actions: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["secret.reveal", "secret.put", "account.create"], "{audit}");

    let huge = json!({"username": "x".repeat(1 << 20), "password": "x"});
    for Rejection { method, path, body, outcome } in [
        Rejection { method: "GET", path: "/nothing-here", body: None, outcome: (404, "not_found") },
        Rejection { method: "DELETE", path: "/auth/whoami", body: None, outcome: (405, "method_not_allowed") },
        Rejection {
            method: "POST",
            path: "/accounts",
            body: Some(json!({"nome": "x"})),
            outcome: (400, "validation_failed"),
        },
        Rejection { method: "POST", path: "/auth/login", body: Some(huge), outcome: (413, "payload_too_large") },
    ] {
        let (status, problem) = web.send(method, path, token, body.as_ref()).await;
        assert_eq!((status, problem["code"].as_str().unwrap_or_default()), outcome, "{method} {path}: {problem}");
    }

    let operator = deployment.sign_in("operator").await;
    let (status, schema) = web.send("GET", "/admin/schema", Some(&operator), None).await;
    assert_eq!((status, &schema["pending"], &schema["failed"]), (200, &json!([]), &json!([])), "{schema}");
    assert_eq!(web.send("GET", "/metrics", Some(&operator), None).await.0, 200);
    assert_eq!(web.send("GET", &path, Some(&operator), None).await.0, 403, "operators see no accounts");

    assert_eq!(web.send("DELETE", &secret, token, None).await.0, 204);
    assert_eq!(web.send("DELETE", &path, token, None).await.0, 204);
    for token in [token, Some(operator.as_str())] {
        assert_eq!(web.send("POST", "/auth/logout", token, None).await.0, 204);
        assert_eq!(
            web.send("GET", "/auth/whoami", token, None).await.0,
            401,
            "a session is rejected as soon as it has ended"
        );
    }
    if let Some(running) = deployment.running {
        running.shutdown().await.unwrap();
    }
}
