//! The stores of seals, which the owner of the database cannot change: a bucket with Object Lock, or locally a folder. A seal is
//! only ever added. The sealer reads them back: they are its memory of where the chain stands.

mod bucket;
mod folder;

use std::path::PathBuf;

use aws_sdk_s3::Client;
use holdfast_shared::audit::Seal;
use holdfast_shared::aws;
use holdfast_shared::config::{ConfigError, Settings};
use jiff::{SignedDuration, Timestamp};

use crate::error::TaskError;

pub use bucket::Bucket;

/// Months are dropped as a whole, so their oldest rows live a month longer than the retention, and so do the seals.
const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24);

/// A store of seals.
#[derive(Debug, Clone)]
pub enum SealStore {
    /// A bucket with Object Lock: nobody can delete an object before its retention ends.
    Bucket(Bucket),
    /// A folder, for local use.
    Folder(PathBuf),
}

/// An object of a store that is not as the sealer left it: it has a second version, or was marked as deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedObject {
    /// Name of the object.
    pub name: String,
    /// Number of versions and of markers of deletion.
    pub versions: usize,
}

/// Failure to add an object.
enum NotAdded {
    /// An object of this name exists.
    Exists,
    /// The store failed.
    Failed(String),
}

impl SealStore {
    /// The store that the settings name.
    pub async fn from_settings(settings: &Settings, deployed: bool, days: u16) -> Result<Self, ConfigError> {
        let store = Self::named(settings, ("AUDIT_SEALS_BUCKET", "AUDIT_SEALS_FOLDER"), deployed, days).await?;
        store.ok_or_else(|| {
            let fix = "set a bucket with Object Lock, or locally AUDIT_SEALS_FOLDER";
            ConfigError::new("AUDIT_SEALS_BUCKET", "no store of seals is set", fix)
        })
    }

    /// The second store that the settings name, which somebody else owns; none where they name none.
    pub async fn witness(settings: &Settings, deployed: bool, days: u16) -> Result<Option<Self>, ConfigError> {
        Self::named(settings, ("AUDIT_WITNESS_BUCKET", "AUDIT_WITNESS_FOLDER"), deployed, days).await
    }

    async fn named(
        settings: &Settings,
        (bucket, folder): (&'static str, &'static str),
        deployed: bool,
        days: u16,
    ) -> Result<Option<Self>, ConfigError> {
        if let Some(name) = settings.get(bucket) {
            return Ok(Some(Self::bucket(Client::new(aws::config().await), name, days)));
        }
        match settings.get(folder) {
            Some(_) if deployed => {
                Err(ConfigError::new(folder, "seals in a folder are for APP_ENV=local", format!("use {bucket}")))
            }
            path => Ok(path.map(|path| Self::Folder(path.into()))),
        }
    }

    /// The store that a person names, to read from: `s3://BUCKET`, or a folder.
    pub async fn at(location: &str) -> Self {
        match location.strip_prefix("s3://") {
            Some(name) => Self::bucket(Client::new(aws::config().await), name.trim_end_matches('/'), 0),
            None => Self::Folder(location.into()),
        }
    }

    /// A bucket in which objects are locked for this many days and a month.
    pub fn bucket(client: Client, name: &str, days: u16) -> Self {
        let retention = SignedDuration::from_hours(i64::from(days) * 24) + MONTH;
        Self::Bucket(Bucket { client, name: name.to_owned(), retention })
    }

    /// Location of an object, for people.
    pub fn location(&self, name: &str) -> String {
        match self {
            Self::Bucket(bucket) => format!("s3://{}/{name}", bucket.name),
            Self::Folder(_) => format!("file:{name}"),
        }
    }

    /// Adds a seal and returns its location. Adding the same seal again does no harm.
    ///
    /// # Errors
    /// The store failed, or has another object of this name, which stays.
    pub(crate) async fn add(&self, name: &str, document: &str, now: Timestamp) -> Result<String, TaskError> {
        let added = match self {
            Self::Bucket(bucket) => bucket.add(name, document, now).await,
            Self::Folder(folder) => folder::add(folder, name, document),
        };
        let location = self.location(name);
        match added {
            Ok(()) => Ok(location),
            Err(NotAdded::Exists) if self.read(name).await?.as_deref() == Some(document) => Ok(location),
            Err(NotAdded::Exists) => Err(TaskError::StoredOtherwise { location }),
            Err(NotAdded::Failed(cause)) => Err(TaskError::Store { location, cause }),
        }
    }

    /// Reads an object; none where there is none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn read(&self, name: &str) -> Result<Option<String>, TaskError> {
        let read = match self {
            Self::Bucket(bucket) => bucket.read(name).await,
            Self::Folder(folder) => folder::read(folder, name),
        };
        read.map_err(|cause| TaskError::Read { location: self.location(name), cause })
    }

    /// Returns the names of seals behind this one, or from the first, in order; at most `limit`, up to 1000.
    ///
    /// # Errors
    /// The store failed.
    pub async fn names_after(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, TaskError> {
        let names = match self {
            Self::Bucket(bucket) => bucket.names_after(after, limit).await,
            Self::Folder(folder) => folder::names_after(folder, after, limit),
        };
        names.map_err(|cause| TaskError::Read { location: self.location(Seal::FOLDER), cause })
    }

    /// Returns the objects that have more than one version, or a marker of deletion. A folder has no versions.
    ///
    /// # Errors
    /// The store failed.
    pub async fn changed(&self) -> Result<Vec<ChangedObject>, TaskError> {
        match self {
            Self::Bucket(bucket) => {
                let changed = bucket.changed().await;
                changed.map_err(|cause| TaskError::Read { location: self.location(Seal::FOLDER), cause })
            }
            Self::Folder(_) => Ok(Vec::new()),
        }
    }
}
