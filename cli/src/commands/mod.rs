//! The sub-commands, one a module. Without one, Holdfast runs.

mod audit;
mod backup;
mod check;
mod digests;
mod down;
mod drill;
mod hash_password;
mod maintain;
mod meter;
mod migrate;
mod openapi;
mod owner;
mod permissions;
mod restore;
mod run;
mod schema;
mod tenant;
mod token;
mod user;
mod vault;

use std::io::Write;

use clap::{Parser, Subcommand};

/// The data folder where none is named.
const DATA_DIR: &str = ".holdfast";

/// The hardened multi-tenant backend: runs it here, and operates a deployment.
#[derive(Parser)]
#[command(name = "holdfast", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Run,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Down(down::Down),
    Migrate(migrate::Migrate),
    Maintain(maintain::Maintain),
    HashPassword(hash_password::HashPassword),
    Openapi(openapi::Openapi),
    Permissions(permissions::Permissions),
    Audit(audit::Audit),
    User(user::User),
    Tenant(tenant::Tenant),
    Token(token::Token),
    Vault(vault::Vault),
    Schema(schema::Schema),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Drill(drill::Drill),
    Check(check::Check),
    Digests(digests::Digests),
}

impl Cli {
    /// Gives the exit code of what was done.
    pub(crate) async fn run(self) -> anyhow::Result<u8> {
        let done = match self.command.unwrap_or(Command::Run(self.run)) {
            Command::Run(run) => run.execute().await,
            Command::Down(down) => down.execute().await,
            Command::Migrate(migrate) => migrate.execute().await,
            Command::Maintain(maintain) => maintain.execute().await,
            Command::HashPassword(hash_password) => hash_password.execute(),
            Command::Openapi(openapi) => openapi.execute(),
            Command::Permissions(permissions) => permissions.execute(),
            Command::Audit(audit) => audit.execute().await,
            Command::User(user) => user.execute().await,
            Command::Tenant(tenant) => tenant.execute().await,
            Command::Token(token) => token.execute(),
            Command::Vault(vault) => vault.execute().await,
            Command::Schema(schema) => schema.execute().await,
            Command::Backup(backup) => backup.execute().await,
            Command::Restore(restore) => restore.execute().await,
            Command::Drill(drill) => drill.execute().await,
            Command::Digests(digests) => digests.execute(),
            Command::Check(check) => return check.execute().await,
        };
        done.map(|()| 0)
    }
}

/// Writes to standard output. A reader that has gone away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound_and_run_needs_no_name() {
        Cli::command().debug_assert();
        for words in [vec!["holdfast"], vec!["holdfast", "--ephemeral"], vec!["holdfast", "run", "--ephemeral"]] {
            assert!(Cli::try_parse_from(&words).is_ok(), "{words:?}");
        }
        assert!(Cli::try_parse_from(["holdfast", "--ephemeral", "down"]).is_err());
    }
}
