//! `holdfast admin restore`: restores a verified backup into an empty database.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use holdfast_backup::{BackupStore, Folder, Login, Programs, Source};
use holdfast_shared::config::Settings;
use secrecy::SecretString;

use super::meter::meter;
use super::print;

/// Value of `--from` that selects the newest backup.
const NEWEST: &str = "newest";

/// Restore a backup into an empty database, after verifying that all of it is unaltered
///
/// Never overwrites data: the database must exist and be empty. The login is the role that owned the backed-up database, or a
/// member of it. Run `holdfast admin migrate` afterwards: it gives the other roles their login secrets.
#[derive(Args)]
pub(super) struct Restore {
    /// The backup: a dump's key in `BACKUP_BUCKET` or `BACKUP_FOLDER`, a path, or newest
    #[arg(long, value_name = "KEY|PATH")]
    from: String,
    /// URL of the empty database; prefer the environment variable, which hides the password from other users
    #[arg(long, value_name = "DATABASE_URL", env = "RESTORE_DATABASE_URL", hide_env_values = true)]
    into: SecretString,
}

impl Restore {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let settings = Settings::from_environment().await?;
        let into = Login::new(self.into, settings.get("DATABASE_CA_FILE").map(PathBuf::from))?;
        let source = source(&settings, &self.from).await?;
        let restored = holdfast_backup::restore(&source, &into, &Programs::system(), &meter()).await?;
        let manifest = &restored.manifest;
        print(&format!(
            "Restored {} into {}: {} rows of {} tables, schema {}, as of {}.\n\
             Rows, constraints, policies and grants are those of the backup. Run `holdfast admin migrate` next: it gives the roles\n\
             their login secrets.\n",
            manifest.dump,
            into.database(),
            manifest.rows(),
            manifest.facts.row_counts.len(),
            manifest.facts.schema_version,
            manifest.taken_at
        ))
    }
}

/// Locates the backup: an existing file by its path, anything else by its key in the store.
async fn source(settings: &Settings, from: &str) -> anyhow::Result<Source> {
    let path = Path::new(from);
    if path.is_file() {
        let name = path.file_name().and_then(|name| name.to_str()).context("the dump's name is not valid text")?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Ok(Source::new(BackupStore::Folder(Folder::new(folder, usize::MAX)), name));
    }
    let deployed = settings.get("APP_ENV") != Some("local");
    let store = BackupStore::from_settings(settings, deployed).await?;
    Ok(if from == NEWEST { Source::newest(&store).await? } else { Source::new(store, from) })
}
