//! The measured requests: one to each function, as its sample event.

use holdfast_tests::events::event;
use serde_json::Value;

use crate::deployment::{self, Deployment};
use crate::vault;

/// A function, and a request to it that succeeds any number of times.
pub(crate) struct Subject {
    pub(crate) function: &'static str,
    /// The request's method and path.
    pub(crate) request: &'static str,
    pub(crate) event: Value,
    /// The number of measured calls in each round.
    pub(crate) calls: usize,
}

/// The number of calls of a request that takes about a millisecond.
const CALLS: usize = 500;
/// The number of calls of a request that is slow on purpose.
const SLOW_CALLS: usize = 100;

/// The data that the requests refer to.
pub(crate) struct Subjects {
    token: String,
    operator_token: String,
    account: String,
    login: Value,
}

impl Subjects {
    /// Migrates, signs in and creates an account.
    pub(crate) async fn prepare(deployment: &Deployment) -> Self {
        deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
        let auth = deployment.instance("auth").await;
        let login = event("auth/login", &[("password", deployment.password())]);
        let token = access_token(&auth.invoke(&login).await);
        let operator_token = access_token(&auth.invoke(&deployment.operator_login()).await);
        let create = event("accounts/create", &[("access_token", &token)]);
        let accounts = deployment.instance("accounts").await;
        let account = deployment::body(&accounts.invoke(&create).await, 201);
        let subjects = Self { token, operator_token, account: text(&account["id"]), login };
        deployment::body(&accounts.invoke(&subjects.put()).await, 201);
        subjects
    }

    /// Reveals the secret.
    pub(crate) fn reveal(&self) -> Value {
        let placeholders = [("access_token", self.token.as_str()), ("account_id", self.account.as_str())];
        let mut reveal = event("accounts/reveal-secret", &placeholders);
        for field in ["queryStringParameters", "multiValueQueryStringParameters"] {
            reveal[field] = Value::Null;
        }
        reveal
    }

    /// Puts a secret of 1 KiB.
    pub(crate) fn put(&self) -> Value {
        let mut put = event("accounts/put-secret", &[("access_token", &self.token), ("account_id", &self.account)]);
        put["body"] = serde_json::json!({"value": "k".repeat(1024)}).to_string().into();
        put
    }

    /// Reads the account.
    pub(crate) fn read(&self) -> Subject {
        let event = event("accounts/read", &[("access_token", &self.token), ("account_id", &self.account)]);
        Subject { function: "accounts", request: "GET /accounts/{id}", event, calls: CALLS }
    }

    /// Reads the counters of all instances.
    pub(crate) fn metrics(&self) -> Value {
        event("metrics/metrics", &[("access_token", &self.operator_token)])
    }

    /// Returns all measured requests, in the order of the table.
    pub(crate) fn all(&self) -> Vec<Subject> {
        let as_admin = |name: &str| event(name, &[("access_token", &self.token), ("account_id", &self.account)]);
        let others = [
            ("accounts", vault::PUT, self.put(), CALLS),
            ("accounts", vault::REVEAL, self.reveal(), CALLS),
            ("auth", "GET /auth/whoami", as_admin("auth/whoami"), CALLS),
            ("auth", "POST /auth/login", self.login.clone(), SLOW_CALLS),
            ("admin", "GET /admin/audit", as_admin("admin/audit"), CALLS),
            ("health", "GET /readyz", event("health/readyz", &[]), CALLS),
            ("metrics", "GET /metrics", self.metrics(), CALLS),
        ]
        .map(|(function, request, event, calls)| Subject { function, request, event, calls });
        std::iter::once(self.read()).chain(others).collect()
    }
}

fn access_token(response: &Value) -> String {
    text(&deployment::body(response, 200)["access_token"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text but {value}")).to_owned()
}
