//! A role's access to a database: the URL with its password, which no message shows.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::{Client, Config};

use crate::error::BackupError;

/// A role's access to a database.
#[derive(Debug, Clone)]
pub struct Login {
    url: SecretString,
    ca_file: Option<PathBuf>,
    database: String,
}

impl Login {
    /// Reads a URL. It must name the database: a default would be a guess.
    pub fn new(url: SecretString, ca_file: Option<PathBuf>) -> Result<Self, BackupError> {
        let database = config(&url)?.get_dbname().unwrap_or_default().to_owned();
        if database.is_empty() {
            return Err(BackupError::Url("the URL names no database; write postgres://user:password@host:5432/NAME"));
        }
        Ok(Self { url, ca_file, database })
    }

    /// Name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The same role and server with another database.
    pub(crate) fn to_database(&self, name: &str) -> Result<Self, BackupError> {
        let url = replace_database(self.url.expose_secret(), name);
        let url = url.ok_or(BackupError::Url("the URL must begin with postgres:// to reach another database"))?;
        Self::new(url.into(), self.ca_file.clone())
    }

    /// A text that identifies the server and the database.
    pub(crate) fn address(&self) -> Result<String, BackupError> {
        let config = config(&self.url)?;
        Ok(format!("{:?} {:?} {}", config.get_hosts(), config.get_ports(), self.database))
    }

    /// Connects, without time limits.
    pub(crate) async fn connect(&self) -> Result<Client, BackupError> {
        Ok(holdfast_shared::db::connect_backup(&self.url, self.ca_file.as_deref()).await?)
    }

    /// The migrations of this build, for this database.
    pub(crate) fn migrations(&self) -> holdfast_migrate::Plan {
        holdfast_migrate::Plan {
            database_ca_file: self.ca_file.clone(),
            ..holdfast_migrate::Plan::new(self.url.clone())
        }
    }
}

fn config(url: &SecretString) -> Result<Config, BackupError> {
    let url = url.expose_secret().replace("sslmode=verify-full", "sslmode=require");
    url.parse().map_err(|_| BackupError::Url("the URL is not valid; write postgres://user:password@host:5432/name"))
}

/// The URL with another database. The name consists of letters, digits and `_`.
fn replace_database(url: &str, name: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (address, parameters) = rest.split_at_checked(rest.find('?').unwrap_or(rest.len()))?;
    let authority = address.split_once('/').map_or(address, |(authority, _)| authority);
    Some(format!("{scheme}://{authority}/{name}{parameters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_is_replaced() {
        for (url, expected) in [
            ("postgres://u:p%2F@h:1/a?sslmode=verify-full", "postgres://u:p%2F@h:1/b?sslmode=verify-full"),
            ("postgres://u:p@h", "postgres://u:p@h/b"),
        ] {
            assert_eq!(replace_database(url, "b").unwrap(), expected);
        }
        assert_eq!(replace_database("host=h dbname=a", "b"), None);
    }

    #[test]
    fn a_url_must_name_its_database_and_the_error_never_repeats_it() {
        let error = Login::new("postgres://u:hunter2@h".into(), None).unwrap_err().to_string();
        assert_eq!(error, "the URL names no database; write postgres://user:password@host:5432/NAME");
    }
}
