//! API tokens: returned once, limited to their scopes, never administrators, and invalid as soon as they are revoked.

use holdfast_shared::permission::{Role, Scope};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

async fn create(admin: &Client, token: Value) -> Response {
    admin.create("/auth/tokens", &token).await
}

async fn with_scopes(app: &TestApp, scopes: &[&str]) -> Client {
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let created = create(&admin, json!({"name": "robot", "scopes": scopes})).await;
    app.anonymous().with_token(created.text_at("token"))
}

#[tokio::test]
async fn a_new_token_is_shown_once_and_listed_without_its_secret() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let created =
        create(&admin, json!({"name": "robot", "scopes": ["secrets:read", "accounts:read", "secrets:read"]})).await;
    assert!(created.text_at("token").starts_with(created.text_at("prefix")));
    assert_eq!(created.text_at("token").len(), 53);
    assert_json_snapshot!(created.body, {".id" => "[id]", ".prefix" => "[prefix]", ".token" => "[token]", ".created_at" => "[time]", ".expires_at" => "[time]"}, @r#"
    {
      "created_at": "[time]",
      "expires_at": "[time]",
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
    assert!(!listed.text.contains(created.text_at("token")));
    assert_json_snapshot!(listed.body, {".items[].id" => "[id]", ".items[].prefix" => "[prefix]", ".items[].created_at" => "[time]", ".items[].expires_at" => "[time]", ".items[].created_by" => "[id]"}, @r#"
    {
      "items": [
        {
          "created_at": "[time]",
          "created_by": "[id]",
          "expires_at": "[time]",
          "id": "[id]",
          "last_used_at": null,
          "name": "robot",
          "orphaned": false,
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
async fn whoami_describes_a_token() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:write", "accounts:read"]).await;
    assert_json_snapshot!(robot.get("/auth/whoami").await.body, {".subject" => "[id]", ".tenant.id" => "[id]", ".expires_at" => "[time]"}, @r#"
    {
      "expires_at": "[time]",
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
async fn a_token_may_only_do_what_its_scopes_allow() {
    let app = TestApp::start().await;
    let reader = with_scopes(&app, &["accounts:read"]).await;
    let writer = with_scopes(&app, &["accounts:write"]).await;
    let created = writer.post("/accounts", &json!({"name": "a"})).await;
    assert_eq!(
        (created.status.as_u16(), created.text_at("tenant_id")),
        (201, app.tenant_id(Tenant::Acme).await.as_str())
    );
    let path = created.header("location");
    for (response, outcome) in [
        (reader.get(path).await, "200"),
        (reader.get("/accounts").await, "200"),
        (reader.patch(path, &json!({"owner": "o"})).await, "403 forbidden"),
        (reader.post("/accounts", &json!({"name": "b"})).await, "403 forbidden"),
        (writer.get(path).await, "403 forbidden"),
        (writer.delete(path).await, "204"),
        (reader.get("/metrics").await, "403 forbidden"),
    ] {
        assert_eq!(response.outcome(), outcome, "{response:?}");
    }
}

#[tokio::test]
async fn a_token_cannot_call_routes_that_need_a_signed_in_user() {
    let app = TestApp::start().await;
    let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).filter(|name| *name != "metrics:read").collect();
    let robot = with_scopes(&app, &all).await;
    let mut checked = 0;
    for endpoint in holdfast::gateway::endpoints().iter().filter(|endpoint| endpoint.route.needs_jwt()) {
        let route = endpoint.route;
        let path = route.path.replace("{id}", "01900000-0000-7000-8000-000000000000");
        let response = robot.send(route.method.clone(), &path, Some(json!({}))).await;
        assert_eq!(response.outcome(), "403 jwt_required", "{} {}", route.method, route.path);
        checked += 1;
    }
    assert!(checked >= 12, "{checked}");
}

#[tokio::test]
async fn a_token_stops_working_when_it_is_revoked_expires_or_its_tenant_is_suspended() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let ends = holdfast_shared::clock::Clock::now(&*app.clock) + jiff::SignedDuration::from_hours(1);
    let created =
        create(&admin, json!({"name": "r", "scopes": ["accounts:read"], "expires_at": ends.to_string()})).await;
    let (robot, other) =
        (app.anonymous().with_token(created.text_at("token")), with_scopes(&app, &["accounts:read"]).await);
    assert_eq!(robot.get("/accounts").await.status, 200);
    app.clock.advance(3601);
    assert_eq!(robot.get("/accounts").await.outcome(), "401 unauthenticated");

    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let id = other.get("/auth/whoami").await.text_at("subject").to_owned();
    assert_eq!(admin.delete(&format!("/auth/tokens/{id}")).await.status, 204);
    assert_eq!(other.get("/accounts").await.outcome(), "401 unauthenticated");
    assert_eq!(admin.delete(&format!("/auth/tokens/{id}")).await.outcome(), "404 not_found");

    let third = with_scopes(&app, &["accounts:read"]).await;
    app.database.execute("UPDATE tenants SET status = 'suspended' WHERE slug = 'acme'").await;
    assert_eq!(third.get("/accounts").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn a_token_expires_after_a_year_at_the_latest() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let now = holdfast_shared::clock::Clock::now(&*app.clock);
    let after = |days: i64, seconds: i64| {
        (now + jiff::SignedDuration::from_hours(24 * days) + jiff::SignedDuration::from_secs(seconds)).to_string()
    };
    let new = |expires_at: Option<String>| json!({"name": "t", "scopes": ["accounts:read"], "expires_at": expires_at});
    let created = admin.post("/auth/tokens", &new(None)).await;
    let ends: jiff::Timestamp = created.text_at("expires_at").parse().unwrap();
    let seconds = ends.as_second() - now.as_second();
    assert!((seconds - 365 * 86_400).abs() < 60, "{created:?}");
    assert_eq!(admin.post("/auth/tokens", &new(Some(after(365, -60)))).await.status, 201);
    let late = admin.post("/auth/tokens", &new(Some(after(365, 60)))).await;
    assert_eq!(late.outcome(), "400 validation_failed");
    assert_eq!(late.body["errors"][0]["field"], "expires_at");

    let robot = app.anonymous().with_token(created.text_at("token"));
    app.clock.advance(364 * 86_400);
    assert_eq!(robot.get("/accounts").await.status, 200);
    app.clock.advance(86_400);
    assert_eq!(robot.get("/accounts").await.outcome(), "401 unauthenticated");

    let (app, admin) = TestApp::builder().setting("API_TOKEN_MAX_DAYS", "30").start_as(Tenant::Acme, Role::Admin).await;
    assert_eq!(admin.post("/auth/tokens", &new(Some(after(31, 0)))).await.outcome(), "400 validation_failed");
    drop(app);
}

#[tokio::test]
async fn tokens_end_with_the_user_who_created_them_unless_asked_otherwise() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    operator.patch(&app.tenant_path(Tenant::Acme).await, &json!({"quotas": {"api_tokens": 4}})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    for (number, (query, suspends, ends)) in [
        ("", false, true),
        ("?keep_tokens=false", false, true),
        ("?keep_tokens=true", false, false),
        ("", true, true),
        ("?keep_tokens=true", true, false),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("leaver-{number}");
        let path = holdfast_tests::users::create_user(&app, &admin, &name, Role::Admin).await;
        let leaver = app.sign_in_as(Tenant::Acme, &name).await;
        let created = create(&leaver, json!({"name": name, "scopes": ["accounts:read"]})).await;
        let robot = app.anonymous().with_token(created.text_at("token"));
        assert_eq!(robot.get("/accounts").await.status, 200);
        let at = format!("{path}{query}");
        let left =
            if suspends { admin.patch(&at, &json!({"status": "suspended"})).await } else { admin.delete(&at).await };
        assert!(left.status.is_success(), "{at}: {left:?}");
        let expected = if ends { "401 unauthenticated" } else { "200" };
        assert_eq!(robot.get("/accounts").await.outcome(), expected, "{at}");
        // What is kept is reported, and what was revoked no longer counts.
        let listed = admin.get("/auth/tokens").await;
        let kept: Vec<_> = listed.items().iter().filter(|token| token["name"] == name.as_str()).collect();
        assert_eq!(kept.len(), usize::from(!ends), "{listed:?}");
        assert!(kept.iter().all(|token| token["orphaned"] == true), "{listed:?}");
    }
    let used = "SELECT used FROM tenant_quotas q JOIN tenants t ON t.id = q.tenant_id WHERE t.slug = 'acme' AND kind = 'api_tokens'";
    assert_eq!(app.database.value::<i64>(used, &[]).await, 2);
    let wrong = admin.delete("/admin/users/019a0000-0000-7000-8000-000000000000?keep_tokens=maybe").await;
    assert_eq!(wrong.outcome(), "400 validation_failed");
}

#[tokio::test]
async fn an_invalid_token_is_rejected() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:read"]).await;
    let token = robot.access_token.clone().unwrap();
    let unissued = holdfast_shared::identity::api_token::generate(
        holdfast_shared::id::TenantId(app.tenant_id(Tenant::Acme).await.parse().unwrap()),
        &holdfast_shared::rng::SystemRng,
    );
    let typo = format!("{}{}", &token[..52], if token.ends_with('0') { '1' } else { '0' });
    for text in [typo.as_str(), &token[..52], "hfk_", secrecy::ExposeSecret::expose_secret(&unissued)] {
        assert_eq!(app.anonymous().with_token(text).get("/accounts").await.outcome(), "401 unauthenticated", "{text}");
    }
}

#[tokio::test]
async fn nobody_grants_scopes_that_they_do_not_hold() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    for (creator, scopes, outcome) in [
        (&admin, json!(["metrics:read"]), "403 forbidden"),
        (&operator, json!(["accounts:read"]), "403 forbidden"),
        (&operator, json!(["metrics:read"]), "201"),
        (&admin, json!(["users:write"]), "400 validation_failed"),
        (&admin, json!(["everything"]), "400 validation_failed"),
        (&admin, json!([]), "400 validation_failed"),
    ] {
        let response = creator.post("/auth/tokens", &json!({"name": "t", "scopes": scopes})).await;
        assert_eq!(response.outcome(), outcome, "{scopes}");
        if response.status == 201 {
            let robot = app.anonymous().with_token(response.text_at("token"));
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
        admin.get("/auth/tokens").await.items()[0]["last_used_at"].clone()
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
async fn a_repeated_creation_returns_the_same_token_which_is_stored_encrypted() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await.with_header("idempotency-key", "once");
    let request = json!({"name": "robot", "scopes": ["accounts:read"]});
    let (first, again) = (create(&admin, request.clone()).await, create(&admin, request).await);
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let superuser = app.database.superuser().await;
    let row = superuser.query_one("SELECT body, key_version FROM idempotency_keys", &[]).await.unwrap();
    let (body, version): (Vec<u8>, Option<i32>) = (row.get("body"), row.get("key_version"));
    assert_eq!(version, Some(1));
    assert!(!String::from_utf8_lossy(&body).contains("hfk_"));
}

#[tokio::test]
async fn a_tokens_actions_are_audited_under_its_name() {
    let app = TestApp::start().await;
    let robot = with_scopes(&app, &["accounts:write"]).await;
    let created = robot.post("/accounts", &json!({"name": "a"})).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = admin.get(&format!("/admin/audit?request_id={}", created.header("x-request-id"))).await;
    assert_json_snapshot!(found.body["items"][0]["actor"], {".id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "kind": "api_token",
      "name": "robot"
    }
    "#);
}
