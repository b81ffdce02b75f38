//! The command tree: one module a command. `run`, `down` and `check` start, stop and check an installation; `audit` verifies offline;
//! `admin` holds the operators' commands, which reach the database itself.

mod admin;
mod audit;
mod check;
mod down;
mod run;

use std::io::Write;

use clap::{Parser, Subcommand};

/// Default of `--data-dir`.
const DATA_DIR: &str = ".holdfast";

/// The hardened multi-tenant backend: run it locally, check a deployment, operate it
#[derive(Parser)]
#[command(name = "holdfast", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Down(down::Down),
    Check(Box<check::Check>),
    Audit(audit::Audit),
    Admin(admin::Admin),
}

impl Cli {
    /// Executes the command and returns its exit code.
    pub(crate) async fn execute(self) -> anyhow::Result<u8> {
        match self.command {
            Command::Run(run) => run.execute().await?,
            Command::Down(down) => down.execute().await?,
            Command::Check(check) => return check.execute().await,
            Command::Audit(audit) => audit.execute().await?,
            Command::Admin(admin) => admin.execute().await?,
        }
        Ok(0)
    }
}

/// Writes to standard output. A closed pipe is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_arguments_are_sound_and_no_command_shows_the_help() {
        Cli::command().debug_assert();
        for words in [vec!["holdfast"], vec!["holdfast", "admin"], vec!["holdfast", "admin", "user"]] {
            let shown = Cli::try_parse_from(&words).err().map(|error| error.kind());
            assert_eq!(shown, Some(ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand), "{words:?}");
        }
        assert!(Cli::try_parse_from(["holdfast", "run", "--ephemeral"]).is_ok());
        assert!(Cli::try_parse_from(["holdfast", "--ephemeral"]).is_err());
    }

    /// The client's nouns (accounts, secrets, users ...) stay free at the top level.
    #[test]
    fn operators_commands_are_under_admin_alone() {
        let names: Vec<_> = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert_eq!(names, ["run", "down", "check", "audit", "admin"]);
    }
}
