//! The only function that changes the schema: under a lock, forward only, each versioned step in a transaction of its own,
//! then the SQL functions that changed. Then it gives the database roles their login secrets, registers the public signing
//! key, and creates the users of `AUTH_USERS` that are missing. It never overwrites a user, and never logs a secret.

mod backup;
mod bootstrap;
mod error;
mod failures;
mod functions;
mod logins;
mod plan;
mod schema;
mod steps;

use holdfast_shared::clock::Clock;
use holdfast_shared::rng::Rng;
use refinery::Migration;
use serde::Serialize;
use tokio_postgres::Client;

pub use bootstrap::{Created, create_users};
pub use error::MigrateError;
pub use functions::Function;
pub use logins::{APP_ROLE, BACKUP_ROLE, Login, MAINTENANCE_ROLE, METRICS_ROLE, Password};
pub use plan::Plan;
pub use steps::Steps;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The schema's version before; 0 where there was none.
    pub version_before: i32,
    /// The schema's version now.
    pub version: i32,
    /// The steps applied, in order: versioned ones, then functions.
    pub applied: Vec<String>,
    /// The steps that a dry run found to be applied, in order; none after any other.
    pub pending: Vec<Pending>,
    /// The roles that were given their login secrets.
    pub logins: Vec<&'static str>,
    /// What was missing, and created.
    pub created: Created,
}

/// A step that is still to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Its name.
    pub step: String,
    /// What makes it major, where it is.
    pub major: Option<String>,
}

/// The version that the schema has after a run of this build.
pub fn newest_version() -> i32 {
    Steps::embedded().newest()
}

/// Runs it all: safe to repeat, and safe to start twice at the same time. A dry run only tells what it would apply, and
/// fails where another would be refused.
///
/// # Errors
/// One line that names the fix. Steps before the one that failed stay applied, and it is recorded.
pub async fn run(plan: &Plan, clock: &dyn Clock, rng: &dyn Rng) -> Result<Report, MigrateError> {
    let mut owner = plan.connect().await?;
    if !plan.dry_run {
        // The lock is the session's, and ends with it, however this run ends.
        schema::lock(&owner, plan.lock_wait).await?;
    }
    let version_before = schema::version(&owner).await?;
    schema::check(&mut owner, &plan.steps, version_before).await?;
    let pending: Vec<_> = plan.steps.after(version_before).collect();
    backup::check(&owner, plan, version_before, &pending, clock.now()).await?;
    if plan.dry_run {
        let functions = functions::pending(&owner, &plan.functions).await?;
        let pending = pending.into_iter().map(Pending::from).chain(functions.into_iter().map(Pending::from)).collect();
        return Ok(Report { pending, ..Report::at(version_before) });
    }
    let applied = match apply(&mut owner, plan, clock).await {
        Ok(applied) => applied,
        Err(failure) => {
            failures::record(owner, plan, &failure, clock, rng).await;
            return Err(failure);
        }
    };
    failures::settle(&owner, plan.steps.newest()).await?;
    schema::create_partitions(&owner).await?;
    let logins = logins::give(&owner, &plan.logins, plan.reset_logins).await?;
    let created = bootstrap::create(&mut owner, plan, clock, rng).await?;
    Ok(Report { version: plan.steps.newest(), applied, logins, created, ..Report::at(version_before) })
}

/// Applies what is pending: versioned steps, then functions.
async fn apply(owner: &mut Client, plan: &Plan, clock: &dyn Clock) -> Result<Vec<String>, MigrateError> {
    let mut applied = schema::apply(owner, &plan.steps).await?;
    applied.extend(functions::apply(owner, &plan.functions, clock).await?);
    Ok(applied)
}

impl Report {
    /// A run that changed nothing.
    fn at(version: i32) -> Self {
        let created = Created::default();
        Self { version_before: version, version, applied: vec![], pending: vec![], logins: vec![], created }
    }
}

impl From<&Function> for Pending {
    fn from(function: &Function) -> Self {
        Self { step: function.step(), major: None }
    }
}

impl From<&Migration> for Pending {
    fn from(step: &Migration) -> Self {
        Self { step: step.to_string(), major: steps::major(step).map(str::to_owned) }
    }
}
