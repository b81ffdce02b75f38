//! `holdfast admin migrate`: runs the migrate function's task in this process.

use clap::Args;
use holdfast_migrate::Pending;
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use holdfast_shared::rng::SystemRng;

use super::print;

/// Migrate the database that `DATABASE_URL` names, as the migrate function does
///
/// `DATABASE_URL` is the owner's login. `AUTH_DATABASE_PASSWORD`, `ACCOUNTS_DATABASE_PASSWORD` and so on become the
/// login secrets of the roles `holdfast_auth`, `holdfast_accounts` and so on; or `AUTH_SECRET_ARN` and so on name
/// the secrets that have them. Missing users of `AUTH_USERS` and tokens of `API_TOKENS` are created.
#[derive(Args)]
pub(super) struct Migrate {
    /// Report the pending steps and fail if they would be rejected; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Name of a backup taken by other means before a major step, such as a snapshot; it is recorded in the log
    #[arg(long, value_name = "NAME")]
    other_backup: Option<String>,
    /// Set the roles' passwords again from the secrets of `AUTH_SECRET_ARN` and so on, as after a restore
    #[arg(long)]
    reset_logins: bool,
}

impl Migrate {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let settings = Settings::from_environment().await?;
        let mut plan = holdfast_migrate::Plan::from_settings(&settings).await?;
        plan.dry_run = self.dry_run;
        plan.other_backup = self.other_backup;
        plan.reset_logins = self.reset_logins;
        let report = holdfast_migrate::run(&plan, &SystemClock, &SystemRng).await?;
        let created = report.created;
        let counts = [
            (created.tenants, "tenants created"),
            (created.users, "users created"),
            (created.tokens, "API tokens created"),
            (created.signing_keys, "signing keys registered"),
        ];
        let mut lines: Vec<String> = report.pending.iter().map(pending).collect();
        lines.extend(report.applied.iter().map(|step| format!("applied {step}")));
        lines.extend(report.logins.iter().map(|role| format!("{role} can log in")));
        lines.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        lines.push(match (self.dry_run, report.version) {
            (true, version) => format!("The schema is at version {version}; nothing was changed.\n"),
            (false, version) => format!("The schema is at version {version} (was {}).\n", report.version_before),
        });
        print(&lines.join("\n"))
    }
}

fn pending(step: &Pending) -> String {
    match &step.major {
        Some(why) => format!("would apply {} (major: {why})", step.step),
        None => format!("would apply {}", step.step),
    }
}
