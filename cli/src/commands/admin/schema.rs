//! `holdfast admin schema`: compares the database's schema with the one that the migrations create.

use anyhow::bail;
use clap::{Args, Subcommand};
use holdfast_shared::db::FromRow;
use holdfast_shared::schema::{CATALOGUE, SchemaObject, differences, expected};

use super::owner::Owner;
use super::print;

/// Compare the database's schema with the one that the migrations create
#[derive(Args)]
pub(super) struct Schema {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the differences, one object a line; exit code 1 if there are any
    Diff,
    /// Print the schema of a freshly migrated database, in the form that this build compares with
    Expected,
}

impl Schema {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let rows = Owner::connect().await?.client().query(CATALOGUE.text(), &[]).await?;
        let mut found: Vec<SchemaObject> = rows.iter().map(SchemaObject::from_row).collect::<Result<_, _>>()?;
        match self.command {
            Command::Diff => {
                let all = differences(expected(), found);
                for difference in &all {
                    print(&format!("{difference}\n"))?;
                }
                if !all.is_empty() {
                    bail!("{} objects differ from what the migrations create", all.len());
                }
                print("The schema is what the migrations create.\n")
            }
            Command::Expected => {
                found.sort();
                print(&format!("{}\n", serde_json::to_string_pretty(&found)?))
            }
        }
    }
}
