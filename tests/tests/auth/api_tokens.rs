//! API tokens: shown once, bound to their scopes, never admin, and gone at once when revoked.

use holdfast_shared::permission::{Role, Scope};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Reply};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

async fn make(admin: &Client, token: Value) -> Reply {
    let made = admin.post("/auth/tokens", &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

async fn with_scopes(app: &TestApp, scopes: &[&str]) -> Client {
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let made = make(&admin, json!({"name": "robot", "scopes": scopes})).await;
    app.anonymous().with_token(made.text_at("token"))
}

#[tokio::test]
async fn a_new_token_is_shown_once_and_listed_without_its_secret() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let made =
        make(&admin, json!({"name": "robot", "scopes": ["secrets:read", "accounts:read", "secrets:read"]})).await;
    assert!(made.text_at("token").starts_with(made.text_at("prefix")));
    assert_eq!(made.text_at("token").len(), 53);
    let redactions = |body: &Value| {
        assert!(body["id"].is_string());
    };
    redactions(&made.body);
    assert_json_snapshot!(made.body, {".id" => "[id]", ".prefix" => "[prefix]", ".token" => "[token]", ".created_at" => "[time]"}, @r#"
    {
      "created_at": "[time]",
      "expires_at": null,
      "id": "[id]",
      "name": "robot",
      "prefix": "[prefix]",
      "scopes": [
        "accounts:read",
        "secrets:read"
      ],
      "token": "[token]"
    }
    "#);
    let listed = admin.get("/auth/tokens").await;
    assert!(!listed.text.contains(made.text_at("token")));
    assert_json_snapshot!(listed.body, {".items[].id" => "[id]", ".items[].prefix" => "[prefix]", ".items[].created_at" => "[time]", ".items[].created_by" => "[id]"}, @r#"
    {
      "items": [
        {
          "created_at": "[time]",
          "created_by": "[id]",
          "expires_at": null,
          "id": "[id]",
          "last_used_at": null,
          "name": "robot",
          "prefix": "[prefix]",
          "scopes": [
            "accounts:read",
            "secrets:read"
          ]
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn a_token_says_who_it_is() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:write", "accounts:read"]).await;
    assert_json_snapshot!(robot.get("/auth/whoami").await.body, {".subject" => "[id]", ".tenant.id" => "[id]"}, @r#"
    {
      "expires_at": null,
      "kind": "api_token",
      "permissions": [
        "accounts:read",
        "accounts:write"
      ],
      "subject": "[id]",
      "tenant": {
        "id": "[id]",
        "name": "acme",
        "slug": "acme"
      }
    }
    "#);
}

#[tokio::test]
async fn a_token_may_do_what_its_scopes_say_and_nothing_else() {
    let app = TestApp::start().await;
    let reader = with_scopes(&app, &["accounts:read"]).await;
    let writer = with_scopes(&app, &["accounts:write"]).await;
    let made = writer.post("/accounts", &json!({"name": "a"})).await;
    assert_eq!((made.status.as_u16(), made.text_at("tenant_id")), (201, app.tenant_id(Tenant::Acme).await.as_str()));
    let path = made.header("location");
    for (reply, outcome) in [
        (reader.get(path).await, "200"),
        (reader.get("/accounts").await, "200"),
        (reader.patch(path, &json!({"owner": "o"})).await, "403 forbidden"),
        (reader.post("/accounts", &json!({"name": "b"})).await, "403 forbidden"),
        (writer.get(path).await, "403 forbidden"),
        (writer.delete(path).await, "204"),
        (reader.get("/metrics").await, "403 forbidden"),
    ] {
        assert_eq!(reply.outcome(), outcome, "{reply:?}");
    }
}

#[tokio::test]
async fn a_token_never_does_what_needs_a_signed_in_user() {
    let app = TestApp::start().await;
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).filter(|name| *name != "metrics:read").collect();
    let robot = with_scopes(&app, &all).await;
    let mut checked = 0;
    for endpoint in holdfast::gateway::endpoints().iter().filter(|endpoint| endpoint.route.needs_jwt()) {
        let route = endpoint.route;
        let path = route.path.replace("{id}", "01900000-0000-7000-8000-000000000000");
        let reply = robot.send(route.method.clone(), &path, Some(json!({}))).await;
        assert_eq!(reply.outcome(), "403 jwt_required", "{} {}", route.method, route.path);
        checked += 1;
    }
    assert!(checked >= 12, "{checked}");
}

#[tokio::test]
async fn a_token_stops_at_once_when_it_is_revoked_or_runs_out_or_its_tenant_is_suspended() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let ends = holdfast_shared::clock::Clock::now(&*app.clock) + jiff::SignedDuration::from_hours(1);
    let made = make(&admin, json!({"name": "r", "scopes": ["accounts:read"], "expires_at": ends.to_string()})).await;
    let (robot, other) =
        (app.anonymous().with_token(made.text_at("token")), with_scopes(&app, &["accounts:read"]).await);
    assert_eq!(robot.get("/accounts").await.status, 200);
    app.clock.advance(3601);
    assert_eq!(robot.get("/accounts").await.outcome(), "401 unauthenticated");

    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let id = other.get("/auth/whoami").await.text_at("subject").to_owned();
    assert_eq!(admin.delete(&format!("/auth/tokens/{id}")).await.status, 204);
    assert_eq!(other.get("/accounts").await.outcome(), "401 unauthenticated");
    assert_eq!(admin.delete(&format!("/auth/tokens/{id}")).await.outcome(), "404 not_found");

    let third = with_scopes(&app, &["accounts:read"]).await;
    let superuser = app.database.superuser().await;
    superuser.batch_execute("UPDATE tenants SET status = 'suspended' WHERE slug = 'acme'").await.unwrap();
    assert_eq!(third.get("/accounts").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:read"]).await;
    let token = robot.access_token.clone().unwrap();
    let made_up = holdfast_shared::identity::api_token::generate(
        holdfast_shared::id::TenantId(app.tenant_id(Tenant::Acme).await.parse().unwrap()),
        &holdfast_shared::rng::SystemRng,
    );
    let typo = format!("{}{}", &token[..52], if token.ends_with('0') { '1' } else { '0' });
    for text in [typo.as_str(), &token[..52], "hfk_", secrecy::ExposeSecret::expose_secret(&made_up)] {
        assert_eq!(app.anonymous().with_token(text).get("/accounts").await.outcome(), "401 unauthenticated", "{text}");
    }
}

#[tokio::test]
async fn nobody_gives_away_what_they_do_not_hold() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    for (who, scopes, outcome) in [
        (&admin, json!(["metrics:read"]), "403 forbidden"),
        (&operator, json!(["accounts:read"]), "403 forbidden"),
        (&operator, json!(["metrics:read"]), "201"),
        (&admin, json!(["users:write"]), "400 validation_failed"),
        (&admin, json!(["everything"]), "400 validation_failed"),
        (&admin, json!([]), "400 validation_failed"),
    ] {
        let reply = who.post("/auth/tokens", &json!({"name": "t", "scopes": scopes})).await;
        assert_eq!(reply.outcome(), outcome, "{scopes}");
        if reply.status == 201 {
            let robot = app.anonymous().with_token(reply.text_at("token"));
            assert_eq!(robot.get("/metrics").await.status, 200);
            assert!(robot.get("/auth/whoami").await.body["tenant"].is_null());
        }
    }
    let past = json!({"name": "t", "scopes": ["accounts:read"], "expires_at": "2020-01-01T00:00:00Z"});
    assert_eq!(admin.post("/auth/tokens", &past).await.outcome(), "400 validation_failed");
}

#[tokio::test]
async fn the_last_use_is_recorded_to_the_minute() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:read"]).await;
    let last_use = || async {
        let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
        admin.get("/auth/tokens").await.body["items"][0]["last_used_at"].clone()
    };
    robot.get("/accounts").await;
    let first = last_use().await;
    assert!(first.is_string());
    robot.get("/accounts").await;
    assert_eq!(last_use().await, first);
    app.clock.advance(61);
    robot.get("/accounts").await;
    assert!(last_use().await.as_str() > first.as_str());
}

#[tokio::test]
async fn a_repeated_creation_shows_the_same_token_and_keeps_it_sealed() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await.with_header("idempotency-key", "once");
    let request = json!({"name": "robot", "scopes": ["accounts:read"]});
    let (first, again) = (make(&admin, request.clone()).await, make(&admin, request).await);
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let superuser = app.database.superuser().await;
    let row = superuser.query_one("SELECT body, key_version FROM idempotency_keys", &[]).await.unwrap();
    let (body, version): (Vec<u8>, Option<i32>) = (row.get(0), row.get(1));
    assert_eq!(version, Some(1));
    assert!(!String::from_utf8_lossy(&body).contains("hfk_"));
}

#[tokio::test]
async fn what_a_token_does_is_told_under_its_own_name() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:write"]).await;
    let made = robot.post("/accounts", &json!({"name": "a"})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = admin.get(&format!("/admin/audit?request_id={}", made.header("x-request-id"))).await;
    assert_json_snapshot!(found.body["items"][0]["actor"], {".id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "kind": "api_token",
      "name": "robot"
    }
    "#);
}
