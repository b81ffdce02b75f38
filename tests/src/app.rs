//! The whole application in one process, as `make run` serves it, on a database of its own: two tenants with one user of
//! each role, an operator, and a clock that the test moves.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use holdfast::gateway::Apps;
use holdfast_maintenance::AuditSigner;
use holdfast_migrate::{Plan, Steps};
use holdfast_shared::app::App;
use holdfast_shared::clock::{Clock, ManualClock, SystemClock};
use holdfast_shared::config::{BootstrapUser, Config, Needs, Settings};
use holdfast_shared::db::login_of;
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
use crate::proxy::Proxy;
use crate::{loopback, secrets};

/// A tenant that every test has, or the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenant {
    /// The tenant that most tests act in.
    Acme,
    /// A second tenant, to test isolation with.
    Globex,
    /// The operators' own tenant.
    Platform,
}

impl Tenant {
    /// Returns the slug; none for the platform.
    pub fn slug(self) -> Option<&'static str> {
        match self {
            Self::Acme => Some("acme"),
            Self::Globex => Some("globex"),
            Self::Platform => None,
        }
    }
}

/// The username of an additional editor in each tenant. It creates sample data and never signs in for a test.
pub const SAMPLER: &str = "sampler";

/// A setting's name and value.
type Setting = (&'static str, String);

/// The deviations of a [`TestApp`] from the default one.
#[derive(Default)]
pub struct Builder {
    settings: Vec<Setting>,
    proxy: Option<String>,
    steps: Option<Steps>,
}

impl Builder {
    /// Adds a setting, or overrides its default.
    #[must_use]
    pub fn setting(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// Lets the functions reach the database through a proxy.
    #[must_use]
    pub fn through(mut self, proxy: &Proxy) -> Self {
        self.proxy = Some(proxy.address());
        self
    }

    /// Applies these migrations to an empty database, instead of copying the fully migrated template.
    #[must_use]
    pub fn steps(mut self, steps: Steps) -> Self {
        self.steps = Some(steps);
        self
    }

    /// Starts the application.
    pub async fn start(self) -> TestApp {
        TestApp::start_with(self).await
    }

    /// Starts the application and signs in the tenant's user of this role.
    pub async fn start_as(self, tenant: Tenant, role: Role) -> (TestApp, Client) {
        let app = self.start().await;
        let client = app.sign_in(tenant, role).await;
        (app, client)
    }
}

/// The running application.
pub struct TestApp {
    /// The state of each function, for what HTTP does not show.
    pub apps: Apps,
    /// The clock of all functions.
    pub clock: Arc<ManualClock>,
    /// The database.
    pub database: TestDatabase,
    /// The password of all users.
    pub password: SecretString,
    /// The key that signs audit seals, in PEM. The functions pin it.
    pub audit_key: String,
    /// The key that signs access tokens, in PEM.
    pub signing_key: String,
    router: Router,
    settings: Vec<Setting>,
}

/// The default key of the vault.
pub const VAULT_KEY: &str = "e4pCwZ0yQ1mJ8sXbT5rV7uGhKdLfNaMo";

/// Returns the settings with some of them overridden.
fn overridden(settings: Vec<Setting>, overrides: &[Setting]) -> Vec<Setting> {
    let kept = settings.into_iter().filter(|(name, _)| !overrides.iter().any(|(other, _)| other == name));
    kept.chain(overrides.iter().cloned()).collect()
}

/// Returns the configuration of a function with a database URL, or of one without a database.
fn config(settings: &[Setting], database_url: Option<String>) -> Config {
    let needs = Needs { database: database_url.is_some(), signing: true, verification: true, vault: true };
    let url = database_url.map(|url| ("DATABASE_URL", url));
    Config::from_settings(&Settings::given(settings.iter().cloned().chain(url)), needs).unwrap()
}

/// Starts every function, each with its own login, whose URL is given.
async fn functions(settings: &[Setting], clock: &Arc<ManualClock>, url_of: impl Fn(&str) -> String) -> Apps {
    let start = async |function| {
        let url = login_of(function).map(|login| url_of(login.function));
        let time: Arc<dyn Clock> = Arc::clone(clock) as _;
        App::start_with(config(settings, url), function, time, Arc::new(SystemRng)).await.unwrap()
    };
    Apps {
        auth: start("auth").await,
        accounts: start("accounts").await,
        admin: start("admin").await,
        health: start("health").await,
        metrics: start("metrics").await,
        console: start("console").await,
    }
}

impl TestApp {
    /// Starts with the default settings.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Starts with the default settings and signs in the tenant's user of this role.
    pub async fn start_as(tenant: Tenant, role: Role) -> (Self, Client) {
        Self::builder().start_as(tenant, role).await
    }

    /// Returns a builder, to deviate from the defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn start_with(options: Builder) -> Self {
        let database = match options.steps {
            Some(_) => TestDatabase::empty().await,
            None => TestDatabase::create().await,
        };
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let password = secrets::random();
        let address = TestDatabase::address().await;
        let signing_key = signing_key();
        let key_file = database.file("signing-key.pem", &signing_key);
        let audit_key = self::signing_key();
        let audit_signer = AuditSigner::file(&database.file("audit-key.pem", &audit_key)).unwrap();
        let defaults = vec![
            ("AUDIT_KEY_IDS", audit_signer.public.thumbprint()),
            ("APP_ENV", "local".to_owned()),
            ("DATABASE_CA_FILE", database.ca_file().display().to_string()),
            ("DATABASE_POOL_SIZE", "8".to_owned()),
            ("SIGNING_KEY_FILE", key_file.display().to_string()),
            ("SECRET_ENCRYPTION_KEY", VAULT_KEY.to_owned()),
        ];
        let settings = overridden(defaults, &options.settings);

        let mut plan = Plan::new(database.owner_url().into());
        plan.database_ca_file = Some(database.ca_file());
        plan.steps = options.steps.unwrap_or(plan.steps);
        plan.users = users(&password);
        let signer = Signer::from_config(&config(&settings, None)).await.unwrap().unwrap();
        plan.signing_key = signer.first_key().await.unwrap();
        holdfast_migrate::run(&plan, &*clock, &*rng).await.unwrap();
        // Each test begins with an empty log, and counts the rows of what it does.
        database.execute("DELETE FROM http_audit_log WHERE method = 'MIGRATE'").await;

        let apps = functions(&settings, &clock, |function| match &options.proxy {
            Some(proxy) => database.url_of(function).replace(&address, proxy),
            None => database.url_of(function),
        })
        .await;
        let router = holdfast::gateway::router(apps.clone());
        Self { apps, clock, database, password, audit_key, signing_key, router, settings }
    }

    /// Starts one more instance of the functions over the same database, with some settings overridden. Returns the caller,
    /// served by the new instance.
    pub async fn instance_with(&self, overrides: &[Setting], caller: &Client) -> Client {
        self.instance_over(&self.database, overrides, caller).await
    }

    /// Starts one more instance of the functions like [`TestApp::instance_with`], over another database.
    pub async fn instance_over(&self, database: &TestDatabase, overrides: &[Setting], caller: &Client) -> Client {
        let settings = overridden(self.settings.clone(), overrides);
        let apps = functions(&settings, &self.clock, |function| database.url_of(function)).await;
        caller.clone().served_by(holdfast::gateway::router(apps))
    }

    /// Lets each function report its counters, as its next round trip after five seconds would.
    pub async fn report_counters(&self) {
        self.clock.advance(6);
        for app in [&self.apps.auth, &self.apps.accounts, &self.apps.admin] {
            app.db.transact(Vec::new(), self.clock.now()).await.unwrap();
        }
    }

    /// Serves on a loopback address of its own until the test ends. Returns `host:port`.
    pub async fn listen(&self) -> String {
        let [address] = loopback::addresses();
        let listener = TcpListener::bind(address).await.unwrap();
        // API Gateway passes whole requests, not streams.
        let service = self.router.clone().layer(from_fn(async |request: Request, next: Next| {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
            next.run(Request::from_parts(parts, body.into())).await
        }));
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        address.to_string()
    }

    /// Returns the service of all functions.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns a client without a credential.
    pub fn anonymous(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// Signs in the tenant's user of this role. Each role's user is named after the role.
    pub async fn sign_in(&self, tenant: Tenant, role: Role) -> Client {
        self.sign_in_as(tenant, role.name()).await
    }

    /// Signs in the least privileged user that may call this route: one of Acme's, or an operator.
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

    /// Signs in the tenant's user of this name.
    pub async fn sign_in_as(&self, tenant: Tenant, username: &str) -> Client {
        let client = self.anonymous();
        let mut request = self.credentials(tenant, Role::Viewer);
        request["username"] = username.into();
        let response = client.post("/auth/login", &request).await;
        assert_eq!(response.status, 200, "{response:?}");
        client.with_tokens(&response.body)
    }

    /// Returns the body of a request that asks for the caller's password alone.
    pub fn own_password(&self) -> Value {
        json!({"password": self.password.expose_secret()})
    }

    /// Returns the login request of the tenant's user of this role.
    pub fn credentials(&self, tenant: Tenant, role: Role) -> Value {
        let mut request = json!({"username": role.name(), "password": self.password.expose_secret()});
        if let Some(slug) = tenant.slug() {
            request["tenant"] = slug.into();
        }
        request
    }

    /// Returns the id of a tenant.
    pub async fn tenant_id(&self, tenant: Tenant) -> String {
        let slug = tenant.slug().unwrap_or("platform");
        self.database.value("SELECT id::text FROM tenants WHERE slug = $1", &[&slug]).await
    }

    /// Returns the path under which operators administer a tenant.
    pub async fn tenant_path(&self, tenant: Tenant) -> String {
        format!("/admin/tenants/{}", self.tenant_id(tenant).await)
    }

    /// Sends a request of any method without a credential.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> crate::client::Response {
        self.anonymous().send(method, path, body).await
    }
}

/// Returns a user of each role in both tenants, and an operator, all with one password.
fn users(password: &SecretString) -> Vec<BootstrapUser> {
    let password_hash = password::hash(password, &SystemRng).unwrap();
    let user = |tenant: Tenant, role: Role| BootstrapUser {
        tenant: tenant.slug().map(str::to_owned),
        username: role.name().parse().unwrap(),
        role,
        password_hash: password_hash.clone(),
    };
    let tenants = [Tenant::Acme, Tenant::Globex];
    let roles = [Role::Viewer, Role::Editor, Role::Admin];
    let of_tenants = tenants.into_iter().flat_map(|tenant| roles.map(|role| user(tenant, role)));
    // Sample data is created by users whose sessions no test ends.
    let samplers =
        tenants.map(|tenant| BootstrapUser { username: SAMPLER.parse().unwrap(), ..user(tenant, Role::Editor) });
    of_tenants.chain(samplers).chain([user(Tenant::Platform, Role::Operator)]).collect()
}

/// Generates a P-256 key in PEM form.
pub fn signing_key() -> String {
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let der = ring::signature::EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref());
    secrets::keep(&text);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}
