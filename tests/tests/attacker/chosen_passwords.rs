//! Passwords that an administrator chooses: never one's own, from a session alone, and never a name that everybody knows.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::secrets;
use holdfast_tests::users::{login, own_path};
use secrecy::ExposeSecret;
use serde_json::json;

#[tokio::test]
async fn a_stolen_session_cannot_set_its_own_password() {
    let app = TestApp::start().await;
    for (tenant, role) in [(Tenant::Acme, Role::Admin), (Tenant::Platform, Role::Operator)] {
        let stolen = app.sign_in(tenant, role).await;
        let own = own_path(&stolen).await;
        let chosen = secrets::random();
        for change in [
            json!({"password": chosen.expose_secret()}),
            json!({"password": chosen.expose_secret(), "username": "renamed"}),
            json!({"password": "short"}),
        ] {
            let rejected = stolen.patch(&own, &change).await;
            assert_eq!(rejected.outcome(), "403 forbidden", "{role:?}");
            let row = stolen.get(&format!("/admin/audit?request_id={}", rejected.header("x-request-id"))).await;
            assert_eq!(row.body["items"][0]["status"], 403, "{row:?}");
        }
        let username = stolen.get("/auth/whoami").await.text_at("username").to_owned();
        assert_eq!(login(&app, tenant, &username, chosen.expose_secret()).await.outcome(), "401 invalid_credentials");
        assert_eq!(login(&app, tenant, &username, app.password.expose_secret()).await.status, 200);
    }
}

#[tokio::test]
async fn no_route_accepts_the_username_or_the_tenant_as_a_password() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let names = ["longtenantslug", "Long Tenant Name", "longusername-x"];
    let new = |password: &str| {
        let admin = json!({"username": "longusername-x", "password": password});
        json!({"slug": "longtenantslug", "name": "Long Tenant Name", "admin": admin})
    };
    for name in names {
        let response = operator.post("/admin/tenants", &new(name)).await;
        assert_eq!(response.body["errors"][0]["field"], "admin.password", "{response:?}");
    }
    let tenant = operator.create("/admin/tenants", &new(secrets::random().expose_secret())).await;
    let admin = operator.clone().in_tenant(tenant.text_at("id"));

    let user = json!({"username": "another-user", "role": "viewer", "password": app.password.expose_secret()});
    let user = admin.create("/admin/users", &user).await.header("location").to_owned();
    for name in ["longtenantslug", "LONG tenant NAME", "Another-User"] {
        let new = json!({"username": "another-user", "role": "viewer", "password": name});
        for response in [
            admin.post("/admin/users", &new).await,
            admin.patch(&user, &json!({"password": name})).await,
            admin.patch(&user, &json!({"password": name, "status": "active"})).await,
        ] {
            assert_eq!(response.outcome(), "400 validation_failed", "{name}");
            assert_eq!(response.body["errors"][0]["field"], "password", "{name}");
        }
    }
    let renamed = json!({"username": "some-new-name", "password": "some-new-name"});
    assert_eq!(admin.patch(&user, &renamed).await.outcome(), "400 validation_failed");
    assert_eq!(admin.get(&user).await.body["version"], 1);
    let free = json!({"username": "some-new-name", "password": "another-user"});
    assert_eq!(admin.patch(&user, &free).await.status, 200, "a name that the user no longer has");

    let platform = json!({"username": "another-operator", "role": "operator", "password": "another-operator"});
    assert_eq!(operator.post("/admin/users", &platform).await.outcome(), "400 validation_failed");
}
