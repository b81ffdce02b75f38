//! A request for every route that succeeds if it is permitted. A route without one here fails each test over the route
//! table, so that none is forgotten.

use holdfast_shared::clock::Clock;
use holdfast_shared::identity::totp::TotpSecret;
use holdfast_shared::permission::Role;
use holdfast_shared::route::Route;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::app::{SAMPLER, Tenant, TestApp};
use crate::client::{Client, Response};
use crate::secrets::{self, unique};
use crate::users;

/// Creates requests and the data that they refer to.
pub struct Samples<'a> {
    app: &'a TestApp,
    editors: [Client; 2],
    admins: [(Tenant, Client); 3],
}

/// A request for a route.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// The path, with ids in it.
    pub path: String,
    /// The JSON body, if the route takes one.
    pub body: Option<Value>,
    /// Headers beyond the caller's.
    pub headers: Vec<(&'static str, String)>,
}

impl Sample {
    /// Sends the request.
    pub async fn send(&self, route: &Route, client: &Client) -> Response {
        let client = self.headers.iter().fold(client.clone(), |client, (name, value)| client.with_header(name, value));
        client.send(route.method.clone(), &self.path, self.body.clone()).await
    }
}

impl<'a> Samples<'a> {
    /// Signs in the users that create the data.
    pub async fn new(app: &'a TestApp) -> Self {
        let editors = [app.sign_in_as(Tenant::Acme, SAMPLER).await, app.sign_in_as(Tenant::Globex, SAMPLER).await];
        let acme = admin(app, Tenant::Acme, Role::Admin).await;
        let globex = admin(app, Tenant::Globex, Role::Admin).await;
        Self { app, editors, admins: [acme, globex, admin(app, Tenant::Platform, Role::Operator).await] }
    }

    /// Disables TOTP for all users, so that a password is enough to sign in again.
    pub async fn disable_totp(&self) {
        self.app.database.execute("DELETE FROM totp_secrets; DELETE FROM attempts").await;
    }

    /// Enrols the caller's authenticator app. Returns its secret.
    async fn enrol(&self, client: &Client) -> String {
        client.post("/auth/mfa/totp", &self.app.own_password()).await.text_at("secret").to_owned()
    }

    /// Returns the code of a secret, some steps ahead.
    fn code(&self, secret: &str, ahead: i64) -> String {
        code(secret, self.app.clock.now(), ahead)
    }

    async fn new_token(&self, client: &Client) -> Value {
        let platform = client.get("/auth/whoami").await.text_at("role") == "operator";
        let scope = if platform { "metrics:read" } else { "accounts:read" };
        json!({"name": "a token", "scopes": [scope]})
    }

    /// Creates an account in the tenant. Returns its path.
    pub async fn account(&self, tenant: Tenant) -> String {
        let editor = &self.editors[usize::from(tenant == Tenant::Globex)];
        editor.create_account().await
    }

    /// Creates an account in the tenant and deletes it. Returns its path.
    async fn deleted_account(&self, tenant: Tenant) -> String {
        let account = self.account(tenant).await;
        self.editors[usize::from(tenant == Tenant::Globex)].delete(&account).await;
        account
    }

    /// Creates a secret in a new account of the tenant. Returns its path.
    pub async fn secret(&self, tenant: Tenant) -> String {
        let path = format!("{}/secrets/token", self.account(tenant).await);
        let editor = &self.editors[usize::from(tenant == Tenant::Globex)];
        let created = editor.put(&path, &json!({"value": secrets::random().expose_secret()})).await;
        assert_eq!(created.status, 201, "{created:?}");
        path
    }

    /// Creates a user of the tenant, or of the platform. Returns its path.
    async fn user(&self, tenant: Tenant) -> String {
        self.administer(tenant, "/admin/users", new_user(tenant)).await
    }

    /// Creates a user of the tenant and signs in. Returns the user's path and the client.
    async fn signed_in_user(&self, tenant: Tenant) -> (String, Client) {
        let (name, (_, admin)) = (unique(), self.admins.iter().find(|(of, _)| *of == tenant).unwrap());
        let role = if tenant == Tenant::Platform { Role::Operator } else { Role::Viewer };
        let path = users::create_user(self.app, admin, &name, role).await;
        (path, self.app.sign_in_as(tenant, &name).await)
    }

    /// Signs a new user of the tenant in. Returns the path of the session.
    async fn user_session(&self, tenant: Tenant) -> String {
        let (path, client) = self.signed_in_user(tenant).await;
        format!("{path}/sessions/{}", client.get("/auth/whoami").await.text_at("session_id"))
    }

    /// Enrols the authenticator app of a new user of the tenant. Returns the path of the user's second factors.
    async fn user_with_totp(&self, tenant: Tenant) -> String {
        let (path, client) = self.signed_in_user(tenant).await;
        self.enrol(&client).await;
        format!("{path}/mfa")
    }

    /// Creates a tenant. Returns its path.
    async fn tenant(&self) -> String {
        self.administer(Tenant::Platform, "/admin/tenants", new_tenant()).await
    }

    async fn administer(&self, tenant: Tenant, path: &str, body: Value) -> String {
        let (_, admin) = self.admins.iter().find(|(of, _)| *of == tenant).unwrap();
        admin.create(path, &body).await.header("location").to_owned()
    }

    /// Returns a request of the console's session, as a browser sends it from a page of the same origin, with the session's
    /// cookie if the route needs it.
    async fn browser_request(&self, path: &str, client: &Client) -> Sample {
        let mut headers = vec![("sec-fetch-site", "same-origin".to_owned())];
        let mut body = None;
        match path {
            "/auth/browser/login" => body = Some(self.app.credentials(Tenant::Acme, Role::Viewer)),
            "/auth/browser/refresh" => {
                let fresh = self.app.sign_in(Tenant::Acme, Role::Viewer).await;
                let token = client.refresh_token.clone().or(fresh.refresh_token).unwrap_or_default();
                headers.push(("cookie", format!("__Host-holdfast-session={token}")));
            }
            _ => {}
        }
        Sample { path: path.to_owned(), body, headers }
    }

    /// Returns a request for this route that concerns a user of the tenant.
    async fn of_a_user(&self, route: &Route, tenant: Tenant) -> Sample {
        let plain = |path: &str| Sample { path: path.to_owned(), ..Sample::default() };
        match (route.method.as_str(), route.path) {
            ("GET" | "DELETE", "/admin/users/{id}") => plain(&self.user(tenant).await),
            ("PATCH", "/admin/users/{id}") => {
                Sample { body: Some(json!({"status": "suspended"})), ..plain(&self.user(tenant).await) }
            }
            ("DELETE", "/admin/users/{id}/mfa") => plain(&self.user_with_totp(tenant).await),
            ("GET", "/admin/users/{id}/sessions") => plain(&format!("{}/sessions", self.user(tenant).await)),
            ("DELETE", "/admin/users/{id}/sessions/{sid}") => plain(&self.user_session(tenant).await),
            ("POST", "/admin/users/{id}/revoke") => plain(&format!("{}/revoke", self.user(tenant).await)),
            (method, path) => panic!("no sample request for {method} {path}: write one here"),
        }
    }

    /// Returns a request for this route that concerns data of the tenant.
    pub async fn of(&self, route: &Route, tenant: Tenant, client: &Client) -> Sample {
        let plain = |path: &str| Sample { path: path.to_owned(), ..Sample::default() };
        let with = |path: &str, body: Value| Sample { body: Some(body), ..plain(path) };
        if route.origin == holdfast_shared::route::Origin::Same {
            return self.browser_request(route.path, client).await;
        }
        match (route.method.as_str(), route.path) {
            ("POST", path @ "/auth/login") => with(path, self.app.credentials(Tenant::Acme, Role::Viewer)),
            ("POST", path @ "/auth/refresh") => {
                let fresh = self.app.sign_in(Tenant::Acme, Role::Viewer).await;
                with(path, json!({"refresh_token": client.refresh_token.clone().or(fresh.refresh_token)}))
            }
            ("POST", path @ "/accounts") => with(path, json!({"name": unique()})),
            ("GET" | "DELETE", "/accounts/{id}") => plain(&self.account(tenant).await),
            ("PATCH", "/accounts/{id}") => with(&self.account(tenant).await, json!({"owner": "someone"})),
            ("POST", "/accounts/{id}/restore") => plain(&format!("{}/restore", self.deleted_account(tenant).await)),
            ("GET", "/accounts/{id}/secrets") => plain(&format!("{}/secrets", self.account(tenant).await)),
            ("PUT", "/accounts/{id}/secrets/{name}") => {
                with(&self.secret(tenant).await, json!({"value": "a new value"}))
            }
            ("GET" | "DELETE", "/accounts/{id}/secrets/{name}") => plain(&self.secret(tenant).await),
            ("GET", "/accounts/{id}/secrets/{name}/value") => plain(&format!("{}/value", self.secret(tenant).await)),
            ("GET", "/accounts/{id}/secrets/{name}/versions") => {
                plain(&format!("{}/versions", self.secret(tenant).await))
            }
            ("POST", "/accounts/{id}/secrets/{name}/versions/{n}/restore") => {
                plain(&format!("{}/versions/1/restore", self.secret(tenant).await))
            }
            ("POST", path @ "/auth/password") => {
                let password = self.app.password.expose_secret();
                with(path, json!({"current_password": password, "new_password": password}))
            }
            ("DELETE", "/auth/sessions/{id}") => {
                let other = if tenant == Tenant::Globex { &self.editors[1] } else { client };
                let listed = other.get("/auth/sessions").await;
                let id = listed.body["items"][0]["id"].as_str().unwrap_or_default().to_owned();
                plain(&format!("/auth/sessions/{}", if id.is_empty() { unique() } else { id }))
            }
            ("POST", path @ ("/auth/mfa/totp" | "/auth/step-up")) => with(path, self.app.own_password()),
            ("POST", path @ "/auth/mfa/totp/confirm") => {
                let secret = self.enrol(client).await;
                with(path, json!({"code": self.code(&secret, 0)}))
            }
            ("DELETE", path @ "/auth/mfa/totp") | ("POST", path @ "/auth/mfa/recovery-codes") => {
                let secret = self.enrol(client).await;
                client.post("/auth/mfa/totp/confirm", &json!({"code": self.code(&secret, 0)})).await;
                with(path, json!({"code": self.code(&secret, 1)}))
            }
            ("POST", path @ "/auth/tokens") => with(path, self.new_token(client).await),
            ("DELETE", "/auth/tokens/{id}") => {
                let created = match tenant {
                    Tenant::Globex => {
                        let admin = self.app.sign_in(Tenant::Globex, Role::Admin).await;
                        admin.post("/auth/tokens", &json!({"name": "t", "scopes": ["accounts:read"]})).await
                    }
                    _ => client.post("/auth/tokens", &self.new_token(client).await).await,
                };
                plain(&format!("/auth/tokens/{}", created.body["id"].as_str().unwrap_or("none")))
            }
            ("POST", path @ "/admin/tenants") => with(path, new_tenant()),
            ("GET", "/admin/tenants/{id}") => plain(&self.tenant().await),
            ("PATCH", "/admin/tenants/{id}") => with(&self.tenant().await, json!({"quotas": {"users": 7}})),
            (_, path) if path.starts_with("/admin/users/") => self.of_a_user(route, tenant).await,
            ("POST", path @ "/admin/users") => with(path, new_user(tenant)),
            ("POST", path @ "/admin/keys/rotate") => with(path, json!({"kind": "vault"})),
            ("POST", path @ "/admin/backups") => {
                // Only one backup can be requested at a time.
                self.app.database.execute("DELETE FROM backup_runs WHERE state = 'requested'").await;
                plain(path)
            }
            (
                "POST" | "GET",
                path @ ("/auth/logout"
                | "/auth/sessions"
                | "/auth/tokens"
                | "/admin/keys"
                | "/auth/whoami"
                | "/.well-known/jwks.json"
                | "/.well-known/audit-jwks.json"
                | "/accounts"
                | "/admin/tenants"
                | "/admin/users"
                | "/admin/audit"
                | "/admin/backups"
                | "/admin/schema"
                | "/admin/status"
                | "/admin/config"
                | "/admin/hardening"
                | "/admin/audit/export"
                | "/admin/audit/seals"
                | "/admin/audit/verify"
                | "/healthz"
                | "/readyz"
                | "/metrics"),
            ) => plain(path),
            (method, path) => panic!("no sample request for {method} {path}: write one here"),
        }
    }
}

/// Creates an admin or operator whose sessions no test ends, and signs in.
async fn admin(app: &TestApp, tenant: Tenant, role: Role) -> (Tenant, Client) {
    let name = unique();
    users::create_user(app, &app.sign_in(tenant, role).await, &name, role).await;
    (tenant, app.sign_in_as(tenant, &name).await)
}

fn new_user(tenant: Tenant) -> Value {
    json!({"username": unique(), "role": if tenant == Tenant::Platform { Role::Operator } else { Role::Viewer }})
}

fn new_tenant() -> Value {
    json!({"slug": unique(), "name": "A customer", "quotas": {"accounts": 3}, "admin": {"username": "first"}})
}

/// Returns the code that an authenticator app shows for this secret, some steps ahead of a time.
pub fn code(secret: &str, now: Timestamp, ahead: i64) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap_or_default();
    TotpSecret::from_bytes(bytes.into()).code(now.as_second() / 30 + ahead)
}
