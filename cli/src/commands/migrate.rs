//! `holdfast migrate`: what the migrate function does, from here.

use clap::Args;
use shared::clock::SystemClock;
use shared::config::Settings;
use shared::entropy::SystemEntropy;

use super::print;

/// Brings the database that DATABASE_URL names up to date, as the migrate function does
///
/// DATABASE_URL is the owner's. APP_DATABASE_PASSWORD and METRICS_DATABASE_PASSWORD become the login secrets of
/// holdfast_app and holdfast_metrics, and users of AUTH_USERS that are missing are made.
#[derive(Args)]
pub(super) struct Migrate {}

impl Migrate {
    #[expect(clippy::unused_self, reason = "every sub-command is called alike")]
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let settings = Settings::from_environment().await?;
        let plan = ::migrate::Plan::from_settings(&settings).await?;
        let report = ::migrate::run(&plan, &SystemClock, &SystemEntropy).await?;
        let mut text = String::new();
        for step in &report.applied {
            text.push_str(&format!("applied {step}\n"));
        }
        for role in &report.logins {
            text.push_str(&format!("{role} can log in\n"));
        }
        let created = report.created;
        for (count, what) in [
            (created.tenants, "tenants created"),
            (created.users, "users created"),
            (created.signing_keys, "signing keys registered"),
        ] {
            if count > 0 {
                text.push_str(&format!("{count} {what}\n"));
            }
        }
        print(&format!("{text}The schema is at version {} (was {}).\n", report.version, report.version_before))
    }
}
