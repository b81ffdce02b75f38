//! Evidence about the checklist from the settings, and from the route table of this build.

use secrecy::ExposeSecret;

use super::EvidenceSource::Configuration;
use super::{Observation, Outcome};
use crate::config::{Config, Environment, Source};
use crate::permission::{Permission, Role, Scope};
use crate::route::{Access, Route};

/// Pool size in Lambda, where an instance serves one request at a time.
const LAMBDA_POOL: usize = 1;

/// Returns what an accepted configuration shows.
pub fn observe(config: &Config) -> Vec<Observation> {
    let always =
        [credentials(config), second_factors(config), sources(config), vault(config), pool(config), origins(config)];
    always.into_iter().chain(database(config)).collect()
}

fn is_local(config: &Config) -> bool {
    config.environment == Environment::Local
}

fn credentials(config: &Config) -> Observation {
    if is_local(config) {
        let why = "APP_ENV is local, which accepts weak credentials";
        return Observation::judged("AUTH-1", Configuration, false, why);
    }
    let signing = if config.jwt_secret.is_some() { "HS256 with a strong secret" } else { "ES256" };
    let seen = format!("tokens are signed by {signing}; users and API tokens can only be configured as hashes");
    Observation::judged("AUTH-1", Configuration, true, seen)
}

fn second_factors(config: &Config) -> Observation {
    let named = |roles: &[Role]| roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
    let administers = [Role::Operator, Role::Admin];
    let without: Vec<Role> = administers.into_iter().filter(|role| !config.mfa_roles.contains(role)).collect();
    let seen = if without.is_empty() {
        format!("one-time codes are required of {}", named(&config.mfa_roles))
    } else {
        format!("REQUIRE_MFA_ROLES requires no one-time codes of {}", named(&without))
    };
    Observation::judged("AUTH-4", Configuration, without.is_empty(), seen)
}

fn sources(config: &Config) -> Observation {
    let bare: Vec<&str> = config
        .effective
        .iter()
        .filter(|setting| setting.secret && setting.source == Source::Environment)
        .map(|setting| setting.name)
        .collect();
    let managed = config.effective.iter().filter(|setting| setting.source == Source::SecretsManager).count();
    if bare.is_empty() {
        let seen = format!("{managed} settings come from Secrets Manager, and no secret from the environment");
        Observation::judged("SEC-1", Configuration, true, seen)
    } else {
        let seen = format!("from the environment, and not from Secrets Manager: {}", bare.join(", "));
        Observation::judged("SEC-1", Configuration, false, seen)
    }
}

fn vault(config: &Config) -> Observation {
    let seen = match (&config.vault_kms_key, &config.vault_key) {
        (Some(_), _) => "data keys are wrapped by KMS",
        (None, Some(_)) => "data keys are wrapped by SECRET_ENCRYPTION_KEY",
        (None, None) => return Observation::judged("SEC-2", Configuration, false, "no vault key is set"),
    };
    Observation::judged("SEC-2", Configuration, true, seen)
}

/// None where the configuration is of a function without a database.
fn database(config: &Config) -> Option<Observation> {
    let verified = config.database_url().ok()?.expose_secret().contains("sslmode=verify-full");
    let seen = if verified { "sslmode=verify-full" } else { "DATABASE_URL does not verify the server's certificate" };
    Some(Observation::judged("SEC-3", Configuration, verified, seen))
}

fn pool(config: &Config) -> Observation {
    let size = config.pool_size;
    Observation::judged("RUN-2", Configuration, size == LAMBDA_POOL, format!("DATABASE_POOL_SIZE is {size}"))
}

fn origins(config: &Config) -> Observation {
    let plain = config.cors_origins.iter().filter(|origin| !origin.as_bytes().starts_with(b"https://")).count();
    let seen = match (config.cors_origins.len(), plain) {
        (0, _) => "no other origin may call the API".to_owned(),
        (all, 0) => format!("{all} exact https origins may call the API"),
        (_, plain) => format!("{plain} origins without TLS may call the API"),
    };
    Observation::judged("WEB-1", Configuration, plain == 0, seen)
}

/// Returns what these routes show; of /metrics, where it is among them.
pub fn observe_routes<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Vec<Observation> {
    let routes: Vec<_> = routes.into_iter().collect();
    let names = |found: Vec<&&Route>| found.iter().map(|route| route.path).collect::<Vec<_>>().join(", ");
    let admin = |route: &&&Route| route.path.starts_with("/admin");
    let admin_routes = routes.iter().filter(admin).count();

    let by_token = names(routes.iter().filter(admin).filter(|route| !route.needs_jwt()).collect());
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let administrative = |scope: &&str| {
        ["users:", "tokens:", "tenants:", "audit:", "keys:", "schema:", "backups:", "config:"]
            .iter()
            .any(|prefix| scope.starts_with(prefix))
    };
    let excessive: Vec<&str> = scopes.iter().copied().filter(|scope| administrative(scope)).collect();
    let jwt_only = judged(
        "AUTH-2",
        by_token.is_empty() && excessive.is_empty() && admin_routes > 0,
        format!(
            "{admin_routes} routes under /admin reject API tokens, and none of {} scopes is for administration",
            scopes.len()
        ),
        format!("API tokens may administer: {by_token} {}", excessive.join(", ")),
    );

    let open = names(routes.iter().filter(admin).filter(|route| route.access == Access::Anyone).collect());
    let closed = judged(
        "RUN-1",
        open.is_empty() && admin_routes > 0,
        format!("all {admin_routes} routes under /admin need a credential"),
        format!("callable without a credential: {open}"),
    );
    let mut seen = vec![jwt_only, closed];
    if let Some(metrics) = routes.iter().find(|route| route.path == "/metrics") {
        let holds = metrics.access == Access::Holder(Permission::MetricsRead);
        let (good, bad) = ("/metrics needs metrics:read", "/metrics can be called without metrics:read");
        seen.push(judged("OBS-1", holds, good.to_owned(), bad.to_owned()));
    }
    seen
}

fn judged(row: &'static str, holds: bool, good: String, bad: String) -> Observation {
    let outcome = if holds { Outcome::Pass } else { Outcome::Fail };
    Observation { row, source: Configuration, outcome, evidence: if holds { good } else { bad } }
}
