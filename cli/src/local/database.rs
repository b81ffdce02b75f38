//! The database of a local run: the one that `DATABASE_URL` names, or the data folder's own cluster.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context;
use holdfast_shared::rng::Rng;
use secrecy::{ExposeSecret, SecretString};

use super::settings::LocalSettings;
use crate::cluster::{Cluster, ClusterOptions};
use crate::data_dir::DataDir;

/// Name of the database in the cluster.
const NAME: &str = "holdfast";

/// The database of a local run.
pub(super) enum Database {
    /// Database in the data folder's cluster, which stops when this value is dropped.
    Private(Box<Cluster>),
    /// Given database, as the URL of its owner.
    Given(SecretString),
}

impl Database {
    /// Starts the cluster unless a database is given.
    pub(super) async fn start(
        settings: &LocalSettings,
        dir: Arc<DataDir>,
        options: ClusterOptions,
        rng: &dyn Rng,
    ) -> anyhow::Result<Self> {
        if let Some(url) = settings.get("DATABASE_URL") {
            return Ok(Self::Given(SecretString::from(url.to_owned())));
        }
        let cluster = Cluster::start(dir, options, rng).await?;
        cluster.create_database(NAME, None).await?;
        Ok(Self::Private(Box::new(cluster)))
    }

    /// Returns whether only the runs of this data folder use it.
    pub(super) fn is_private(&self) -> bool {
        matches!(self, Self::Private(_))
    }

    /// Returns the owner's URL.
    pub(super) fn owner_url(&self) -> SecretString {
        match self {
            Self::Private(cluster) => cluster.owner_url(NAME),
            Self::Given(url) => url.clone(),
        }
    }

    /// Returns a role's URL.
    pub(super) fn url(&self, role: &str, password: &SecretString) -> anyhow::Result<SecretString> {
        let url = self.owner_url();
        as_role(url.expose_secret(), role, password.expose_secret())
            .map(SecretString::from)
            .context("DATABASE_URL is not a URL; write postgres://user:password@host:5432/name")
    }
}

/// Replaces the login in a URL.
fn as_role(url: &str, role: &str, password: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, tail) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(format!("{scheme}://{role}:{}@{host}{tail}", percent_encoded(password)))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_login_of_a_url_is_replaced() {
        for (url, expected) in [
            ("postgres://o:p%40@db:5432/x?sslmode=verify-full", "postgres://r:a%2Fb@db:5432/x?sslmode=verify-full"),
            ("postgresql://db/x", "postgresql://r:a%2Fb@db/x"),
            ("postgres://db?options=-c%20a@b", "postgres://r:a%2Fb@db?options=-c%20a@b"),
        ] {
            assert_eq!(as_role(url, "r", "a/b").unwrap(), expected);
        }
        assert_eq!(as_role("host=db user=o", "r", "a"), None);
    }
}
