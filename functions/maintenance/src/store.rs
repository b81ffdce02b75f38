//! The store of seals, which the owner of the database cannot change: a bucket with Object Lock, or locally a folder.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::ObjectLockMode;
use holdfast_shared::aws::{self, AwsError};
use holdfast_shared::config::{ConfigError, Settings};
use jiff::{SignedDuration, Timestamp};

use crate::error::TaskError;

/// Months are dropped as a whole, so their oldest rows live a month longer than the retention, and so do the seals.
const MONTH: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The store of seals.
pub enum SealStore {
    /// A bucket with Object Lock: nobody can delete an object before its retention ends.
    Bucket {
        /// Client of S3.
        client: Client,
        /// Name of the bucket.
        bucket: String,
        /// Time for which an object is locked.
        retention: SignedDuration,
    },
    /// A folder, for local use.
    Folder(PathBuf),
}

impl SealStore {
    /// The store that the settings name.
    pub(crate) async fn from_settings(settings: &Settings, deployed: bool, days: u16) -> Result<Self, ConfigError> {
        if let Some(bucket) = settings.get("AUDIT_SEALS_BUCKET") {
            return Ok(Self::bucket(Client::new(aws::config().await), bucket, days));
        }
        match settings.get("AUDIT_SEALS_FOLDER") {
            Some(_) if deployed => {
                let fault = "seals in a folder are for APP_ENV=local";
                Err(ConfigError::new("AUDIT_SEALS_FOLDER", fault, "use AUDIT_SEALS_BUCKET"))
            }
            Some(folder) => Ok(Self::Folder(folder.into())),
            None => {
                let fix = "set a bucket with Object Lock, or locally AUDIT_SEALS_FOLDER";
                Err(ConfigError::new("AUDIT_SEALS_BUCKET", "no store of seals is set", fix))
            }
        }
    }

    /// A bucket in which objects are locked for this many days and a month.
    pub fn bucket(client: Client, bucket: &str, days: u16) -> Self {
        let retention = SignedDuration::from_hours(i64::from(days) * 24) + MONTH;
        Self::Bucket { client, bucket: bucket.to_owned(), retention }
    }

    /// Stores a seal and returns its location. Storing a seal twice does no harm.
    pub(crate) async fn put(&self, name: &str, document: String, now: Timestamp) -> Result<String, TaskError> {
        match self {
            Self::Bucket { client, bucket, retention } => {
                let until = DateTime::from_secs((now + *retention).as_second());
                let stored = client
                    .put_object()
                    .bucket(bucket)
                    .key(name)
                    .content_type("application/json")
                    .object_lock_mode(ObjectLockMode::Compliance)
                    .object_lock_retain_until_date(until)
                    .body(ByteStream::from(document.into_bytes()))
                    .send()
                    .await;
                let location = format!("s3://{bucket}/{name}");
                match stored {
                    Ok(_) => Ok(location),
                    Err(error) => Err(TaskError::Store { cause: AwsError::from_sdk(error).to_string(), location }),
                }
            }
            Self::Folder(folder) => {
                write(folder, name, &document)
                    .map_err(|error| TaskError::Store { location: name.to_owned(), cause: error.to_string() })?;
                Ok(format!("file:{name}"))
            }
        }
    }
}

/// Writes a file atomically. A file that root writes into another user's folder belongs to that user.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner = above.metadata().map(|above| (above.uid(), above.gid()))?;
    for created in
        parent.ancestors().take_while(|above| above.starts_with(folder)).collect::<Vec<_>>().into_iter().rev()
    {
        match fs::create_dir(created) {
            Ok(()) => chown(created, owner)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    chown(&path, owner)
}

fn chown(path: &Path, (user, group): (u32, u32)) -> io::Result<()> {
    let now = path.symlink_metadata()?;
    if (now.uid(), now.gid()) == (user, group) { Ok(()) } else { lchown(path, Some(user), Some(group)) }
}
