//! A user's change of the password, and the sessions that it ends.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::secrets;
use http::Method;
use secrecy::ExposeSecret;
use serde_json::json;

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_signs_in() {
    let app = TestApp::start().await;
    let (here, elsewhere) =
        (app.sign_in(Tenant::Acme, Role::Viewer).await, app.sign_in(Tenant::Acme, Role::Viewer).await);
    let new = secrets::random();
    let request = json!({"current_password": app.password.expose_secret(), "new_password": new.expose_secret()});
    assert_eq!(here.post("/auth/password", &request).await.status, 204);

    assert_eq!(here.get("/auth/whoami").await.status, 200);
    assert_eq!(elsewhere.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let refresh = elsewhere.post("/auth/refresh", &json!({"refresh_token": elsewhere.refresh_token})).await;
    assert_eq!(refresh.outcome(), "401 unauthenticated");
    let mut login = app.credentials(Tenant::Acme, Role::Viewer);
    assert_eq!(app.send(Method::POST, "/auth/login", Some(login.clone())).await.outcome(), "401 invalid_credentials");
    login["password"] = new.expose_secret().into();
    assert_eq!(app.send(Method::POST, "/auth/login", Some(login)).await.status, 200);
}

#[tokio::test]
async fn a_weak_new_password_is_rejected() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for (new, outcome) in [
        ("short".to_owned(), "400 validation_failed"),
        ("password1234".to_owned(), "400 validation_failed"),
        ("x7#kq9!vmz2p".repeat(22), "400 validation_failed"),
    ] {
        let request = json!({"current_password": app.password.expose_secret(), "new_password": new});
        assert_eq!(viewer.post("/auth/password", &request).await.outcome(), outcome, "{new}");
    }
}

#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password() {
    let app = TestApp::start().await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let request =
        json!({"current_password": "a guess, and a wrong one", "new_password": secrets::random().expose_secret()});
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        outcomes.push(viewer.post("/auth/password", &request).await.outcome());
    }
    assert_eq!(outcomes, [vec!["401 invalid_credentials"; 5], vec!["429 rate_limited"; 1]].concat());
}

#[tokio::test]
async fn users_list_and_end_only_their_own_sessions() {
    let app = TestApp::start().await;
    let here = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let there = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let other = app.sign_in(Tenant::Acme, Role::Editor).await;
    let listed = here.get("/auth/sessions").await;
    let current: Vec<bool> = listed.items().iter().map(|item| item["current"] == true).collect();
    assert_eq!(current, [false, true], "{listed:?}");

    let theirs = other.get("/auth/whoami").await.text_at("session_id").to_owned();
    assert_eq!(here.delete(&format!("/auth/sessions/{theirs}")).await.outcome(), "404 not_found");
    let mine = there.get("/auth/whoami").await.text_at("session_id").to_owned();
    assert_eq!(here.delete(&format!("/auth/sessions/{mine}")).await.status, 204);
    assert_eq!(there.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    assert_eq!(here.get("/auth/sessions").await.items().len(), 1);
}
