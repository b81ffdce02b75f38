//! `holdfast admin restore`: restores a verified backup into an empty database.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use holdfast_backup::{BackupStore, Folder, Login, SigningKey, Source};
use holdfast_shared::audit::PinnedKeys;
use holdfast_shared::clock::SystemClock;
use holdfast_shared::config::Settings;
use holdfast_shared::rng::SystemRng;
use secrecy::SecretString;

use super::meter::meter;
use super::print;

/// Value of `--from` that selects the newest backup.
const NEWEST: &str = "newest";

/// Restore a backup into an empty database, after verifying its signature and that all of it is unaltered
///
/// Never overwrites data: the database must exist and be empty. The login will own the schema, which the migrations of this
/// build create; no superuser. The backup must be signed by the key of `BACKUP_SIGNING_KMS_KEY_ID` or by one of
/// `BACKUP_SIGNING_KEY_IDS`. Run `holdfast admin migrate` afterwards: it gives the other roles their login secrets.
#[derive(Args)]
pub(super) struct Restore {
    /// The backup: an archive's key in `BACKUP_BUCKET` or `BACKUP_FOLDER`, a path, or newest
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
        let restored = holdfast_backup::restore(&source, &into, &SystemClock, &SystemRng, &meter()).await?;
        let manifest = &restored.manifest;
        print(&format!(
            "Restored {} into {}: {} rows of {} tables, schema {}, as of {}.\n\
             The rows are those of the backup, the schema is that of this build. Run `holdfast admin migrate` next: it gives\n\
             the roles their login secrets.\n",
            manifest.archive,
            into.database(),
            manifest.rows(),
            manifest.tables.len(),
            manifest.schema_version,
            manifest.taken_at
        ))
    }
}

/// Locates the backup: an existing file by its path, anything else by its key in the store.
async fn source(settings: &Settings, from: &str) -> anyhow::Result<Source> {
    let deployed = settings.get("APP_ENV") != Some("local");
    let pins = pins(settings, deployed).await?;
    let path = Path::new(from);
    if path.is_file() {
        let name = path.file_name().and_then(|name| name.to_str()).context("the archive's name is not valid text")?;
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Ok(Source::new(BackupStore::Folder(Folder::new(folder, usize::MAX)), name, pins));
    }
    let store = BackupStore::from_settings(settings, deployed).await?;
    Ok(if from == NEWEST { Source::newest(&store, pins).await? } else { Source::new(store, from, pins) })
}

/// The keys of which one must have signed the backup.
async fn pins(settings: &Settings, deployed: bool) -> anyhow::Result<PinnedKeys> {
    let key = SigningKey::from_settings(settings, deployed)?;
    let pins = holdfast_backup::pins(settings, key.as_ref())?;
    Ok(pins.get().await.context("KMS does not return the public key of backups")?.clone())
}
