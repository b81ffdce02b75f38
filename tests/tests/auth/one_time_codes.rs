//! TOTP and recovery codes: enrolment, sign-in, one use each, and roles that need them.

use holdfast_shared::clock::Clock;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Options, Tenant, TestApp};
use holdfast_tests::client::{Client, Reply};
use holdfast_tests::sample::code;
use serde_json::json;

struct Enrolled {
    client: Client,
    secret: String,
    recovery: Vec<String>,
}

async fn enrol(app: &TestApp, client: Client) -> Enrolled {
    let given = client.act("/auth/mfa/totp").await;
    assert_eq!(given.status, 200, "{given:?}");
    let secret = given.text_at("secret").to_owned();
    let recovery = given.body["recovery_codes"].as_array().unwrap();
    let recovery = recovery.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    let confirmed = client.post("/auth/mfa/totp/confirm", &json!({"code": code(&secret, app.clock.now(), 0)})).await;
    assert_eq!(confirmed.status, 204, "{confirmed:?}");
    Enrolled { client, secret, recovery }
}

async fn login(app: &TestApp, otp: Option<&str>) -> Reply {
    let mut request = app.credentials(Tenant::Acme, Role::Viewer);
    if let Some(otp) = otp {
        request["otp"] = otp.into();
    }
    app.anonymous().post("/auth/login", &request).await
}

#[tokio::test]
async fn an_enrolment_asks_for_a_code_at_every_sign_in_from_then_on() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let given = client.act("/auth/mfa/totp").await;
    let secret = given.text_at("secret");
    assert_eq!(
        given.text_at("otpauth_url"),
        format!("otpauth://totp/holdfast:viewer?secret={secret}&issuer=holdfast&algorithm=SHA1&digits=6&period=30")
    );
    assert_eq!(given.body["recovery_codes"].as_array().map(Vec::len), Some(10));
    // Not confirmed yet: the password is enough.
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
async fn a_code_works_once_and_so_does_no_older_one_after_it() {
    let app = TestApp::start().await;
    let Enrolled { secret, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    // The code that confirmed is used up.
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), 0))).await.outcome(), "401 invalid_credentials");
    app.clock.advance(60);
    let now = code(&secret, app.clock.now(), 0);
    let twice = [login(&app, Some(&now)), login(&app, Some(&now))];
    let statuses: Vec<u16> =
        futures_util::future::join_all(twice).await.iter().map(|reply| reply.status.as_u16()).collect();
    assert!(statuses == [200, 401] || statuses == [401, 200], "{statuses:?}");
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), -1))).await.outcome(), "401 invalid_credentials");
    assert_eq!(login(&app, Some(&code(&secret, app.clock.now(), 1))).await.status, 200);
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let app = TestApp::start().await;
    let Enrolled { recovery, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    assert_eq!(login(&app, Some(&recovery[0])).await.status, 200);
    assert_eq!(login(&app, Some(&recovery[0])).await.outcome(), "401 invalid_credentials");
    assert_eq!(login(&app, Some(&recovery[1].to_uppercase())).await.status, 200);
}

#[tokio::test]
async fn codes_are_taken_away_with_a_code_only() {
    let app = TestApp::start().await;
    let Enrolled { client, secret, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    let remove = |text: String| client.send(http::Method::DELETE, "/auth/mfa/totp", Some(json!({"code": text})));
    assert_eq!(remove("123456".to_owned()).await.outcome(), "401 invalid_credentials");
    assert_eq!(client.act("/auth/mfa/totp").await.outcome(), "409 conflict", "a secret in use is not replaced");
    assert_eq!(remove(code(&secret, app.clock.now(), 1)).await.status, 204);
    assert_eq!(login(&app, None).await.status, 200);
    assert_eq!(remove("123456".to_owned()).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn codes_cannot_be_guessed() {
    let app = TestApp::start().await;
    let client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    client.act("/auth/mfa/totp").await;
    let mut outcomes = Vec::new();
    for at in 0..6 {
        let guess = json!({"code": format!("{at:06}")});
        outcomes.push(client.post("/auth/mfa/totp/confirm", &guess).await.outcome());
    }
    assert_eq!(outcomes, [vec!["401 invalid_credentials"; 5], vec!["429 rate_limited"; 1]].concat());
}

#[tokio::test]
async fn a_role_that_needs_codes_may_do_nothing_else_before_it_has_them() {
    let settings = vec![("REQUIRE_MFA_ROLES", "viewer,operator".to_owned())];
    let app = TestApp::start_with(Options { settings, ..Options::default() }).await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    assert_eq!(viewer.get("/accounts").await.outcome(), "401 mfa_required");
    assert_eq!(viewer.get("/auth/whoami").await.status, 200);
    let Enrolled { client, secret, .. } = enrol(&app, viewer).await;
    assert_eq!(client.get("/accounts").await.status, 200);
    // Without them again, nothing else again.
    let last = json!({"code": code(&secret, app.clock.now(), 1)});
    assert_eq!(client.send(http::Method::DELETE, "/auth/mfa/totp", Some(last)).await.status, 204);
    assert_eq!(client.get("/accounts").await.outcome(), "401 mfa_required");
    assert_eq!(app.sign_in(Tenant::Acme, Role::Editor).await.get("/accounts").await.status, 200);
}

#[tokio::test]
async fn the_secret_lies_sealed_and_the_codes_hashed() {
    let app = TestApp::start().await;
    let Enrolled { secret, recovery, .. } = enrol(&app, app.sign_in(Tenant::Acme, Role::Viewer).await).await;
    let superuser = app.database.superuser().await;
    let row = superuser.query_one("SELECT sealed FROM totp_secrets", &[]).await.unwrap();
    let raw = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    assert!(!row.get::<_, Vec<u8>>(0).windows(raw.len()).any(|window| window == raw));
    let dump = superuser.query_one("SELECT string_agg(r::text, '') FROM recovery_codes r", &[]).await.unwrap();
    assert!(recovery.iter().all(|code| !dump.get::<_, String>(0).contains(code)));
}
