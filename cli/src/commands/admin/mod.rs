//! `holdfast admin`: what operators and developers do with direct access to the database, the vault's keys or a build's files.

mod backup;
mod digests;
mod document;
mod drill;
mod hash_password;
mod maintain;
mod meter;
mod migrate;
mod owner;
mod restore;
mod schema;
mod tenant;
mod token;
mod user;
mod vault;

use clap::{Args, Subcommand};

use super::{DATA_DIR, print};

/// Operate a deployment: schema, backups, users, tenants, keys, digests
///
/// Most commands connect to the database that `DATABASE_URL` names, as the owner of its schema, and need no running service.
#[derive(Args)]
pub(super) struct Admin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Migrate(migrate::Migrate),
    Schema(schema::Schema),
    Maintain(maintain::Maintain),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Drill(drill::Drill),
    Tenant(tenant::Tenant),
    User(user::User),
    Token(token::Token),
    HashPassword(hash_password::HashPassword),
    Vault(vault::Vault),
    Digests(digests::Digests),
    Document(document::Document),
}

impl Admin {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Migrate(migrate) => migrate.execute().await,
            Command::Schema(schema) => schema.execute().await,
            Command::Maintain(maintain) => maintain.execute().await,
            Command::Backup(backup) => backup.execute().await,
            Command::Restore(restore) => restore.execute().await,
            Command::Drill(drill) => drill.execute().await,
            Command::Tenant(tenant) => tenant.execute().await,
            Command::User(user) => user.execute().await,
            Command::Token(token) => token.execute(),
            Command::HashPassword(hash_password) => hash_password.execute(),
            Command::Vault(vault) => vault.execute().await,
            Command::Digests(digests) => digests.execute(),
            Command::Document(document) => document.execute(),
        }
    }
}
