//! The runbooks whose steps are requests to the API or statements to the database, followed: diagnosis, mitigation and
//! verification.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::secrets;
use holdfast_tests::tools;
use serde_json::{Value, json};

fn page(name: &str) -> String {
    std::fs::read_to_string(tools::workspace().join(format!("docs/runbooks/{name}.md"))).unwrap()
}

/// Fails unless the page has these texts.
#[track_caller]
fn assert_says(name: &str, words: &[&str]) {
    let page = page(name);
    for words in words {
        assert!(page.contains(words), "{name} does not say {words}");
    }
}

/// Returns the value of a series in `/metrics`.
async fn metric(app: &TestApp, series: &str) -> f64 {
    app.report_counters().await;
    let text = app.sign_in(Tenant::Platform, Role::Operator).await.get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test]
async fn vault_failures_are_found_in_the_log_and_fixed_by_an_older_version() {
    assert_says(
        "vault-failures",
        &["`GET /admin/audit?action=vault.open_failed`", "`POST /accounts/{id}/secrets/{name}/versions/{n}/restore`"],
    );
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let created = editor.post("/accounts", &json!({"name": "kept"})).await;
    let secret = format!("{}/secrets/token", created.header("location"));
    for value in ["the first value", "the second value"] {
        secrets::keep(value);
        editor.put(&secret, &json!({"value": value})).await;
    }
    let flip = "UPDATE secret_versions SET sealed =
        set_byte(sealed, octet_length(sealed) - 1, get_byte(sealed, octet_length(sealed) - 1) # 1) WHERE version = 2";
    app.database.execute(flip).await;
    assert_eq!(editor.get(&format!("{secret}/value")).await.status, 500);

    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let shown = admin.get("/admin/audit?action=vault.open_failed").await;
    let targets = &shown.body["items"][0]["targets"];
    assert!(targets["account_id"].is_string() && targets.to_string().contains("token"), "{shown:?}");
    assert_eq!(editor.post_empty(&format!("{secret}/versions/1/restore")).await.status, 200);
    assert_eq!(editor.get(&format!("{secret}/value")).await.body["value"], "the first value");
}

#[tokio::test]
async fn compromised_keys_and_tokens_are_replaced() {
    assert_says(
        "key-compromise",
        &["`{\"kind\": \"signing\"}`", "`{\"kind\": \"vault\"}`", "`DELETE /auth/tokens/{id}`"],
    );
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let token = admin.post("/auth/tokens", &json!({"name": "known", "scopes": ["accounts:read"]})).await.body;
    let holder = app.anonymous().with_token(token["token"].as_str().unwrap());
    assert_eq!(holder.get("/accounts").await.status, 200);
    assert_eq!(admin.delete(&format!("/auth/tokens/{}", token["id"].as_str().unwrap())).await.status, 204);
    assert_eq!(holder.get("/accounts").await.status, 401);

    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let count = |body: &Value, state: &str| {
        body["items"].as_array().unwrap().iter().filter(|key| key["kind"] == "signing" && key["state"] == state).count()
    };
    let before = operator.get("/admin/keys").await.body;
    for kind in ["signing", "vault"] {
        let rotated = operator.post("/admin/keys/rotate", &json!({"kind": kind})).await;
        assert!(rotated.status.is_success(), "{kind}: {rotated:?}");
    }
    let after = operator.get("/admin/keys").await.body;
    assert!(after["items"].as_array().unwrap().len() > before["items"].as_array().unwrap().len(), "{after}");
    assert!(count(&before, "active") == 1, "{before}");
}

#[tokio::test]
async fn a_rejected_client_is_found_in_the_log_and_its_quota_raised() {
    assert_says("client-errors", &["`GET /admin/audit?status=403`", "`PATCH /admin/tenants/{id}`", "`quota_exceeded`"]);
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let tenant = app.tenant_path(Tenant::Acme).await;
    operator.patch(&tenant, &json!({"quotas": {"accounts": 0}})).await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    assert_eq!(editor.post("/accounts", &json!({"name": "one"})).await.outcome(), "403 quota_exceeded");
    assert!(metric(&app, "holdfast_refusals_total{code=\"quota_exceeded\"}").await >= 1.0);
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let shown = admin.get("/admin/audit?status=403").await.body;
    assert!(shown["items"][0]["actor"]["name"] == "editor" && shown["items"][0].get("source_ip").is_some(), "{shown}");
    operator.patch(&tenant, &json!({"quotas": {"accounts": 5000}})).await;
    assert_eq!(editor.post("/accounts", &json!({"name": "one"})).await.status, 201);
}

#[tokio::test]
async fn a_throttled_user_signs_in_from_a_known_address() {
    assert_says(
        "rate-limits",
        &[
            "from an address where the user signed in before it works at once",
            "holdfast_refusals_total{code=\"rate_limited\"}",
        ],
    );
    let app = TestApp::start().await;
    let right = app.credentials(Tenant::Acme, Role::Editor);
    let mut wrong = right.clone();
    wrong["password"] = json!("not the password");
    let (here, known) = (app.anonymous().from_address("203.0.113.5"), app.anonymous().from_address("198.51.100.6"));
    assert_eq!(known.post("/auth/login", &right).await.status, 200);
    let mut tries = 0;
    while here.post("/auth/login", &wrong).await.status != 429 {
        tries += 1;
        assert!(tries < 30);
    }
    assert_eq!(here.post("/auth/login", &right).await.status, 429);
    assert!(metric(&app, "holdfast_refusals_total{code=\"rate_limited\"}").await >= 1.0);
    assert_eq!(known.post("/auth/login", &right).await.status, 200);
}

#[tokio::test]
async fn the_statements_on_the_pages_run_unchanged() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    let mut run = 0;
    for name in ["latency", "failed-migration", "audit-unsealed"] {
        for statement in
            page(name).split('`').filter(|text| text.starts_with("SELECT ") && text.contains("pg_stat_activity"))
        {
            superuser.query(statement, &[]).await.unwrap_or_else(|error| panic!("{name}: {statement}: {error}"));
            run += 1;
        }
    }
    assert_eq!(run, 3);
}
