//! Conventions of every route: headers, problem details, strict bodies, pages, idempotency keys, entity tags.

use axum::body::Body;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for response in [
        editor.get("/accounts").await,
        editor.get("/admin/audit").await,
        editor.get("/nowhere").await,
        editor.delete("/accounts").await,
        app.anonymous().get("/accounts").await,
        app.anonymous().get("/healthz").await,
        editor.post("/accounts", &json!({"name": 1})).await,
    ] {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(response.header(name), value, "{name} of {response:?}");
        }
        assert!(uuid::Uuid::try_parse(response.header("x-request-id")).is_ok(), "{response:?}");
        assert!(response.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{response:?}");
    }
}

#[tokio::test]
async fn a_callers_request_id_is_never_adopted() {
    let app = TestApp::start().await;
    let response = app.anonymous().with_header("x-request-id", "forged").get("/healthz").await;
    assert_ne!(response.header("x-request-id"), "forged");
}

#[tokio::test]
async fn errors_are_problem_details() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let response = editor.post("/accounts", &json!({"name": "", "owner": "x"})).await;
    assert_eq!(response.header("content-type"), "application/problem+json");
    assert_eq!(response.text_at("request_id"), response.header("x-request-id"));
    assert_json_snapshot!(response.body, {".request_id" => "[id]"}, @r#"
    {
      "code": "validation_failed",
      "detail": "Some fields are invalid; see errors.",
      "errors": [
        {
          "field": "name",
          "message": "must be 1 to 200 characters, not all of them spaces, without control or invisible characters"
        }
      ],
      "request_id": "[id]",
      "status": 400,
      "title": "Validation failed",
      "type": "urn:holdfast:problem:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn an_unknown_method_gets_405_with_the_allowed_methods() {
    let app = TestApp::start().await;
    let response = app.anonymous().delete("/accounts").await;
    assert_eq!(response.outcome(), "405 method_not_allowed");
    assert_eq!(response.header("allow"), "GET,HEAD,POST");
    for method in [Method::TRACE, Method::CONNECT, Method::from_bytes(b"PROPFIND").unwrap()] {
        let request = app.anonymous().request(method.clone(), "/accounts").body(Body::empty()).unwrap();
        let response = app.anonymous().send_request(request).await;
        assert_eq!(response.outcome(), "405 method_not_allowed", "{method}");
    }
    assert_eq!(app.anonymous().get("/no/such/route").await.outcome(), "404 not_found");
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let long = format!("{{\"name\":\"{}\"}}", "a".repeat(200 * 1024));
    let json = "application/json";
    for (content_type, body, outcome) in [
        (json, r#"{"name":"a","colour":"red"}"#, "400 validation_failed"),
        (json, r#"{"name":"a","name":"b"}"#, "400 invalid_request"),
        (json, r#"{"name":"a","metadata":{"k":"1","k":"2"}}"#, "400 invalid_request"),
        (json, r#"{"name":["a"]}"#, "400 validation_failed"),
        (json, r#"{"name":"a\u0000b"}"#, "400 invalid_request"),
        (json, r#"{"name":"a"}}"#, "400 invalid_request"),
        (json, r#""a""#, "400 validation_failed"),
        (json, "", "400 invalid_request"),
        (json, "\u{feff}{}", "400 invalid_request"),
        (json, &long, "413 payload_too_large"),
        ("text/plain", r#"{"name":"a"}"#, "415 unsupported_media_type"),
        ("application/json; charset=utf-16", r#"{"name":"a"}"#, "415 unsupported_media_type"),
        ("", r#"{"name":"a"}"#, "415 unsupported_media_type"),
        ("application/json; charset=utf-8", r#"{"name":"a"}"#, "201"),
    ] {
        let request = editor.request(Method::POST, "/accounts").header("content-type", content_type);
        let response = editor.send_request(request.body(Body::from(body.to_owned())).unwrap()).await;
        assert_eq!(response.outcome(), outcome, "{content_type} {}", body.chars().take(60).collect::<String>());
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_rejected_even_without_a_declared_length() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let chunks = std::iter::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 64 * 1024]))).take(4);
    let request = editor.request(Method::POST, "/accounts").header("content-type", "application/json");
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    assert_eq!(editor.send_request(request.body(body).unwrap()).await.outcome(), "413 payload_too_large");
}

#[tokio::test]
async fn limits_outside_1_to_200_are_rejected() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for (query, outcome) in [
        ("limit=1", "200"),
        ("limit=200", "200"),
        ("limit=0", "400 validation_failed"),
        ("limit=201", "400 validation_failed"),
        ("limit=-1", "400 validation_failed"),
        ("limit=ten", "400 validation_failed"),
        ("limit=", "400 validation_failed"),
        ("limit=5&limit=6", "400 validation_failed"),
        ("limits=5", "400 validation_failed"),
        ("q=%00", "400 validation_failed"),
        ("status=gone", "400 validation_failed"),
    ] {
        assert_eq!(viewer.get(&format!("/accounts?{query}")).await.outcome(), outcome, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_list_filters_and_tenant() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for name in ["a", "b", "c"] {
        editor.post("/accounts", &json!({"name": name})).await;
    }
    let cursor = editor.get("/accounts?limit=1&status=active").await.text_at("next_cursor").to_owned();
    let stranger = app.sign_in(Tenant::Globex, Role::Viewer).await;
    assert_eq!(editor.get(&format!("/accounts?status=active&cursor={cursor}")).await.status, 200);
    for (client, path) in [
        (&editor, format!("/accounts?cursor={cursor}")),
        (&editor, format!("/accounts?status=suspended&cursor={cursor}")),
        (&editor, format!("/accounts?status=active&cursor={cursor}A")),
        (&editor, "/accounts?cursor=bm90IGEgY3Vyc29y".to_owned()),
        (&stranger, format!("/accounts?status=active&cursor={cursor}")),
    ] {
        assert_eq!(client.get(&path).await.outcome(), "400 validation_failed", "{path}");
    }
}

#[tokio::test]
async fn a_creation_repeated_under_one_key_happens_once() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let keyed = editor.clone().with_header("idempotency-key", "order-66");
    let body = json!({"name": "Once", "metadata": {"k": "v"}});
    let (first, second) = tokio::join!(keyed.post("/accounts", &body), keyed.post("/accounts", &body));
    for header in ["location", "etag"] {
        assert_eq!(first.header(header), second.header(header), "{header}");
    }
    assert_eq!((first.status, &first.text), (second.status, &second.text));
    assert_eq!(editor.get("/accounts").await.items().len(), 1);

    let third = keyed.post("/accounts", &body).await;
    assert_eq!((third.status.as_u16(), third.header("idempotency-replayed")), (201, "true"));
    assert_eq!(keyed.post("/accounts", &json!({"name": "Other"})).await.outcome(), "422 idempotency_mismatch");
    // A key belongs to its caller and expires after a day.
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await.with_header("idempotency-key", "order-66");
    assert_eq!(admin.post("/accounts", &json!({"name": "Other"})).await.status, 201);
    app.clock.advance(24 * 3600 + 1);
    let later = app.sign_in(Tenant::Acme, Role::Editor).await.with_header("idempotency-key", "order-66");
    assert_eq!(later.post("/accounts", &json!({"name": "Later"})).await.status, 201);
}

#[tokio::test]
async fn a_rejected_creation_stores_no_response() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let taken = editor.post("/accounts", &json!({"name": "Taken"})).await;
    let keyed = editor.clone().with_header("idempotency-key", "again");
    assert_eq!(keyed.post("/accounts", &json!({"name": "Taken"})).await.outcome(), "409 conflict");
    editor.delete(taken.header("location")).await;
    assert_eq!(keyed.post("/accounts", &json!({"name": "Taken"})).await.status, 201);
}

#[tokio::test]
async fn idempotency_keys_are_1_to_255_visible_ascii_characters() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for (key, outcome) in [
        ("k".repeat(255), "201"),
        ("k".repeat(256), "400 invalid_request"),
        (String::new(), "400 invalid_request"),
        ("two words".to_owned(), "400 invalid_request"),
        ("ключ".to_owned(), "400 invalid_request"),
    ] {
        let keyed = editor.clone().with_header("idempotency-key", &key);
        assert_eq!(keyed.post("/accounts", &json!({"name": "x"})).await.outcome(), outcome, "{key:?}");
    }
}

#[tokio::test]
async fn a_stale_if_match_changes_nothing() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let path = editor.post("/accounts", &json!({"name": "a"})).await.header("location").to_owned();
    for (tag, outcome) in [
        ("\"1\"", "200"),
        ("\"1\"", "412 precondition_failed"),
        ("\"1\", \"2\"", "200"),
        ("W/\"3\"", "412 precondition_failed"),
        ("*", "200"),
        ("3", "400 invalid_request"),
    ] {
        let response = editor.clone().with_header("if-match", tag).patch(&path, &json!({"owner": "o"})).await;
        assert_eq!(response.outcome(), outcome, "{tag}");
    }
    let stale = editor.clone().with_header("if-match", "\"1\"");
    assert_eq!(stale.delete(&path).await.outcome(), "412 precondition_failed");
    let current = editor.get(&path).await.header("etag").to_owned();
    assert_eq!(editor.with_header("if-match", &current).delete(&path).await.status, 204);
}

#[tokio::test]
async fn cross_origin_requests_are_allowed_only_from_listed_origins_and_without_credentials() {
    let app = TestApp::builder().setting("CORS_ORIGINS", "https://app.example.com").start().await;
    let preflight = |origin: &str| {
        let client = app.anonymous().with_header("origin", origin).with_header("access-control-request-method", "GET");
        async move { client.send(Method::OPTIONS, "/accounts", None).await }
    };
    let listed = preflight("https://app.example.com").await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(listed.header("access-control-allow-credentials"), "");
    let allowed: Vec<&str> = listed.header("access-control-allow-headers").split(',').map(str::trim).collect();
    for header in
        ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-reason", "x-tenant-id"]
    {
        assert!(allowed.contains(&header), "{header} is not among {allowed:?}");
    }
    for origin in ["https://evil.example.com", "https://app.example.com.evil.net", "null", "http://app.example.com"] {
        assert_eq!(preflight(origin).await.header("access-control-allow-origin"), "", "{origin}");
    }
}
