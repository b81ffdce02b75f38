//! The store of backups: a bucket with Object Lock, or locally a folder. An archive is a backup once its manifest is beside
//! it, which is written last; an archive without one is a leftover.

mod bucket;
mod folder;

use std::path::Path;

use bytes::Bytes;
use holdfast_shared::config::{ConfigError, Settings};
use jiff::{SignedDuration, Timestamp};

pub use bucket::Bucket;
pub use folder::Folder;

use crate::error::BackupError;

/// Suffix of an archive's name.
pub(crate) const ARCHIVE: &str = ".tar";
/// Suffix of a manifest's name.
const MANIFEST: &str = ".json";
/// Suffix of a signature's name.
const SIGNATURE: &str = ".jws";

/// Limit of a manifest, in bytes.
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// The store of backups.
#[derive(Debug, Clone)]
pub enum BackupStore {
    /// A bucket with Object Lock: nobody can delete an object before its retention ends.
    Bucket(Bucket),
    /// A folder, for local use.
    Folder(Folder),
}

/// An archive that is being written. [`BackupStore::clean_up`] removes an unfinished one.
pub(crate) enum Upload {
    Bucket(bucket::Upload),
    Folder(folder::Upload),
}

/// An archive that is being read.
pub(crate) enum Reader {
    Bucket(bucket::Reader),
    Folder(folder::Reader),
}

impl BackupStore {
    /// The store that the settings name.
    pub async fn from_settings(settings: &Settings, deployed: bool) -> Result<Self, ConfigError> {
        let days = settings.number("BACKUP_RETENTION_DAYS")?;
        let keep = settings.number("BACKUP_KEEP")?;
        let key = settings.get("BACKUP_KMS_KEY_ID");
        match (settings.get("BACKUP_BUCKET"), settings.get("BACKUP_FOLDER")) {
            (Some(_), _) if deployed && key.is_none() => {
                let fix = "set the KMS key that encrypts backups";
                Err(ConfigError::new(
                    "BACKUP_KMS_KEY_ID",
                    "backups would not be encrypted under a key of their own",
                    fix,
                ))
            }
            (Some(bucket), _) => {
                let retention = SignedDuration::from_hours(i64::from(days) * 24);
                Ok(Self::Bucket(Bucket::configured(bucket, key, retention).await))
            }
            (None, Some(_)) if deployed => {
                let fault = "backups in a folder are for APP_ENV=local";
                Err(ConfigError::new("BACKUP_FOLDER", fault, "use BACKUP_BUCKET"))
            }
            (None, Some(folder)) => Ok(Self::Folder(Folder::new(Path::new(folder), keep.into()))),
            (None, None) => {
                let fix = "set a bucket with Object Lock, or locally BACKUP_FOLDER";
                Err(ConfigError::new("BACKUP_BUCKET", "there is nowhere to keep backups", fix))
            }
        }
    }

    /// The key of an archive of this name.
    pub(crate) fn key(&self, name: &str) -> String {
        match self {
            Self::Bucket(_) => format!("{}{name}{ARCHIVE}", bucket::PREFIX),
            Self::Folder(_) => format!("{name}{ARCHIVE}"),
        }
    }

    /// The name of an object, wherever it is kept: the last part of its key.
    pub(crate) fn name_of(key: &str) -> &str {
        key.rsplit_once('/').map_or(key, |(_, name)| name)
    }

    /// The key of an archive's manifest.
    pub(crate) fn manifest_of(archive: &str) -> String {
        format!("{}{MANIFEST}", archive.strip_suffix(ARCHIVE).unwrap_or(archive))
    }

    /// The key of the signature of an archive's manifest.
    pub(crate) fn signature_of(archive: &str) -> String {
        format!("{}{SIGNATURE}", archive.strip_suffix(ARCHIVE).unwrap_or(archive))
    }

    /// Removes what earlier runs left unfinished and returns how much that was. Only the one run under the lock may call it.
    pub(crate) async fn clean_up(&self) -> Result<usize, BackupError> {
        match self {
            Self::Bucket(bucket) => bucket.clean_up().await,
            Self::Folder(folder) => folder.clean_up(),
        }
    }

    /// Begins to write an archive.
    pub(crate) async fn begin(&self, key: &str, now: Timestamp) -> Result<Upload, BackupError> {
        Ok(match self {
            Self::Bucket(bucket) => Upload::Bucket(bucket.begin(key, now).await?),
            Self::Folder(folder) => Upload::Folder(folder.begin(key)?),
        })
    }

    /// Writes a manifest or a signature.
    pub(crate) async fn put(&self, key: &str, text: String, now: Timestamp) -> Result<(), BackupError> {
        match self {
            Self::Bucket(bucket) => bucket.put(key, text, now).await,
            Self::Folder(folder) => {
                let mut upload = folder.begin(key)?;
                upload.write(text.as_bytes()).await?;
                upload.finish().await
            }
        }
    }

    /// Deletes an archive that did not become a backup. A bucket does that itself, after its retention ends.
    pub(crate) fn discard(&self, archive: &str) -> Result<(), BackupError> {
        match self {
            Self::Bucket(_) => Ok(()),
            Self::Folder(folder) => folder.discard(archive),
        }
    }

    /// Deletes the oldest backups beyond the number to keep. A bucket does that itself, after their retention ends.
    pub(crate) fn prune(&self) -> Result<usize, BackupError> {
        match self {
            Self::Bucket(_) => Ok(0),
            Self::Folder(folder) => folder.prune(),
        }
    }

    /// The archive of the newest backup.
    pub(crate) async fn newest(&self) -> Result<Option<String>, BackupError> {
        let manifests = match self {
            Self::Bucket(bucket) => bucket.list().await?,
            Self::Folder(folder) => folder.list()?,
        };
        let names = manifests.into_iter().filter_map(|key| Some(format!("{}{ARCHIVE}", key.strip_suffix(MANIFEST)?)));
        // Names start with a time, so the greatest is the newest.
        Ok(names.max())
    }

    /// Reads a whole manifest or signature.
    pub(crate) async fn get(&self, key: &str) -> Result<Vec<u8>, BackupError> {
        let mut reader = self.read(key).await?;
        let mut whole = Vec::new();
        while let Some(chunk) = reader.next().await? {
            whole.extend_from_slice(&chunk);
            if whole.len() > MAX_MANIFEST_BYTES {
                return Err(BackupError::store(key, "it is longer than any manifest"));
            }
        }
        Ok(whole)
    }

    /// Begins to read an archive.
    pub(crate) async fn read(&self, key: &str) -> Result<Reader, BackupError> {
        Ok(match self {
            Self::Bucket(bucket) => Reader::Bucket(bucket.read(key, None).await?),
            Self::Folder(folder) => Reader::Folder(folder.read(key).await?),
        })
    }

    /// Name of the store, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Bucket(bucket) => bucket.name(),
            Self::Folder(folder) => folder.name(),
        }
    }
}

impl Upload {
    /// Writes the next bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        match self {
            Self::Bucket(upload) => upload.write(bytes).await,
            Self::Folder(upload) => upload.write(bytes).await,
        }
    }

    /// Completes the archive, which makes it appear.
    pub(crate) async fn finish(self) -> Result<(), BackupError> {
        match self {
            Self::Bucket(upload) => upload.finish().await,
            Self::Folder(upload) => upload.finish().await,
        }
    }
}

impl Reader {
    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BackupError> {
        match self {
            Self::Bucket(reader) => reader.next().await,
            Self::Folder(reader) => reader.next().await,
        }
    }

    /// Starts over with the same object, even if another has its name meanwhile.
    pub(crate) async fn again(self) -> Result<Self, BackupError> {
        Ok(match self {
            Self::Bucket(reader) => Self::Bucket(reader.again().await?),
            Self::Folder(reader) => Self::Folder(reader.again().await?),
        })
    }
}
