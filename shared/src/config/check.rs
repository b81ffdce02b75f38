//! What a configuration must satisfy before anything starts. Each refusal is one line: the setting, what is wrong,
//! the fix - and never the value.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice};

use super::{Config, Environment, Needs, Settings, Source};
use crate::permission::{Role, Scope};

/// A start that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}; {fix}")]
pub struct ConfigError {
    /// The setting.
    pub setting: &'static str,
    fault: String,
    fix: &'static str,
}

impl ConfigError {
    /// A refusal of a setting.
    pub fn new(setting: &'static str, fault: impl Into<String>, fix: &'static str) -> Self {
        Self { setting, fault: fault.into(), fix }
    }
}

const GENERATE_KEY: &str = "generate one with `openssl rand -base64 32`";

/// Words that turn up in examples and defaults everywhere; a secret that contains one is no secret.
const KNOWN: [&str; 10] =
    ["changeme", "change-me", "dev-token", "secret", "password", "example", "default", "letmein", "test", "0123456789"];

pub(super) fn config(settings: &Settings, needs: Needs) -> Result<Config, ConfigError> {
    let environment = match settings.get("APP_ENV") {
        Some("local") => Environment::Local,
        Some(name) => Environment::Deployed(name.to_owned()),
        None => Environment::Deployed("production".to_owned()),
    };
    let deployed = environment != Environment::Local;

    let database_url = settings.database_url("DATABASE_URL")?.ok_or_else(|| {
        ConfigError::new("DATABASE_URL", "not set", "set postgres://user:password@host:5432/name?sslmode=verify-full")
    })?;
    crate::db::client_config(database_url.expose_secret())
        .map_err(|error| ConfigError::new("DATABASE_URL", error.to_string(), "correct it"))?;
    if deployed && !database_url.expose_secret().contains("sslmode=verify-full") {
        return Err(ConfigError::new(
            "DATABASE_URL",
            "the connection would not verify the server's certificate",
            "add ?sslmode=verify-full",
        ));
    }

    let jwt_secret = settings.get("AUTH_JWT_SECRET");
    if let Some(secret) = jwt_secret {
        strong("AUTH_JWT_SECRET", secret.as_bytes(), deployed)?;
    }
    let asymmetric = settings.get("SIGNING_KMS_KEY_ID").is_some() || settings.get("SIGNING_KEY_FILE").is_some();
    if deployed && settings.get("SIGNING_KEY_FILE").is_some() {
        return Err(ConfigError::new(
            "SIGNING_KEY_FILE",
            "a signing key in a file is for APP_ENV=local",
            "use SIGNING_KMS_KEY_ID, or AUTH_JWT_SECRET",
        ));
    }
    if needs.signing && jwt_secret.is_none() && !asymmetric {
        return Err(ConfigError::new(
            "SIGNING_KMS_KEY_ID",
            "nothing is set that can sign access tokens",
            "set the id of an ECC_NIST_P256 KMS key, or AUTH_JWT_SECRET of at least 32 bytes",
        ));
    }

    let key = |name| settings.get(name).map(|key| vault_key(name, key, deployed)).transpose();
    let (vault_key, former_vault_key) = (key("SECRET_ENCRYPTION_KEY")?, key("FORMER_SECRET_ENCRYPTION_KEY")?);
    if needs.vault && deployed && vault_key.is_none() && settings.get("VAULT_KMS_KEY_ID").is_none() {
        return Err(ConfigError::new(
            "SECRET_ENCRYPTION_KEY",
            "no vault key is set",
            "set VAULT_KMS_KEY_ID, or 32 bytes as base64: `openssl rand -base64 32`",
        ));
    }
    auth_users(settings)?;
    api_tokens(settings)?;

    let number =
        |name: &'static str, default: u16, range: std::ops::RangeInclusive<u16>, fix: &'static str| match settings
            .get(name)
        {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| ConfigError::new(name, "not a number in range", fix)),
        };
    Ok(Config {
        database_url,
        password_rotates: settings.source("DATABASE_PASSWORD") == Source::SecretsManager,
        database_ca_file: settings.get("DATABASE_CA_FILE").map(Into::into),
        pool_size: number("DATABASE_POOL_SIZE", 1, 1..=64, "use 1 to 64; 1 in Lambda")?.into(),
        issuer: settings.get("AUTH_ISSUER").unwrap_or("holdfast").to_owned(),
        audience: settings.get("AUTH_AUDIENCE").unwrap_or("holdfast").to_owned(),
        jwt_secret: (!asymmetric)
            .then_some(jwt_secret)
            .flatten()
            .map(|secret| SecretSlice::from(secret.as_bytes().to_vec())),
        signing_kms_key: settings.get("SIGNING_KMS_KEY_ID").map(str::to_owned),
        signing_key_file: settings.get("SIGNING_KEY_FILE").map(Into::into),
        vault_key,
        former_vault_key,
        vault_kms_key: settings.get("VAULT_KMS_KEY_ID").map(str::to_owned),
        audit_reads: flag(settings, "AUDIT_READS")?,
        audit_log_path: settings.get("AUDIT_LOG_PATH").map(Into::into),
        retention_days: number("RETENTION_DAYS", 30, 1..=3650, "use 1 to 3650 days")?,
        secret_versions: number("SECRET_VERSIONS", 100, 1..=10_000, "use 1 to 10000 versions")?,
        mfa_roles: mfa_roles(settings)?,
        cors_origins: origins(settings)?,
        effective: settings.effective(),
        environment,
    })
}

fn flag(settings: &Settings, name: &'static str) -> Result<bool, ConfigError> {
    match settings.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ConfigError::new(name, "neither true nor false", "write true or false")),
    }
}

fn strong(name: &'static str, secret: &[u8], deployed: bool) -> Result<(), ConfigError> {
    if secret.len() < 32 {
        return Err(ConfigError::new(name, "shorter than 32 bytes", GENERATE_KEY));
    }
    let lower = String::from_utf8_lossy(secret).to_lowercase();
    let distinct = secret.iter().collect::<std::collections::BTreeSet<_>>().len();
    if deployed && (KNOWN.iter().any(|known| lower.contains(known)) || distinct < 10) {
        return Err(ConfigError::new(name, "a known or guessable value", GENERATE_KEY));
    }
    Ok(())
}

/// Exactly 32 bytes: raw, base64 or hex.
fn vault_key(name: &'static str, text: &str, deployed: bool) -> Result<SecretSlice<u8>, ConfigError> {
    let bytes = match text.len() {
        32 => Some(text.as_bytes().to_vec()),
        64 => hex(text),
        43 => URL_SAFE_NO_PAD.decode(text).ok(),
        44 => STANDARD.decode(text).ok(),
        _ => None,
    };
    let bytes = bytes
        .filter(|bytes| bytes.len() == 32)
        .ok_or_else(|| ConfigError::new(name, "not 32 bytes, raw, base64 or hex", GENERATE_KEY))?;
    strong(name, &bytes, deployed)?;
    Ok(SecretSlice::from(bytes))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

fn mfa_roles(settings: &Settings) -> Result<Vec<Role>, ConfigError> {
    const NAME: &str = "REQUIRE_MFA_ROLES";
    let listed = settings.get(NAME).unwrap_or_default().split(',').map(str::trim).filter(|role| !role.is_empty());
    listed
        .map(|role| {
            role.parse().map_err(|_| ConfigError::new(NAME, "an entry is no role", "list roles such as admin,operator"))
        })
        .collect()
}

fn origins(settings: &Settings) -> Result<Vec<HeaderValue>, ConfigError> {
    const MEND: &str =
        "list exact origins such as https://app.example.com, separated by commas; a wildcard is never right here";
    let listed =
        settings.get("CORS_ORIGINS").unwrap_or_default().split(',').map(str::trim).filter(|origin| !origin.is_empty());
    listed
        .map(|origin| {
            let uri: Option<http::Uri> = origin.parse().ok();
            let exact = uri.is_some_and(|uri| {
                uri.authority().is_some_and(|authority| !authority.as_str().contains(['*', '@']))
                    && matches!(uri.scheme_str(), Some("https" | "http"))
                    && !origin.ends_with('/')
                    && uri.path() == "/"
                    && uri.query().is_none()
            });
            HeaderValue::from_str(origin)
                .ok()
                .filter(|_| exact)
                .ok_or_else(|| ConfigError::new("CORS_ORIGINS", "an entry is not an exact origin", MEND))
        })
        .collect()
}

/// An entry of `AUTH_USERS`: `tenant:username:role:argon2id-hash`, the tenant empty for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapUser {
    /// The tenant's slug; none for the platform.
    pub tenant: Option<String>,
    /// The username.
    pub username: String,
    /// The role.
    pub role: Role,
    /// The password's argon2id hash in PHC form.
    pub password_hash: String,
}

/// The users of `AUTH_USERS`, separated by new lines or semicolons (a PHC string holds commas).
pub fn auth_users(settings: &Settings) -> Result<Vec<BootstrapUser>, ConfigError> {
    const MEND: &str = "write tenant:username:role:argon2id-hash, separated by semicolons; the hash comes from an argon2id tool, never a plaintext password";
    let entries = settings
        .get("AUTH_USERS")
        .unwrap_or_default()
        .split([';', '\n'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let bad = |fault: &str| ConfigError::new("AUTH_USERS", fault, MEND);
            let mut parts = entry.splitn(4, ':');
            let (Some(tenant), Some(username), Some(role), Some(hash)) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(bad("an entry has not four parts"));
            };
            let role: Role = role.parse().map_err(|_| bad("an entry's role is none"))?;
            if tenant.is_empty() != (role == Role::Operator) {
                return Err(bad("operators have no tenant, and all others have one"));
            }
            if !crate::identity::password::is_strong_hash(hash) {
                return Err(bad("a password is not an argon2id hash of at least 19 MiB and 2 passes"));
            }
            Ok(BootstrapUser {
                tenant: (!tenant.is_empty()).then(|| tenant.to_owned()),
                username: username.to_owned(),
                role,
                password_hash: hash.to_owned(),
            })
        })
        .collect()
}

/// An entry of `API_TOKENS`: `name:scopes:sha256-of-token`. The name is `tenant/name` for a tenant's token, and plain for
/// the platform's; the scopes are separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapToken {
    /// The tenant's slug; none for the platform.
    pub tenant: Option<String>,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
}

/// The tokens of `API_TOKENS`, separated by new lines or semicolons. Only digests are taken, never a token.
pub fn api_tokens(settings: &Settings) -> Result<Vec<BootstrapToken>, ConfigError> {
    const MEND: &str = "write [tenant/]name:scopes:sha256-of-token; `holdfast token new` makes a token and its SHA-256";
    let bad = |fault: &str| ConfigError::new("API_TOKENS", fault, MEND);
    let entries = settings.get("API_TOKENS").unwrap_or_default().split([';', '\n']).map(str::trim);
    entries
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (name, rest) = entry.split_once(':').ok_or_else(|| bad("an entry has not three parts"))?;
            let (scopes, digest) = rest.rsplit_once(':').ok_or_else(|| bad("an entry has not three parts"))?;
            let hash = Some(digest).filter(|digest| digest.len() == 64).and_then(hex);
            let hash = hash.ok_or_else(|| bad("an entry does not end in the 64 hex digits of a SHA-256"))?;
            let named = |text: &str| Scope::ALL.into_iter().find(|scope| scope.name() == text.trim());
            let scopes: Option<Vec<Scope>> = scopes.split(',').map(named).collect();
            let scopes = scopes.ok_or_else(|| bad("an entry names a scope that there is not"))?;
            let (tenant, name) = match name.split_once('/') {
                Some((tenant, name)) => (Some(tenant.to_owned()), name),
                None => (None, name),
            };
            if name.is_empty() || name.chars().count() > 200 {
                return Err(bad("an entry has no name, or one of more than 200 characters"));
            }
            if scopes.iter().any(|scope| (*scope == Scope::MetricsRead) != tenant.is_none()) {
                return Err(bad("the platform's tokens read metrics and nothing else, and only they do"));
            }
            Ok(BootstrapToken { tenant, name: name.to_owned(), scopes, hash })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://holdfast_app:x@db.internal/holdfast?sslmode=verify-full";
    const STRONG: &str = "hMuIYKGl8jQm3pPnqV0oXw2fZtTzB5sL";
    const ALL: Needs = Needs { signing: true, verification: true, vault: true };

    fn refused(values: &[(&str, &str)]) -> String {
        let base = [("DATABASE_URL", URL), ("AUTH_JWT_SECRET", STRONG), ("SECRET_ENCRYPTION_KEY", STRONG)];
        let merged: std::collections::BTreeMap<&str, String> =
            base.iter().chain(values).map(|(name, value)| (*name, (*value).to_owned())).collect();
        match Config::from_settings(&Settings::given(merged), ALL) {
            Ok(_) => "starts".to_owned(),
            Err(refusal) => refusal.setting.to_owned(),
        }
    }

    #[test]
    fn a_strong_configuration_starts() {
        assert_eq!(refused(&[]), "starts");
    }

    #[test]
    fn weak_default_and_missing_secrets_refuse_to_start() {
        for (name, value) in [
            ("DATABASE_URL", ""),
            ("DATABASE_URL", "postgres://a:b@db/x"),
            ("DATABASE_URL", "postgres://a:b@db/x?sslmode=require"),
            ("DATABASE_URL", "postgres://a:b@db/x?sslmode=disable"),
            ("DATABASE_URL", "mysql://a:b@db/x?sslmode=verify-full"),
            ("AUTH_JWT_SECRET", "short"),
            ("AUTH_JWT_SECRET", "changemechangemechangemechangeme-1234"),
            ("AUTH_JWT_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("SECRET_ENCRYPTION_KEY", ""),
            ("SECRET_ENCRYPTION_KEY", "tooshort"),
            ("SECRET_ENCRYPTION_KEY", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
            ("SIGNING_KEY_FILE", "/tmp/key.pem"),
            ("AUTH_USERS", "demo:admin:admin:changeme"),
            (
                "AUTH_USERS",
                "demo:admin:king:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
            ),
            (
                "AUTH_USERS",
                "demo:admin:admin:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
            ),
            ("API_TOKENS", "ci:accounts:read:dev-token"),
            ("API_TOKENS", "ci:accounts:read:0000000000000000000000000000000000000000000000000000000000000000"),
            ("API_TOKENS", "acme/ci:users:write:0000000000000000000000000000000000000000000000000000000000000000"),
            ("CORS_ORIGINS", "*"),
            ("CORS_ORIGINS", "https://*.example.com"),
            ("CORS_ORIGINS", "https://app.example.com/path"),
            ("AUDIT_READS", "yes"),
            ("REQUIRE_MFA_ROLES", "admin,king"),
            ("RETENTION_DAYS", "0"),
        ] {
            assert_eq!(refused(&[(name, value)]), name, "{name}={value}");
        }
    }

    #[test]
    fn nothing_to_sign_with_refuses_to_start() {
        assert_eq!(refused(&[("AUTH_JWT_SECRET", "")]), "SIGNING_KMS_KEY_ID");
    }

    #[test]
    fn a_vault_key_is_taken_raw_in_base64_and_in_hex() {
        let raw = [
            0x9Au8, 0x11, 0x52, 0xE3, 0xB4, 0x05, 0xF6, 0x77, 0xC8, 0x29, 0xDA, 0x3B, 0x8C, 0x4D, 0x1E, 0xAF, 0x60,
            0x71, 0x02, 0x93, 0x14, 0xA5, 0x36, 0x47, 0xE8, 0x59, 0xFA, 0x6B, 0xBC, 0x7D, 0xCE, 0x0F,
        ];
        let digits = raw.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        for text in [STANDARD.encode(raw), URL_SAFE_NO_PAD.encode(raw), digits, STRONG.to_owned()] {
            assert_eq!(refused(&[("SECRET_ENCRYPTION_KEY", &text)]), "starts", "{}", text.len());
        }
    }

    #[test]
    fn tokens_of_tenants_and_of_the_platform_are_told_apart() {
        let digest = "ab".repeat(32);
        let entries = format!("acme/ci:accounts:read,accounts:write:{digest};prometheus:metrics:read:{digest}");
        let tokens = api_tokens(&Settings::given([("API_TOKENS", entries)])).unwrap();
        let told: Vec<_> =
            tokens.iter().map(|token| (token.tenant.as_deref(), token.name.as_str(), token.scopes.len())).collect();
        assert_eq!(told, [(Some("acme"), "ci", 2), (None, "prometheus", 1)]);
    }

    #[test]
    fn a_refusal_never_repeats_the_value() {
        let settings = Settings::given([("DATABASE_URL", "postgres://app:hunter2hunter2@db/x".to_owned())]);
        let line = Config::from_settings(&settings, ALL).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            line,
            "DATABASE_URL: the connection would not verify the server's certificate; add ?sslmode=verify-full"
        );
    }
}
