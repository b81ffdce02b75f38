//! A request for every route that succeeds where it is permitted. A route without one here fails each test that goes
//! through the route table, so that none is forgotten.

use serde_json::{Value, json};
use shared::permission::Role;
use shared::route::Route;

use crate::app::{Tenant, TestApp};
use crate::client::{Client, Reply};
use crate::secrets::unique;

/// Makes requests, and what they need to exist.
pub struct Samples<'a> {
    app: &'a TestApp,
    editors: [Client; 2],
}

/// A request's path and body.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The path, with ids in it.
    pub path: String,
    /// The JSON body, if the route takes one.
    pub body: Option<Value>,
}

impl Sample {
    /// Sends it.
    pub async fn send(&self, route: &Route, client: &Client) -> Reply {
        client.send(route.method.clone(), &self.path, self.body.clone()).await
    }
}

impl<'a> Samples<'a> {
    /// Signs in those who make what requests are about.
    pub async fn new(app: &'a TestApp) -> Self {
        let editors = [app.sign_in(Tenant::Acme, Role::Editor).await, app.sign_in(Tenant::Globex, Role::Editor).await];
        Self { app, editors }
    }

    /// The path of a new account of the tenant.
    pub async fn account(&self, tenant: Tenant) -> String {
        let editor = &self.editors[usize::from(tenant == Tenant::Globex)];
        let made = editor.post("/accounts", &json!({"name": unique()})).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.header("location").to_owned()
    }

    /// A request of this route about something of the tenant's.
    pub async fn of(&self, route: &Route, tenant: Tenant, client: &Client) -> Sample {
        let plain = |path: &str| Sample { path: path.to_owned(), body: None };
        let with = |path: &str, body: Value| Sample { path: path.to_owned(), body: Some(body) };
        match (route.method.as_str(), route.path) {
            ("POST", path @ "/auth/login") => with(path, self.app.credentials(Tenant::Acme, Role::Viewer)),
            ("POST", path @ "/auth/refresh") => {
                let fresh = self.app.sign_in(Tenant::Acme, Role::Viewer).await;
                with(path, json!({"refresh_token": client.refresh_token.clone().or(fresh.refresh_token)}))
            }
            ("POST", path @ "/accounts") => with(path, json!({"name": unique()})),
            ("GET" | "DELETE", "/accounts/{id}") => plain(&self.account(tenant).await),
            ("PATCH", "/accounts/{id}") => with(&self.account(tenant).await, json!({"owner": "someone"})),
            ("POST", "/accounts/{id}/restore") => plain(&format!("{}/restore", self.account(tenant).await)),
            (
                "POST" | "GET",
                path @ ("/auth/logout"
                | "/auth/whoami"
                | "/.well-known/jwks.json"
                | "/accounts"
                | "/admin/audit"
                | "/healthz"
                | "/readyz"
                | "/metrics"),
            ) => plain(path),
            (method, path) => panic!("no sample request for {method} {path}: write one here"),
        }
    }
}
