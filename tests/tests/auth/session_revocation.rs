//! Changes by an administrator end the user's sessions at once, without a race.

use futures_util::future::join_all;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::secrets;
use holdfast_tests::users::{create_user, login};
use secrecy::ExposeSecret;
use serde_json::json;

#[tokio::test]
async fn a_change_of_role_password_or_status_ends_the_users_sessions() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let password = secrets::random();
    for (change, reason) in [
        (json!({"role": "editor"}), "revoked"),
        (json!({"status": "suspended"}), "revoked"),
        (json!({"password": password.expose_secret()}), "password"),
    ] {
        let name = secrets::unique();
        let path = create_user(&app, &admin, &name, Role::Viewer).await;
        let sessions = [app.sign_in_as(Tenant::Acme, &name).await, app.sign_in_as(Tenant::Acme, &name).await];
        assert_eq!(admin.patch(&path, &change).await.status, 200, "{change}");
        for session in &sessions {
            assert_eq!(session.get("/auth/whoami").await.outcome(), "401 unauthenticated");
            let refresh = json!({"refresh_token": session.refresh_token});
            assert_eq!(session.post("/auth/refresh", &refresh).await.outcome(), "401 unauthenticated");
        }
        let ended = format!(
            "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
              WHERE u.username = '{name}' AND s.end_reason = '{reason}'"
        );
        assert_eq!(app.database.count(&ended).await, 2, "{change}");
    }
}

#[tokio::test]
async fn a_new_name_or_the_same_role_ends_no_session() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    let session = app.sign_in_as(Tenant::Acme, "ada").await;
    admin.patch(&path, &json!({"username": "eve", "role": "viewer", "status": "active"})).await;
    assert_eq!(session.get("/auth/whoami").await.text_at("username"), "eve");
}

#[tokio::test]
async fn the_new_password_signs_in_and_the_old_one_does_not() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let (old, new) = (app.password.clone(), secrets::random());
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    admin.patch(&path, &json!({"password": new.expose_secret()})).await;
    assert_eq!(login(&app, Tenant::Acme, "ada", old.expose_secret()).await.outcome(), "401 invalid_credentials");
    assert_eq!(login(&app, Tenant::Acme, "ada", new.expose_secret()).await.status, 200);
}

#[tokio::test]
async fn no_sign_in_with_the_old_password_outlives_its_change() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    let (old, new) = (app.password.expose_secret(), secrets::random());
    let change = json!({"password": new.expose_secret()});
    let logins = join_all((0..12).map(|_| login(&app, Tenant::Acme, "ada", old)));
    let (logins, changed) = tokio::join!(logins, admin.patch(&path, &change));
    assert_eq!(changed.status, 200);
    for response in logins.iter().filter(|response| response.status == 200) {
        let session = app.anonymous().with_tokens(&response.body);
        assert_eq!(session.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    }
    let live = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE u.username = 'ada' AND s.ended_at IS NULL";
    assert_eq!(app.database.count(live).await, 0);
}

#[tokio::test]
async fn revoking_ends_all_sessions_of_that_user_only() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    let other = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let sessions = [app.sign_in_as(Tenant::Acme, "ada").await, app.sign_in_as(Tenant::Acme, "ada").await];
    assert_eq!(admin.post_empty(&format!("{path}/revoke")).await.status, 204);
    for session in &sessions {
        assert_eq!(session.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    }
    assert_eq!(other.get("/auth/whoami").await.status, 200);
    app.sign_in_as(Tenant::Acme, "ada").await;
}

#[tokio::test]
async fn a_deleted_user_is_signed_out_and_the_name_is_free() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let path = create_user(&app, &admin, "ada", Role::Viewer).await;
    let session = app.sign_in_as(Tenant::Acme, "ada").await;
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(session.get("/auth/whoami").await.outcome(), "401 unauthenticated");
    let again = login(&app, Tenant::Acme, "ada", app.password.expose_secret()).await;
    assert_eq!(again.outcome(), "401 invalid_credentials");
    for response in
        [admin.get(&path).await, admin.delete(&path).await, admin.post_empty(&format!("{path}/revoke")).await]
    {
        assert_eq!(response.outcome(), "404 not_found");
    }
    create_user(&app, &admin, "Ada", Role::Viewer).await;
}
