//! Database URLs: completed by a password that is a setting of its own, and parsed. A password in its own setting can be
//! generated and rotated by a service that knows nothing of URLs.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::SslMode;

use super::{ConfigError, Settings};

/// The settings that hold a URL, each with the setting that may hold its password.
pub const PASSWORDS: [(&str, &str); 2] =
    [("DATABASE_URL", "DATABASE_PASSWORD"), ("DRILL_DATABASE_URL", "DRILL_DATABASE_PASSWORD")];

impl Settings {
    /// Returns the URL of this setting, complete with its password; none where it is not set.
    ///
    /// # Errors
    /// A password is set, and the URL has no room for it.
    pub fn database_url(&self, name: &'static str) -> Result<Option<SecretString>, ConfigError> {
        let Some(url) = self.get(name) else { return Ok(None) };
        let password = PASSWORDS.iter().find(|(url, _)| *url == name).and_then(|(_, password)| self.get(password));
        let Some(password) = password else { return Ok(Some(SecretString::from(url))) };
        let complete = with_password(url, &SecretString::from(password)).ok_or_else(|| {
            let fault = "it has no user, or a password although another setting holds one";
            ConfigError::new(name, fault, "write postgres://user@host:5432/name?sslmode=verify-full")
        })?;
        Ok(Some(complete))
    }
}

/// Returns the URL with this password for its user; none where it names no user, or has a password already.
pub fn with_password(url: &str, password: &SecretString) -> Option<SecretString> {
    let (scheme, rest) = url.split_once("://")?;
    let (user, host) = rest.split_once('@')?;
    if user.is_empty() || user.contains([':', '/']) {
        return None;
    }
    let password = utf8_percent_encode(password.expose_secret(), NON_ALPHANUMERIC);
    Some(SecretString::from(format!("{scheme}://{user}:{password}@{host}")))
}

/// A text that is not a PostgreSQL URL. The message does not repeat it, because it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("not a PostgreSQL URL ({cause})")]
pub struct InvalidUrl {
    /// What the parser found, without the URL.
    pub(crate) cause: String,
}

/// Parses a URL as a client configuration, with server options that apply where the URL has none.
/// `sslmode=verify-full`, which `tokio-postgres` does not know, becomes `require`: the TLS connector verifies every
/// encrypted connection.
///
/// # Errors
/// The text is not a PostgreSQL URL.
pub(crate) fn client_config(url: &str, options: &str) -> Result<tokio_postgres::Config, InvalidUrl> {
    let verified = url.contains("sslmode=verify-full");
    let mut config: tokio_postgres::Config = url
        .replace("sslmode=verify-full", "sslmode=require")
        .parse()
        .map_err(|error: tokio_postgres::Error| InvalidUrl { cause: error.to_string() })?;
    if verified {
        config.ssl_mode(SslMode::Require);
    }
    config
        .connect_timeout(Duration::from_secs(5))
        .keepalives_idle(Duration::from_secs(30))
        .application_name("holdfast");
    if config.get_options().is_none() {
        config.options(options);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(url: &str, password: &str) -> Option<String> {
        with_password(url, &SecretString::from(password)).map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn the_server_gets_the_exact_password_whatever_characters_it_has() {
        let password = "a:b@c/d?e#f%20 ü'";
        let url = complete("postgres://app@db.internal:5432/holdfast?sslmode=require", password).unwrap();
        let config: tokio_postgres::Config = url.parse().unwrap();
        assert_eq!(config.get_password(), Some(password.as_bytes()));
        assert_eq!((config.get_user(), config.get_dbname()), (Some("app"), Some("holdfast")));
    }

    #[test]
    fn a_url_without_a_user_or_with_a_password_takes_none() {
        for url in ["postgres://app:x@db/holdfast", "postgres://db/holdfast", "postgres://@db/holdfast", "app@db"] {
            assert_eq!(complete(url, "x"), None, "{url}");
        }
    }

    #[test]
    fn each_url_takes_its_own_password_setting_and_no_other() {
        let settings = Settings::given([
            ("DATABASE_URL", "postgres://app@db/holdfast".to_owned()),
            ("DATABASE_PASSWORD", "of-the-app".to_owned()),
            ("DRILL_DATABASE_URL", "postgres://drill:own@db/postgres".to_owned()),
        ]);
        let url = |name| settings.database_url(name).unwrap().unwrap().expose_secret().to_owned();
        assert_eq!(url("DATABASE_URL"), "postgres://app:of%2Dthe%2Dapp@db/holdfast");
        assert_eq!(url("DRILL_DATABASE_URL"), "postgres://drill:own@db/postgres");
        assert!(Settings::given([]).database_url("DATABASE_URL").unwrap().is_none());
    }
}
