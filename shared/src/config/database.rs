//! How a database is reached: a URL, and its password beside it where that is a setting of its own. A password that stands
//! by itself can be made, and made anew, by a machine that knows nothing of URLs.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use super::check::ConfigError;
use super::source::Settings;

/// The URLs, each with the setting that may hold its password.
pub const PASSWORDS: [(&str, &str); 2] =
    [("DATABASE_URL", "DATABASE_PASSWORD"), ("DRILL_DATABASE_URL", "DRILL_DATABASE_PASSWORD")];

impl Settings {
    /// The URL of this setting, complete with its password; none where it is not set.
    ///
    /// # Errors
    /// A password is set, and the URL has no place for it.
    pub fn database_url(&self, name: &'static str) -> Result<Option<SecretString>, ConfigError> {
        let Some(url) = self.get(name) else { return Ok(None) };
        let password = PASSWORDS.iter().find(|(url, _)| *url == name).and_then(|(_, password)| self.get(password));
        let Some(password) = password else { return Ok(Some(SecretString::from(url))) };
        let complete = with_password(url, &SecretString::from(password)).ok_or_else(|| {
            let fault = "it has no user, or a password of its own beside the one in its own setting";
            ConfigError::new(name, fault, "write postgres://user@host:5432/name?sslmode=verify-full")
        })?;
        Ok(Some(complete))
    }
}

/// The URL with this password for its user; none where it names no user, or has a password already.
pub fn with_password(url: &str, password: &SecretString) -> Option<SecretString> {
    let (scheme, rest) = url.split_once("://")?;
    let (user, host) = rest.split_once('@')?;
    if user.is_empty() || user.contains([':', '/']) {
        return None;
    }
    let password = utf8_percent_encode(password.expose_secret(), NON_ALPHANUMERIC);
    Some(SecretString::from(format!("{scheme}://{user}:{password}@{host}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(url: &str, password: &str) -> Option<String> {
        with_password(url, &SecretString::from(password)).map(|url| url.expose_secret().to_owned())
    }

    #[test]
    fn the_password_is_what_the_server_gets_whatever_is_in_it() {
        let password = "a:b@c/d?e#f%20 ü'";
        let url = complete("postgres://app@db.internal:5432/holdfast?sslmode=require", password).unwrap();
        let config: tokio_postgres::Config = url.parse().unwrap();
        assert_eq!(config.get_password(), Some(password.as_bytes()));
        assert_eq!((config.get_user(), config.get_dbname()), (Some("app"), Some("holdfast")));
    }

    #[test]
    fn a_url_without_a_place_for_it_gets_none() {
        for url in ["postgres://app:x@db/holdfast", "postgres://db/holdfast", "postgres://@db/holdfast", "app@db"] {
            assert_eq!(complete(url, "x"), None, "{url}");
        }
    }

    #[test]
    fn each_url_has_a_password_setting_and_no_other_is_taken() {
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
