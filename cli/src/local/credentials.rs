//! `credentials.json`: who can sign in to a local run. Only its owner reads it.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use holdfast_shared::permission::Role;
use holdfast_shared::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;

/// The file's name in the data folder.
pub(super) const FILE: &str = "credentials.json";

/// The demo tenant's slug.
pub(super) const TENANT: &str = "demo";

/// More than 140 bits.
const PASSWORD_LENGTH: usize = 24;

/// Who can sign in, and where.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Where the run serves.
    pub url: String,
    /// The demo tenant's slug.
    pub tenant: String,
    /// The users by name. The operator signs in without a tenant, the others to the demo tenant.
    pub users: BTreeMap<String, Login>,
}

/// How a user signs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The username.
    pub username: String,
    /// The password, in clear: this file is the only place that has it.
    pub password: String,
    /// What the user may do.
    pub role: Role,
}

impl Login {
    /// The tenant to sign in to; none for the operator.
    pub fn tenant(&self) -> Option<&'static str> {
        (self.role != Role::Operator).then_some(TENANT)
    }
}

impl Credentials {
    /// One user for each role, named after it, with new passwords.
    pub(super) fn generate(url: &str, rng: &dyn Rng) -> Self {
        let login = |role: Role| {
            let username = role.name().to_owned();
            (username.clone(), Login { username, password: rng.base62(PASSWORD_LENGTH), role })
        };
        Self { url: url.to_owned(), tenant: TENANT.to_owned(), users: Role::ALL.map(login).into() }
    }

    /// Those of an earlier run, if there was one.
    pub(super) fn load(dir: &DataDir) -> anyhow::Result<Option<Self>> {
        let fix =
            || format!("{} cannot be used; fix it, or move it away to get new passwords", dir.file(FILE).display());
        let Some(text) = dir.read(FILE).with_context(fix)? else { return Ok(None) };
        let credentials: Self = serde_json::from_str(&text).with_context(fix)?;
        let complete = Role::ALL.iter().all(|role| {
            credentials.users.get(role.name()).is_some_and(|login| login.role == *role && login.username == role.name())
        });
        ensure!(complete && credentials.tenant == TENANT, "{}: a user is missing", fix());
        Ok(Some(credentials))
    }

    /// Writes the file.
    pub(super) fn save(&self, dir: &DataDir) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        dir.write_private(FILE, &format!("{text}\n"))
            .with_context(|| format!("{} cannot be written; check the folder", dir.file(FILE).display()))
    }
}
