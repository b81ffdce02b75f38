//! Users as tests make them: by an administrator, with the tests' common password.

use holdfast_shared::permission::Role;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::app::{Tenant, TestApp};
use crate::client::{Client, Reply};

/// An operator who acts in a tenant.
pub async fn operator_in(app: &TestApp, tenant: Tenant) -> Client {
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    operator.with_header("x-tenant-id", &app.tenant_id(tenant).await)
}

/// Makes a user and gives its path.
pub async fn make(app: &TestApp, admin: &Client, username: &str, role: Role) -> String {
    let password = app.password.expose_secret();
    let made = admin.post("/admin/users", &json!({"username": username, "role": role, "password": password})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.header("location").to_owned()
}

/// Tries to sign in.
pub async fn login(app: &TestApp, tenant: Tenant, username: &str, password: &str) -> Reply {
    let mut request = json!({"username": username, "password": password});
    if let Some(slug) = tenant.slug() {
        request["tenant"] = slug.into();
    }
    app.anonymous().post("/auth/login", &request).await
}

/// The path of the one who calls.
pub async fn own_path(client: &Client) -> String {
    format!("/admin/users/{}", client.get("/auth/whoami").await.text_at("subject"))
}
