//! `credentials.json`: the users of a local run. Only its owner can read it.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use holdfast_shared::permission::Role;
use holdfast_shared::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;

/// Name of the file in the data folder.
pub(super) const FILE: &str = "credentials.json";

/// Slug of the demo tenant.
pub(super) const TENANT: &str = "demo";

/// Length of a generated password in base-62 characters: more than 140 bits.
const PASSWORD_LENGTH: usize = 24;

/// Users of a local run, and its address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// URL of the run.
    pub url: String,
    /// Slug of the demo tenant.
    pub tenant: String,
    /// Users by name. The operator signs in without a tenant, the others to the demo tenant.
    pub users: BTreeMap<String, Login>,
}

/// Login of a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Username.
    pub username: String,
    /// Password in plain text, which is stored in this file only.
    pub password: String,
    /// Role.
    pub role: Role,
}

impl Login {
    /// Returns the tenant to sign in to; none for the operator.
    pub fn tenant(&self) -> Option<&'static str> {
        (self.role != Role::Operator).then_some(TENANT)
    }
}

impl Credentials {
    /// Generates one user for each role, named after it, with new passwords.
    pub(super) fn generate(url: &str, rng: &dyn Rng) -> Self {
        let login = |role: Role| {
            let username = role.name().to_owned();
            (username.clone(), Login { username, password: rng.base62(PASSWORD_LENGTH), role })
        };
        Self { url: url.to_owned(), tenant: TENANT.to_owned(), users: Role::ALL.map(login).into() }
    }

    /// Loads the credentials of an earlier run, if there was one.
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
