//! Seals in S3: added only where no object of their name exists, locked until their retention ends.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::ObjectLockMode;
use holdfast_shared::audit::Seal;
use holdfast_shared::aws::AwsError;
use jiff::{SignedDuration, Timestamp};

use super::{ChangedObject, NotAdded};

/// A bucket with Object Lock.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(super) client: Client,
    /// Name of the bucket.
    pub(super) name: String,
    /// Time for which an object is locked.
    pub(super) retention: SignedDuration,
}

fn cause(error: impl std::error::Error) -> String {
    AwsError::from_sdk(error).to_string()
}

impl Bucket {
    pub(super) async fn add(&self, name: &str, document: &str, now: Timestamp) -> Result<(), NotAdded> {
        let until = DateTime::from_secs((now + self.retention).as_second());
        let added = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(name)
            // Without it, a second version would become the one that readers see: a lock does not forbid that.
            .if_none_match("*")
            .content_type("application/json")
            .object_lock_mode(ObjectLockMode::Compliance)
            .object_lock_retain_until_date(until)
            .body(ByteStream::from(document.as_bytes().to_vec()))
            .send()
            .await;
        match added {
            Ok(_) => Ok(()),
            // 412: it exists. 409: another request is adding it.
            Err(error) if error.raw_response().is_some_and(|raw| [409, 412].contains(&raw.status().as_u16())) => {
                Err(NotAdded::Exists)
            }
            Err(error) => Err(NotAdded::Failed(cause(error))),
        }
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<String>, String> {
        let found = match self.client.get_object().bucket(&self.name).key(name).send().await {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(cause(error)),
        };
        let bytes = found.body.collect().await.map_err(cause)?.into_bytes();
        String::from_utf8(bytes.into()).map(Some).map_err(cause)
    }

    pub(super) async fn names_after(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, String> {
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(Seal::FOLDER);
        let list = list.max_keys(i32::try_from(limit).unwrap_or(i32::MAX)).set_start_after(after.map(str::to_owned));
        let list = list.send().await.map_err(cause)?;
        Ok(list.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    pub(super) async fn changed(&self) -> Result<Vec<ChangedObject>, String> {
        let mut versions: BTreeMap<String, usize> = BTreeMap::new();
        let mut markers: BTreeMap<String, usize> = BTreeMap::new();
        let (mut key, mut version) = (None, None);
        loop {
            let list = self.client.list_object_versions().bucket(&self.name).prefix(Seal::FOLDER);
            let list = list.set_key_marker(key).set_version_id_marker(version).send().await.map_err(cause)?;
            for found in list.versions().iter().filter_map(|version| version.key()) {
                *versions.entry(found.to_owned()).or_default() += 1;
            }
            for found in list.delete_markers().iter().filter_map(|marker| marker.key()) {
                *markers.entry(found.to_owned()).or_default() += 1;
            }
            (key, version) = (list.next_key_marker, list.next_version_id_marker);
            if list.is_truncated != Some(true) {
                break;
            }
        }
        for (name, count) in markers {
            // A marker counts like a second version, also where the object itself is gone.
            *versions.entry(name).or_insert(1) += count;
        }
        let changed = versions.into_iter().filter(|(_, versions)| *versions > 1);
        Ok(changed.map(|(name, versions)| ChangedObject { name, versions }).collect())
    }
}
