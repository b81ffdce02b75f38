//! Everything served in one process, as `make run` does it, on a database of the test's own: two tenants with a user of
//! each role, an operator, and a clock that the test moves.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use holdfast_migrate::{Plan, Steps};
use holdfast_shared::app::App;
use holdfast_shared::clock::{Clock, ManualClock, SystemClock};
use holdfast_shared::config::{BootstrapUser, Config, Needs, Settings};
use holdfast_shared::identity::password;
use holdfast_shared::identity::signer::Signer;
use holdfast_shared::permission::Role;
use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_shared::route::{Access, Route};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::Client;
use crate::database::TestDatabase;
use crate::{loopback, secrets};

/// A tenant of the test, or the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenant {
    /// The tenant that most tests act in.
    Acme,
    /// Another one.
    Globex,
    /// The operators'.
    Platform,
}

impl Tenant {
    /// Its slug; none for the platform.
    pub fn slug(self) -> Option<&'static str> {
        match self {
            Self::Acme => Some("acme"),
            Self::Globex => Some("globex"),
            Self::Platform => None,
        }
    }
}

/// An editor of each tenant beside those named after their roles.
pub const SAMPLER: &str = "sampler";

/// How a [`TestApp`] differs from the usual one.
#[derive(Default)]
pub struct Options {
    /// Settings beyond the usual ones, or in their place.
    pub settings: Vec<(&'static str, String)>,
    /// Where the functions find the database instead of straight at it (a proxy, as `host:port`).
    pub through: Option<String>,
    /// The migrations to apply to an empty database, instead of a copy with all of them.
    pub steps: Option<Steps>,
}

/// The running whole.
pub struct TestApp {
    /// What tests look into beyond HTTP.
    pub app: App,
    /// The clock of all functions.
    pub clock: Arc<ManualClock>,
    /// The database.
    pub database: TestDatabase,
    /// The one password of all users.
    pub password: SecretString,
    /// The key that signs access tokens, in PEM.
    pub signing_key: String,
    router: Router,
    settings: Vec<(&'static str, String)>,
}

/// The vault's key, where a test does not say otherwise.
pub const VAULT_KEY: &str = "e4pCwZ0yQ1mJ8sXbT5rV7uGhKdLfNaMo";

/// Settings, with some in the place of others.
fn instead(settings: Vec<(&'static str, String)>, others: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let kept = settings.into_iter().filter(|(name, _)| !others.iter().any(|(other, _)| other == name));
    kept.chain(others.iter().cloned()).collect()
}

fn config(settings: &[(&'static str, String)]) -> Config {
    let needs = Needs { signing: true, verification: true, vault: true };
    Config::from_settings(&Settings::given(settings.iter().cloned()), needs).unwrap()
}

impl TestApp {
    /// Starts with the usual settings.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts with other settings.
    pub async fn start_with(options: Options) -> Self {
        let database = match options.steps {
            Some(_) => TestDatabase::empty().await,
            None => TestDatabase::create().await,
        };
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let password = secrets::random();
        let address = TestDatabase::address().await;
        let url = |url: String| match &options.through {
            Some(proxy) => url.replace(&address, proxy),
            None => url,
        };
        let signing_key = signing_key();
        let key_file = database.file("signing-key.pem", &signing_key);
        let usual = vec![
            ("APP_ENV", "local".to_owned()),
            ("DATABASE_URL", url(database.app_url())),
            ("DATABASE_CA_FILE", database.ca_file().display().to_string()),
            ("DATABASE_POOL_SIZE", "8".to_owned()),
            ("SIGNING_KEY_FILE", key_file.display().to_string()),
            ("SECRET_ENCRYPTION_KEY", VAULT_KEY.to_owned()),
        ];
        let usual = instead(usual, &options.settings);

        let app_config = config(&usual);
        let mut plan = Plan::new(database.owner_url().into());
        plan.database_ca_file = Some(database.ca_file());
        plan.steps = options.steps.unwrap_or(plan.steps);
        plan.users = users(&password);
        let signer = Signer::from_config(&app_config).await.unwrap().unwrap();
        plan.signing_key = signer.first_key().await.unwrap();
        holdfast_migrate::run(&plan, &*clock, &*rng).await.unwrap();

        let time: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let app = App::start_with(app_config, "local", Arc::clone(&time), Arc::clone(&rng)).await.unwrap();
        let scraped = config(&instead(usual.clone(), &[("DATABASE_URL", url(database.metrics_url()))]));
        let scraped = App::start_with(scraped, "metrics", time, rng).await.unwrap();
        let router = holdfast::gateway::router(app.clone(), scraped);
        Self { app, clock, database, password, signing_key, router, settings: usual }
    }

    /// One more instance of the functions, with other settings over the same database: a caller of it.
    pub async fn instance_with(&self, settings: &[(&'static str, String)], caller: &Client) -> Client {
        let config = config(&instead(self.settings.clone(), settings));
        let time: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let app = App::start_with(config, "local", time, Arc::new(SystemRng)).await.unwrap();
        caller.clone().of(holdfast::gateway::router(app.clone(), app))
    }

    /// Serves on an address of its own, until the test ends: `host:port`.
    pub async fn listen(&self) -> String {
        let [address] = loopback::addresses();
        let listener = TcpListener::bind(address).await.unwrap();
        // Whole requests, as API Gateway hands them over.
        let service = self.router.clone().layer(from_fn(async |request: Request, next: Next| {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
            next.run(Request::from_parts(parts, body.into())).await
        }));
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        address.to_string()
    }

    /// A caller without a credential.
    pub fn anonymous(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// A caller who signs in as the tenant's user of this role. Each role's user is named after it.
    pub async fn sign_in(&self, tenant: Tenant, role: Role) -> Client {
        self.sign_in_as(tenant, role.name()).await
    }

    /// A caller who may use this route: of the tenant Acme, or an operator.
    pub async fn sign_in_for(&self, route: &Route) -> Client {
        let role = Role::ALL.into_iter().find(|role| match route.access {
            Access::Holder(permission) | Access::Admin(permission) => role.may(permission),
            _ => true,
        });
        match role.unwrap() {
            Role::Operator => self.sign_in(Tenant::Platform, Role::Operator).await,
            role => self.sign_in(Tenant::Acme, role).await,
        }
    }

    /// A caller who signs in as the tenant's user of this name.
    pub async fn sign_in_as(&self, tenant: Tenant, username: &str) -> Client {
        let client = self.anonymous();
        let mut request = self.credentials(tenant, Role::Viewer);
        request["username"] = username.into();
        let reply = client.post("/auth/login", &request).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        client.with_tokens(&reply.body)
    }

    /// The login request of the tenant's user of this role.
    pub fn credentials(&self, tenant: Tenant, role: Role) -> Value {
        let mut request = json!({"username": role.name(), "password": self.password.expose_secret()});
        if let Some(slug) = tenant.slug() {
            request["tenant"] = slug.into();
        }
        request
    }

    /// The id of a tenant.
    pub async fn tenant_id(&self, tenant: Tenant) -> String {
        let slug = tenant.slug().unwrap_or("platform");
        let row =
            self.database.superuser().await.query_one("SELECT id::text FROM tenants WHERE slug = $1", &[&slug]).await;
        row.unwrap().get(0)
    }

    /// Sends a request of any kind without a credential.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> crate::client::Reply {
        self.anonymous().send(method, path, body).await
    }
}

/// A user of each role in both tenants, and an operator, all with one password.
fn users(password: &SecretString) -> Vec<BootstrapUser> {
    let password_hash = password::hash(password, &SystemRng).unwrap();
    let user = |tenant: Tenant, role: Role| BootstrapUser {
        tenant: tenant.slug().map(str::to_owned),
        username: role.name().to_owned(),
        role,
        password_hash: password_hash.clone(),
    };
    let tenants = [Tenant::Acme, Tenant::Globex];
    let roles = [Role::Viewer, Role::Editor, Role::Admin];
    let of_tenants = tenants.into_iter().flat_map(|tenant| roles.map(|role| user(tenant, role)));
    // Those who make what tests are about are nobody that a test signs in as.
    let samplers = tenants.map(|tenant| BootstrapUser { username: SAMPLER.to_owned(), ..user(tenant, Role::Editor) });
    of_tenants.chain(samplers).chain([user(Tenant::Platform, Role::Operator)]).collect()
}

/// A new P-256 key in PEM form.
pub fn signing_key() -> String {
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let der = ring::signature::EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref());
    secrets::keep(&text);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}
