//! The only function that changes the schema: under a lock, forward only, each versioned step in a transaction of its
//! own, then the SQL functions that changed. Then it sets the limits and login secrets of the database roles, registers the public
//! signing key, and creates missing users of `AUTH_USERS` and tokens of `API_TOKENS`. It never overwrites a user, and
//! never logs a secret.

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
pub use logins::{Login, Password};
pub use plan::Plan;
pub use steps::Steps;

/// Result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of the schema before the run; 0 without a schema.
    pub version_before: i32,
    /// Version of the schema after the run.
    pub version: i32,
    /// Steps applied, in order: versioned ones, then functions.
    pub applied: Vec<String>,
    /// Steps that a dry run would apply, in order; empty after any other run.
    pub pending: Vec<Pending>,
    /// Roles whose login secrets were set.
    pub logins: Vec<&'static str>,
    /// Numbers of the rows that were missing and were created.
    pub created: Created,
}

/// A step that has not been applied yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Name of the step.
    pub step: String,
    /// Reason why it is major; `None` for any other step.
    pub major: Option<String>,
}

/// Returns the version that the schema has after a run of this build.
pub fn newest_version() -> i32 {
    Steps::embedded().newest()
}

/// Runs the plan: safe to repeat, and safe to start twice at the same time. A dry run only reports what it would apply,
/// and fails where a real run would be rejected.
///
/// # Errors
/// One line with the cause and the fix. Steps before a failed one stay applied, and the failure is recorded.
pub async fn run(plan: &Plan, clock: &dyn Clock, rng: &dyn Rng) -> Result<Report, MigrateError> {
    let mut owner = plan.connect().await?;
    if !plan.dry_run {
        // The lock belongs to the session, and is released with it, however this run ends.
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
    failures::clear(&owner, plan.steps.newest()).await?;
    schema::create_partitions(&owner).await?;
    schema::create_binding_key(&owner).await?;
    logins::set_limits(&owner).await?;
    let logins = logins::set_passwords(&owner, &plan.logins, plan.reset_logins).await?;
    let created = bootstrap::create(&mut owner, plan, clock, rng).await?;
    Ok(Report { version: plan.steps.newest(), applied, logins, created, ..Report::at(version_before) })
}

/// Applies the pending steps: versioned ones, then functions.
async fn apply(owner: &mut Client, plan: &Plan, clock: &dyn Clock) -> Result<Vec<String>, MigrateError> {
    let mut applied = schema::apply(owner, &plan.steps).await?;
    applied.extend(functions::apply(owner, &plan.functions, clock).await?);
    Ok(applied)
}

impl Report {
    /// Reports a run that changed nothing.
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
