//! The only function that changes the schema: under a lock, forward only, each step in a transaction of its own.
//! Then it gives the database roles their login secrets, registers the public signing key, and makes the users of
//! `AUTH_USERS` that are missing. It never overwrites a user, and no secret leaves it in clear.

mod bootstrap;
mod error;
mod logins;
mod plan;
mod schema;

use serde::Serialize;
use shared::clock::Clock;
use shared::entropy::Entropy;

pub use bootstrap::{Created, create_users};
pub use error::MigrateError;
pub use logins::{APP_ROLE, BACKUP_ROLE, Login, MAINTENANCE_ROLE, METRICS_ROLE};
pub use plan::Plan;
pub use schema::newest_version;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The schema's version before; 0 where there was none.
    pub version_before: i32,
    /// The schema's version now.
    pub version: i32,
    /// The steps applied, in order.
    pub applied: Vec<String>,
    /// The roles that can log in with the configured secrets.
    pub logins: Vec<&'static str>,
    /// What was missing, and made.
    pub created: Created,
}

/// Runs it all: safe to repeat, and safe to start twice at the same time.
///
/// # Errors
/// One line that names the mend. Steps before the one that failed stay applied.
pub async fn run(plan: &Plan, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Report, MigrateError> {
    let mut owner = shared::db::connect_owner(&plan.database_url, plan.database_ca_file.as_deref()).await?;
    // The lock is the session's, and ends with it, however this run ends.
    schema::lock(&owner, plan.lock_wait).await?;
    let (version_before, applied) = schema::apply(&mut owner).await?;
    let logins = logins::give(&owner, &plan.logins).await?;
    let created = bootstrap::create(&mut owner, plan, clock, entropy).await?;
    Ok(Report { version_before, version: newest_version(), applied, logins, created })
}
