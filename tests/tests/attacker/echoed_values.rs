//! Secrets of the wrong JSON type: a code that a client sends as a number, a password in a list. No response and no audit
//! row repeats them. The routes come from the route table.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::sample::Samples;
use serde_json::{Value, json};

/// Digits that appear in nothing else.
const MARK: u64 = 31_337_424_242;

/// Fields that hold secrets, beyond those in the samples. Where a route does not have them they are unknown fields.
const SECRETS: [&str; 8] =
    ["password", "otp", "code", "current_password", "new_password", "refresh_token", "value", "value_base64"];

#[tokio::test]
async fn no_rejection_of_a_body_repeats_a_value() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let mut rejected = 0;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let client = app.sign_in_for(route).await;
        let sample = samples.of(route, Tenant::Acme, &client).await;
        let Some(body) = sample.body.as_ref().and_then(Value::as_object) else { continue };
        let fields: Vec<&str> = body.keys().map(String::as_str).chain(SECRETS).chain(["admin", "quotas"]).collect();
        for (field, value) in fields.iter().flat_map(|field| wrong_values().map(|value| (field, value))) {
            let mut wrong = sample.clone();
            wrong.body.as_mut().unwrap()[*field] = value.clone();
            let response = wrong.send(route, &client).await;
            if response.status.is_success() {
                continue;
            }
            rejected += 1;
            assert_eq!(response.status, 400, "{} {} {field}: {value}", route.method, route.path);
            let text = response.body.to_string();
            let repeats = text.contains(&MARK.to_string()) || text.contains("expected") || text.contains("struct ");
            assert!(!repeats, "{} {} {field}: {text}", route.method, route.path);
        }
        samples.disable_totp().await;
    }
    assert!(rejected > 400, "{rejected} bodies were rejected");
    let rows = format!("SELECT count(*) FROM http_audit_log l WHERE l::text LIKE '%{MARK}%'");
    assert_eq!(app.database.count(&rows).await, 0);
    // The words for the kinds of JSON are those of the standard (RFC 8259).
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let response = editor.post("/accounts", &json!({"name": MARK})).await;
    assert_eq!(response.body["errors"], json!([{"field": "name", "message": "must be a string"}]));
}

fn wrong_values() -> [Value; 6] {
    let text = MARK.to_string();
    [
        json!(MARK),
        json!(-31_337_424_242_i64),
        json!(31_337_424_242.5),
        json!([text]),
        json!({"username": MARK, "password": MARK, "accounts": text}),
        json!([{"password": [MARK]}]),
    ]
}
