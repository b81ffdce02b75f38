//! TOTP and recovery codes: enrolment, sign-in, single use, and roles that require them.

use holdfast_shared::clock::Clock;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::sample::code;
use serde_json::json;

struct Enrolled {
    client: Client,
    secret: String,
    recovery: Vec<String>,
}

async fn enrol(app: &TestApp, client: Client) -> Enrolled {
    let enrolment = client.post("/auth/mfa/totp", &app.own_password()).await;
    assert_eq!(enrolment.status, 200, "{enrolment:?}");
    let secret = enrolment.text_at("secret").to_owned();
    let recovery = enrolment.body["recovery_codes"].as_array().unwrap();
    let recovery = recovery.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    let confirmed = client.post("/auth/mfa/totp/confirm", &json!({"code": code(&secret, app.clock.now(), 0)})).await;
    assert_eq!(confirmed.status, 204, "{confirmed:?}");
    Enrolled { client, secret, recovery }
}

async fn login(app: &TestApp, otp: Option<&str>) -> Response {
    let mut request = app.credentials(Tenant::Acme, Role::Viewer);
    if let Some(otp) = otp {
        request["otp"] = otp.into();
    }
    app.anonymous().post("/auth/login", &request).await
}

#[tokio::test]
async fn after_enrolment_every_sign_in_needs_a_code() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let enrolment = client.post("/auth/mfa/totp", &app.own_password()).await;
    let secret = enrolment.text_at("secret");
    assert_eq!(
        enrolment.text_at("otpauth_url"),
        format!("otpauth://totp/holdfast:viewer?secret={secret}&issuer=holdfast&algorithm=SHA1&digits=6&period=30")
    );
    assert_eq!(enrolment.body["recovery_codes"].as_array().map(Vec::len), Some(10));
    // The password is enough until the enrolment is confirmed.
    assert_eq!(login(&app, None).await.status, 200);

    let Enrolled { secret, .. } = enrol(&app, client).await;
    let missing = login(&app, None).await;
    assert_eq!((missing.outcome().as_str(), missing.header("www-authenticate")), ("401 mfa_required", "Bearer"));
    app.clock.advance(30);
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), 0))).await.status, 200);
    assert_eq!(login(&app, Some("000000")).await.outcome(), "401 invalid_credentials");
    let mut wrong = app.credentials(Tenant::Acme, Role::Viewer);
    wrong["password"] = "wrong".into();
    assert_eq!(app.anonymous().post("/auth/login", &wrong).await.outcome(), "401 invalid_credentials");
}

#[tokio::test]
async fn a_code_works_once_and_invalidates_older_codes() {
    let app = TestApp::start().await;
    let Enrolled { secret, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    // The code of the confirmation cannot be used again.
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), 0))).await.outcome(), "401 invalid_credentials");
    app.clock.advance(60);
    let now = code(&secret, app.clock.now(), 0);
    let twice = [login(&app, Some(&now)), login(&app, Some(&now))];
    let statuses: Vec<u16> =
        futures_util::future::join_all(twice).await.iter().map(|response| response.status.as_u16()).collect();
    assert!(statuses == [200, 401] || statuses == [401, 200], "{statuses:?}");
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), -1))).await.outcome(), "401 invalid_credentials");
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), 1))).await.status, 200);
}

#[tokio::test]
async fn a_recovery_code_works_once() {
    let app = TestApp::start().await;
    let Enrolled { recovery, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    assert_eq!(login(&app, Some(&recovery[0])).await.status, 200);
    assert_eq!(login(&app, Some(&recovery[0])).await.outcome(), "401 invalid_credentials");
    assert_eq!(login(&app, Some(&recovery[1].to_uppercase())).await.status, 200);
}

#[tokio::test]
async fn totp_is_disabled_only_with_a_code() {
    let app = TestApp::start().await;
    let Enrolled { client, secret, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    let disable = |text: String| client.send(http::Method::DELETE, "/auth/mfa/totp", Some(json!({"code": text})));
    assert_eq!(disable("123456".to_owned()).await.outcome(), "401 invalid_credentials");
    assert_eq!(
        client.post("/auth/mfa/totp", &app.own_password()).await.outcome(),
        "409 conflict",
        "a secret in use is not replaced"
    );
    assert_eq!(disable(code(&secret, app.clock.now(), 1)).await.status, 204);
    assert_eq!(login(&app, None).await.status, 200);
    assert_eq!(disable("123456".to_owned()).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn codes_cannot_be_guessed() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    client.post("/auth/mfa/totp", &app.own_password()).await;
    let mut outcomes = Vec::new();
    for at in 0..6 {
        let guess = json!({"code": format!("{at:06}")});
        outcomes.push(client.post("/auth/mfa/totp/confirm", &guess).await.outcome());
    }
    assert_eq!(outcomes, [vec!["401 invalid_credentials"; 5], vec!["429 rate_limited"; 1]].concat());
}

#[tokio::test]
async fn a_role_that_requires_mfa_can_only_enrol_first() {
    let app = TestApp::builder().setting("REQUIRE_MFA_ROLES", "viewer,operator");
    let (app, viewer) = app.start_as(Tenant::Acme, Role::Viewer).await;
    assert_eq!(viewer.get("/accounts").await.outcome(), "401 mfa_required");
    assert_eq!(viewer.get("/auth/whoami").await.status, 200);
    let Enrolled { client, secret, .. } = enrol(&app, viewer).await;
    assert_eq!(client.get("/accounts").await.status, 200);
    // After TOTP is disabled, the role can only enrol again.
    let last = json!({"code": code(&secret, app.clock.now(), 1)});
    assert_eq!(client.send(http::Method::DELETE, "/auth/mfa/totp", Some(last)).await.status, 204);
    assert_eq!(client.get("/accounts").await.outcome(), "401 mfa_required");
    assert_eq!(app.sign_in(Tenant::Acme, Role::Editor).await.get("/accounts").await.status, 200);
}

#[tokio::test]
async fn the_totp_secret_is_stored_encrypted_and_recovery_codes_hashed() {
    let app = TestApp::start().await;
    let Enrolled { secret, recovery, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    let sealed: Vec<u8> = app.database.value("SELECT sealed FROM totp_secrets", &[]).await;
    let raw = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    assert!(!sealed.windows(raw.len()).any(|window| window == raw));
    let rows: String = app.database.value("SELECT string_agg(r::text, '') FROM recovery_codes r", &[]).await;
    assert!(recovery.iter().all(|code| !rows.contains(code)));
}
