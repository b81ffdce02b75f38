//! `holdfast schema`: whether the database still has the schema that the migrations made.

use anyhow::bail;
use clap::{Args, Subcommand};
use holdfast_shared::db::FromRow;
use holdfast_shared::schema::{CATALOGUE, Object, differences, expected};

use super::owner::Owner;
use super::print;

/// Compares the database's schema with the one that the migrations make
#[derive(Args)]
pub(super) struct Schema {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints what differs, an object a line; exit code 1 where anything does
    Diff,
    /// Prints the schema of a database that was just migrated, as this build is to expect it
    Expected,
}

impl Schema {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let rows = Owner::connect().await?.client().query(CATALOGUE, &[]).await?;
        let mut found: Vec<Object> = rows.iter().map(Object::from_row).collect::<Result<_, _>>()?;
        match self.command {
            Command::Diff => {
                let all = differences(expected(), found);
                for difference in &all {
                    print(&format!("{difference}\n"))?;
                }
                if !all.is_empty() {
                    bail!("{} objects are not as the migrations make them", all.len());
                }
                print("The schema is as the migrations make it.\n")
            }
            Command::Expected => {
                found.sort();
                print(&format!("{}\n", serde_json::to_string_pretty(&found)?))
            }
        }
    }
}
