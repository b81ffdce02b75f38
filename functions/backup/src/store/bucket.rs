//! Backups in S3: multipart uploads encrypted under a KMS key of their own, locked until their retention ends, each part
//! checked by its SHA-256 on arrival.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ObjectLockMode, ServerSideEncryption,
};
use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use holdfast_shared::aws;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::SIGNATURE;
use crate::error::BackupError;

/// Prefix of the keys of all backups: the function's role has access to nothing else.
pub(super) const PREFIX: &str = "backups/";

/// S3 accepts 10000 parts. The first thousand are small, to save memory; with the rest, archives can reach half a terabyte.
const SMALL_PART: usize = 8 << 20;
const LARGE_PART: usize = 64 << 20;
const SMALL_PARTS: i32 = 1000;

/// Limit of concurrent part uploads: one may wait for its response while the next is sent.
const MAX_CONCURRENT_PARTS: usize = 2;

/// A bucket with Object Lock.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
    kms_key: Option<String>,
    retention: SignedDuration,
}

/// A multipart upload.
pub(crate) struct Upload {
    bucket: Bucket,
    key: String,
    id: String,
    buffer: BytesMut,
    number: i32,
    sending: JoinSet<Result<CompletedPart, BackupError>>,
    sent: Vec<CompletedPart>,
}

/// An object that is being read.
pub(crate) struct Reader {
    bucket: Bucket,
    key: String,
    /// Identifies the object, so that a second read returns the same one.
    e_tag: Option<String>,
    body: ByteStream,
}

impl Bucket {
    /// The bucket as the environment's credentials reach it.
    pub(super) async fn configured(bucket: &str, kms_key: Option<&str>, retention: SignedDuration) -> Self {
        Self::new(Client::new(aws::config().await), bucket, kms_key, retention)
    }

    /// A bucket in which objects are locked for this time.
    pub fn new(client: Client, bucket: &str, kms_key: Option<&str>, retention: SignedDuration) -> Self {
        Self { client, name: bucket.to_owned(), kms_key: kms_key.map(str::to_owned), retention }
    }

    pub(super) fn name(&self) -> String {
        format!("s3://{}/{PREFIX}", self.name)
    }

    fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        self.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms)
    }

    fn locked_until(&self, now: Timestamp) -> DateTime {
        DateTime::from_secs((now + self.retention).as_second())
    }

    pub(super) async fn begin(&self, key: &str, now: Timestamp) -> Result<Upload, BackupError> {
        let response = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .content_type("application/octet-stream")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_type(ChecksumType::Composite)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key.clone())
            .bucket_key_enabled(self.kms_key.is_some())
            .object_lock_mode(ObjectLockMode::Compliance)
            .object_lock_retain_until_date(self.locked_until(now))
            .send()
            .await
            .map_err(|error| BackupError::s3(self.location(key), error.into_service_error()))?;
        let id = response.upload_id.ok_or_else(|| BackupError::store(self.location(key), &"the upload has no id"))?;
        Ok(Upload {
            bucket: self.clone(),
            key: key.to_owned(),
            id,
            buffer: BytesMut::new(),
            number: 1,
            sending: JoinSet::new(),
            sent: Vec::new(),
        })
    }

    pub(super) async fn put(&self, key: &str, text: String, now: Timestamp) -> Result<(), BackupError> {
        let checksum = BASE64.encode(&Sha256::digest(text.as_bytes()));
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(if key.ends_with(SIGNATURE) { "application/jose" } else { "application/json" })
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(checksum)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key.clone())
            .bucket_key_enabled(self.kms_key.is_some())
            .object_lock_mode(ObjectLockMode::Compliance)
            .object_lock_retain_until_date(self.locked_until(now))
            .body(ByteStream::from(text.into_bytes()))
            .send()
            .await
            .map(drop)
            .map_err(|error| BackupError::s3(self.location(key), error.into_service_error()))
    }

    /// Aborts every unfinished upload: this is the only run.
    pub(super) async fn clean_up(&self) -> Result<usize, BackupError> {
        let failed = |error| BackupError::s3(self.name(), error);
        let mut aborted = 0;
        loop {
            let list = self.client.list_multipart_uploads().bucket(&self.name).prefix(PREFIX).send().await;
            let list = list.map_err(|error| BackupError::s3(self.name(), error.into_service_error()))?;
            let found: Vec<_> =
                list.uploads().iter().filter_map(|upload| upload.key().zip(upload.upload_id())).collect();
            for (key, id) in &found {
                let abort = self.client.abort_multipart_upload().bucket(&self.name).key(*key).upload_id(*id);
                match abort.send().await.map_err(aws_sdk_s3::error::SdkError::into_service_error) {
                    Err(error) if error.is_no_such_upload() => {}
                    aborted => drop(aborted.map_err(failed)?),
                }
                aborted += 1;
            }
            if found.is_empty() || list.is_truncated() != Some(true) {
                return Ok(aborted);
            }
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<String>, BackupError> {
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(PREFIX);
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| BackupError::s3(self.name(), error.into_service_error()))?;
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        Ok(keys)
    }

    pub(super) async fn read(&self, key: &str, e_tag: Option<&str>) -> Result<Reader, BackupError> {
        let request = self.client.get_object().bucket(&self.name).key(key).set_if_match(e_tag.map(str::to_owned));
        let object = request.send().await;
        let object = object.map_err(|error| BackupError::s3(self.location(key), error.into_service_error()))?;
        Ok(Reader { bucket: self.clone(), key: key.to_owned(), e_tag: object.e_tag, body: object.body })
    }
}

impl Upload {
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            let size = if self.number > SMALL_PARTS { LARGE_PART } else { SMALL_PART };
            let taken = bytes.len().min(size.saturating_sub(self.buffer.len()));
            let (now, later) = bytes.split_at(taken);
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() >= size {
                self.send().await?;
            }
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<(), BackupError> {
        if !self.buffer.is_empty() || self.number == 1 {
            self.send().await?;
        }
        while !self.sending.is_empty() {
            self.join().await?;
        }
        self.sent.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.sent)).build();
        self.bucket
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket.name)
            .key(&self.key)
            .upload_id(&self.id)
            .multipart_upload(parts)
            .send()
            .await
            .map(drop)
            .map_err(|error| BackupError::s3(self.bucket.location(&self.key), error.into_service_error()))
    }

    async fn send(&mut self) -> Result<(), BackupError> {
        if self.sending.len() >= MAX_CONCURRENT_PARTS {
            self.join().await?;
        }
        let (number, bytes) = (self.number, self.buffer.split().freeze());
        self.number += 1;
        let checksum = BASE64.encode(&Sha256::digest(&bytes));
        let request = self
            .bucket
            .client
            .upload_part()
            .bucket(&self.bucket.name)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_sha256(&checksum)
            .body(ByteStream::from(bytes));
        let location = self.bucket.location(&self.key);
        self.sending.spawn(async move {
            let sent = request.send().await.map_err(|error| BackupError::s3(location, error.into_service_error()))?;
            let part = CompletedPart::builder().part_number(number).checksum_sha256(checksum);
            Ok(part.set_e_tag(sent.e_tag).build())
        });
        Ok(())
    }

    async fn join(&mut self) -> Result<(), BackupError> {
        match self.sending.join_next().await {
            Some(Ok(part)) => self.sent.push(part?),
            Some(Err(error)) => return Err(BackupError::store(self.bucket.location(&self.key), &error)),
            None => {}
        }
        Ok(())
    }
}

impl Reader {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BackupError> {
        let next = self.body.next().await.transpose();
        next.map_err(|error| BackupError::store(self.bucket.location(&self.key), &error))
    }

    pub(super) async fn again(self) -> Result<Self, BackupError> {
        self.bucket.read(&self.key, self.e_tag.as_deref()).await
    }
}
