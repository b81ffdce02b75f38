//! The rules that a configuration must satisfy before anything starts.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::bootstrap::{api_tokens, auth_users};
use super::database::client_config;
use super::{Config, ConfigError, Environment, Needs, Settings, Source};
use crate::permission::Role;

/// Words that examples and defaults everywhere contain; a secret that contains one is no secret.
const KNOWN: [&str; 10] =
    ["changeme", "change-me", "dev-token", "secret", "password", "example", "default", "letmein", "test", "0123456789"];

pub(super) fn config(settings: &Settings, needs: Needs) -> Result<Config, ConfigError> {
    let environment = match settings.get_or_default("APP_ENV") {
        "local" => Environment::Local,
        name => Environment::Deployed(name.to_owned()),
    };
    let deployed = environment != Environment::Local;
    let text = |name| settings.get(name).map(str::to_owned);

    let database_url = needs.database.then(|| database_url(settings, deployed)).transpose()?;
    let jwt_secret = jwt_secret(settings, needs, deployed)?;
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

    Ok(Config {
        database_url,
        password_rotates: settings.source("DATABASE_PASSWORD") == Source::SecretsManager,
        database_ca_file: settings.get("DATABASE_CA_FILE").map(Into::into),
        pool_size: settings.number("DATABASE_POOL_SIZE")?.into(),
        issuer: issuer(settings, needs, deployed)?,
        audience: settings.get_or_default("AUTH_AUDIENCE").to_owned(),
        jwt_secret,
        signing_kms_key: text("SIGNING_KMS_KEY_ID"),
        signing_key_file: settings.get("SIGNING_KEY_FILE").map(Into::into),
        signing_key_ids: thumbprints(settings, "SIGNING_KEY_IDS")?,
        vault_key,
        former_vault_key,
        vault_kms_key: text("VAULT_KMS_KEY_ID"),
        audit_reads: settings.flag("AUDIT_READS")?,
        audit_log_path: settings.get("AUDIT_LOG_PATH").map(Into::into),
        audit_key_ids: thumbprints(settings, "AUDIT_KEY_IDS")?,
        audit_kms_key: text("AUDIT_KMS_KEY_ID"),
        retention_days: settings.number("RETENTION_DAYS")?,
        secret_versions: settings.number("SECRET_VERSIONS")?,
        api_token_max_days: settings.number("API_TOKEN_MAX_DAYS")?,
        session_days: settings.number("SESSION_DAYS")?,
        operator_session_hours: settings.number("OPERATOR_SESSION_HOURS")?,
        operator_idle_minutes: settings.number("OPERATOR_IDLE_MINUTES")?,
        mfa_roles: mfa_roles(settings, deployed)?,
        cors_origins: cors_origins(settings)?,
        effective: settings.effective(),
        environment,
    })
}

fn database_url(settings: &Settings, deployed: bool) -> Result<SecretString, ConfigError> {
    let invalid = |fault: String| ConfigError::of("DATABASE_URL", fault);
    let url = settings.database_url("DATABASE_URL")?.ok_or_else(|| invalid("not set".to_owned()))?;
    client_config(url.expose_secret(), "").map_err(|error| invalid(error.to_string()))?;
    if deployed && !url.expose_secret().contains("sslmode=verify-full") {
        return Err(ConfigError::new(
            "DATABASE_URL",
            "the connection would not verify the server's certificate",
            "add ?sslmode=verify-full",
        ));
    }
    Ok(url)
}

/// The issuer of tokens: outside local use a name of this deployment alone.
fn issuer(settings: &Settings, needs: Needs, deployed: bool) -> Result<String, ConfigError> {
    if deployed && (needs.signing || needs.verification) && settings.get("AUTH_ISSUER").is_none() {
        return Err(ConfigError::of("AUTH_ISSUER", "not set: another deployment's tokens would name the same issuer"));
    }
    Ok(settings.get_or_default("AUTH_ISSUER").to_owned())
}

/// The HS256 secret, where no asymmetric key is configured.
fn jwt_secret(settings: &Settings, needs: Needs, deployed: bool) -> Result<Option<SecretSlice<u8>>, ConfigError> {
    let secret = settings.get("AUTH_JWT_SECRET").map(str::as_bytes);
    if let Some(secret) = secret {
        strong("AUTH_JWT_SECRET", secret, deployed)?;
    }
    let file = settings.get("SIGNING_KEY_FILE");
    if deployed && file.is_some() {
        return Err(ConfigError::of("SIGNING_KEY_FILE", "a signing key in a file is for APP_ENV=local"));
    }
    let asymmetric = file.is_some() || settings.get("SIGNING_KMS_KEY_ID").is_some();
    if needs.signing && secret.is_none() && !asymmetric {
        return Err(ConfigError::of("SIGNING_KMS_KEY_ID", "nothing is set that can sign access tokens"));
    }
    if needs.verification && secret.is_none() && !asymmetric {
        return Err(ConfigError::of("SIGNING_KMS_KEY_ID", "nothing is set that access tokens could be verified with"));
    }
    Ok(secret.filter(|_| !asymmetric).map(|secret| SecretSlice::from(secret.to_vec())))
}

fn strong(name: &'static str, secret: &[u8], deployed: bool) -> Result<(), ConfigError> {
    if secret.len() < 32 {
        return Err(ConfigError::of(name, "shorter than 32 bytes"));
    }
    let lower = String::from_utf8_lossy(secret).to_lowercase();
    let distinct = secret.iter().collect::<std::collections::BTreeSet<_>>().len();
    if deployed && (KNOWN.iter().any(|known| lower.contains(known)) || distinct < 10) {
        return Err(ConfigError::of(name, "a known or guessable value"));
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
        .ok_or_else(|| ConfigError::of(name, "not 32 bytes, raw, base64 or hex"))?;
    strong(name, &bytes, deployed)?;
    Ok(SecretSlice::from(bytes))
}

/// The bytes that hexadecimal digits stand for.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

/// The roles that need a second factor. Deployed, those that administer do unless the setting says otherwise.
fn mfa_roles(settings: &Settings, deployed: bool) -> Result<Vec<Role>, ConfigError> {
    match settings.get("REQUIRE_MFA_ROLES") {
        None if deployed => return Ok(vec![Role::Operator, Role::Admin]),
        Some("none") => return Ok(Vec::new()),
        _ => {}
    }
    let role = |role: &str| role.parse().map_err(|_| ConfigError::of("REQUIRE_MFA_ROLES", "an entry is not a role"));
    settings.list("REQUIRE_MFA_ROLES", &[',']).map(role).collect()
}

/// Reads a list of thumbprints of keys (RFC 7638): SHA-256 digests in base64url.
pub fn thumbprints(settings: &Settings, name: &'static str) -> Result<Vec<String>, ConfigError> {
    let id = |id: &str| match URL_SAFE_NO_PAD.decode(id) {
        Ok(bytes) if bytes.len() == 32 => Ok(id.to_owned()),
        _ => Err(ConfigError::of(name, "an entry is not the thumbprint of a key")),
    };
    settings.list(name, &[',']).map(id).collect()
}

fn cors_origins(settings: &Settings) -> Result<Vec<HeaderValue>, ConfigError> {
    let origin = |origin: &str| {
        let exact = origin.parse().is_ok_and(|uri: http::Uri| {
            uri.authority().is_some_and(|authority| !authority.as_str().contains(['*', '@']))
                && matches!(uri.scheme_str(), Some("https" | "http"))
                && !origin.ends_with('/')
                && uri.path() == "/"
                && uri.query().is_none()
        });
        let value = HeaderValue::from_str(origin).ok().filter(|_| exact);
        value.ok_or_else(|| ConfigError::of("CORS_ORIGINS", "an entry is not an exact origin"))
    };
    settings.list("CORS_ORIGINS", &[',']).map(origin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://holdfast_auth:x@db.internal/holdfast?sslmode=verify-full";
    const STRONG: &str = "hMuIYKGl8jQm3pPnqV0oXw2fZtTzB5sL";
    const ALL: Needs = Needs { database: true, signing: true, verification: true, vault: true };

    fn rejected_setting(values: &[(&str, &str)]) -> String {
        let base = [
            ("DATABASE_URL", URL),
            ("AUTH_ISSUER", "https://api.example.com"),
            ("AUTH_JWT_SECRET", STRONG),
            ("SECRET_ENCRYPTION_KEY", STRONG),
        ];
        let merged: std::collections::BTreeMap<&str, String> =
            base.iter().chain(values).map(|(name, value)| (*name, (*value).to_owned())).collect();
        match Config::from_settings(&Settings::given(merged), ALL) {
            Ok(_) => "starts".to_owned(),
            Err(error) => error.setting.to_owned(),
        }
    }

    #[test]
    fn a_strong_configuration_starts() {
        assert_eq!(rejected_setting(&[]), "starts");
    }

    #[test]
    fn weak_default_and_missing_secrets_refuse_to_start() {
        for (name, value) in [
            ("DATABASE_URL", ""),
            ("AUTH_ISSUER", ""),
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
            (
                "AUTH_USERS",
                "demo:admin:admin:$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
            ),
            ("API_TOKENS", "ci:accounts:read:dev-token"),
            ("API_TOKENS", "ci:accounts:read:0000000000000000000000000000000000000000000000000000000000000000"),
            ("API_TOKENS", "acme/ci:users:write:0000000000000000000000000000000000000000000000000000000000000000"),
            ("CORS_ORIGINS", "*"),
            ("CORS_ORIGINS", "https://*.example.com"),
            ("CORS_ORIGINS", "https://app.example.com/path"),
            ("AUDIT_READS", "yes"),
            ("REQUIRE_MFA_ROLES", "admin,king"),
            ("AUDIT_KEY_IDS", "bm90IGEgZGlnZXN0"),
            ("SIGNING_KEY_IDS", "bm90IGEgZGlnZXN0"),
            ("RETENTION_DAYS", "0"),
        ] {
            assert_eq!(rejected_setting(&[(name, value)]), name, "{name}={value}");
        }
    }

    #[test]
    fn a_function_without_a_database_reads_no_login_of_one() {
        for url in ["", URL] {
            let settings = Settings::given([("DATABASE_URL", url.to_owned())]);
            let config = Config::from_settings(&settings, Needs::default()).unwrap();
            assert!(config.database_url().is_err(), "{url}");
        }
    }

    #[test]
    fn a_function_that_signs_does_not_start_without_a_key() {
        assert_eq!(rejected_setting(&[("AUTH_JWT_SECRET", "")]), "SIGNING_KMS_KEY_ID");
    }

    #[test]
    fn a_vault_key_is_taken_raw_in_base64_and_in_hex() {
        let raw = [
            0x9Au8, 0x11, 0x52, 0xE3, 0xB4, 0x05, 0xF6, 0x77, 0xC8, 0x29, 0xDA, 0x3B, 0x8C, 0x4D, 0x1E, 0xAF, 0x60,
            0x71, 0x02, 0x93, 0x14, 0xA5, 0x36, 0x47, 0xE8, 0x59, 0xFA, 0x6B, 0xBC, 0x7D, 0xCE, 0x0F,
        ];
        let digits = raw.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        for text in [STANDARD.encode(raw), URL_SAFE_NO_PAD.encode(raw), digits, STRONG.to_owned()] {
            assert_eq!(rejected_setting(&[("SECRET_ENCRYPTION_KEY", &text)]), "starts", "{}", text.len());
        }
    }

    #[test]
    fn an_error_never_repeats_the_value() {
        let settings = Settings::given([("DATABASE_URL", "postgres://app:hunter2hunter2@db/x".to_owned())]);
        let line = Config::from_settings(&settings, ALL).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            line,
            "DATABASE_URL: the connection would not verify the server's certificate; add ?sslmode=verify-full"
        );
    }

    #[test]
    fn those_who_administer_need_a_second_factor_unless_the_setting_says_otherwise() {
        let roles = |environment: &str, setting: Option<&str>| {
            let given = [("APP_ENV", environment)].into_iter().chain(setting.map(|roles| ("REQUIRE_MFA_ROLES", roles)));
            let settings = Settings::given(given.map(|(name, value)| (name, value.to_owned())));
            mfa_roles(&settings, environment != "local").unwrap()
        };
        let administer = vec![Role::Operator, Role::Admin];
        assert_eq!(roles("production", None), administer);
        assert_eq!(roles("production", Some("")), administer);
        assert_eq!(roles("local", None), []);
        for environment in ["production", "local"] {
            assert_eq!(roles(environment, Some("none")), []);
            assert_eq!(roles(environment, Some("viewer, admin")), [Role::Viewer, Role::Admin]);
        }
    }
}
