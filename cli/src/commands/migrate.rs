//! `holdfast migrate`: what the migrate function does, from here.

use clap::Args;
use shared::clock::SystemClock;
use shared::config::Settings;
use shared::entropy::SystemEntropy;

use super::print;

/// Brings the database that `DATABASE_URL` names up to date, as the migrate function does
///
/// `DATABASE_URL` is the owner's. `APP_DATABASE_PASSWORD`, `MAINTENANCE_DATABASE_PASSWORD` and `METRICS_DATABASE_PASSWORD`
/// become the login secrets of `holdfast_app`, `holdfast_maintenance` and `holdfast_metrics`, and users of `AUTH_USERS` and tokens of `API_TOKENS` that are missing
/// are made.
#[derive(Args)]
pub(super) struct Migrate {}

impl Migrate {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let settings = Settings::from_environment().await?;
        let plan = ::migrate::Plan::from_settings(&settings).await?;
        let report = ::migrate::run(&plan, &SystemClock, &SystemEntropy).await?;
        let created = report.created;
        let counts = [
            (created.tenants, "tenants created"),
            (created.users, "users created"),
            (created.tokens, "API tokens created"),
            (created.signing_keys, "signing keys registered"),
        ];
        let mut lines: Vec<String> = report.applied.iter().map(|step| format!("applied {step}")).collect();
        lines.extend(report.logins.iter().map(|role| format!("{role} can log in")));
        lines.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        lines.push(format!("The schema is at version {} (was {}).\n", report.version, report.version_before));
        print(&lines.join("\n"))
    }
}
