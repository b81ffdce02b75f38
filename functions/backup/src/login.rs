//! Passes a database's URL to PostgreSQL's own programs: in the environment of the child process, never on a command line
//! or in a file, and with the server's certificate verified.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tokio::process::Command;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};

use crate::error::BackupError;

/// Files of the public certificate authorities; libpq before version 16 does not find them by itself.
const PUBLIC_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Variables that a child process inherits: the paths of programs and their libraries.
const INHERITED: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

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

    /// A command with the database in its environment, and little else.
    pub(crate) fn command(&self, program: &Path) -> Result<Command, BackupError> {
        let mut command = Command::new(program);
        command.env_clear().envs(INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        command.envs(self.environment()?).kill_on_drop(true);
        Ok(command)
    }

    fn environment(&self) -> Result<Vec<(&'static str, OsString)>, BackupError> {
        let config = config(&self.url)?;
        let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
        let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
        let mode = match config.get_ssl_mode() {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            // TLS always verifies the server.
            _ => "verify-full",
        };
        let mut environment = vec![
            ("LC_ALL", "C".into()),
            ("PGAPPNAME", "holdfast".into()),
            ("PGCONNECT_TIMEOUT", "5".into()),
            ("PGGSSENCMODE", "disable".into()),
            ("PGHOST", hosts.join(",").into()),
            ("PGPORT", ports.join(",").into()),
            ("PGUSER", config.get_user().unwrap_or_default().into()),
            ("PGPASSWORD", password.into()),
            ("PGDATABASE", self.database.clone().into()),
            ("PGSSLMODE", mode.into()),
        ];
        if mode == "verify-full" {
            let public = || PUBLIC_AUTHORITIES.iter().map(PathBuf::from).find(|path| path.is_file());
            let authorities = self.ca_file.clone().or_else(public);
            environment.push(("PGSSLROOTCERT", authorities.map_or_else(|| "system".into(), PathBuf::into_os_string)));
        }
        Ok(environment)
    }
}

fn config(url: &SecretString) -> Result<Config, BackupError> {
    let url = url.expose_secret().replace("sslmode=verify-full", "sslmode=require");
    url.parse().map_err(|_| BackupError::Url("the URL is not valid; write postgres://user:password@host:5432/name"))
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
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

    fn environment(url: &str) -> Vec<(&'static str, OsString)> {
        Login::new(url.into(), Some("/ca.pem".into())).unwrap().environment().unwrap()
    }

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
    fn a_child_process_verifies_the_server_and_gets_the_decoded_password() {
        let found = environment("postgres://u:p%2Fw@h:5/a?sslmode=verify-full");
        for (name, value) in [
            ("PGHOST", "h"),
            ("PGPORT", "5"),
            ("PGUSER", "u"),
            ("PGPASSWORD", "p/w"),
            ("PGDATABASE", "a"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
        ] {
            assert!(found.contains(&(name, value.into())), "{name}");
        }
        let plain = environment("postgres://u:p@h:5/a?sslmode=disable");
        assert!(plain.contains(&("PGSSLMODE", "disable".into())));
        assert!(!plain.iter().any(|(name, _)| *name == "PGSSLROOTCERT"));
    }

    #[test]
    fn a_url_must_name_its_database_and_the_error_never_repeats_it() {
        let error = Login::new("postgres://u:hunter2@h".into(), None).unwrap_err().to_string();
        assert_eq!(error, "the URL names no database; write postgres://user:password@host:5432/NAME");
    }
}
