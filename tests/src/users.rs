//! Users, created by an administrator with the tests' common password.

use holdfast_shared::permission::Role;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::app::{Tenant, TestApp};
use crate::client::{Client, Response};

/// Signs in an operator who acts in a tenant.
pub async fn operator_in(app: &TestApp, tenant: Tenant) -> Client {
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    operator.in_tenant(&app.tenant_id(tenant).await)
}

/// Creates a user. Returns its path.
pub async fn create_user(app: &TestApp, admin: &Client, username: &str, role: Role) -> String {
    let password = app.password.expose_secret();
    let created =
        admin.create("/admin/users", &json!({"username": username, "role": role, "password": password})).await;
    created.header("location").to_owned()
}

/// Attempts to sign in.
pub async fn login(app: &TestApp, tenant: Tenant, username: &str, password: &str) -> Response {
    let mut request = json!({"username": username, "password": password});
    if let Some(slug) = tenant.slug() {
        request["tenant"] = slug.into();
    }
    app.anonymous().post("/auth/login", &request).await
}

/// Returns the path of the calling user.
pub async fn own_path(client: &Client) -> String {
    format!("/admin/users/{}", client.get("/auth/whoami").await.text_at("subject"))
}
