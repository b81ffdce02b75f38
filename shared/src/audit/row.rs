//! A row of the audit log, and the one sequence of bytes that stands for it: each column behind its length, what is NULL
//! marked as such, so that no two rows share an encoding.

use crate::db::FromRow;
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{FORMAT, Hash, canonical};
use crate::id::TenantId;

/// What the digest of a row begins with.
const DOMAIN: &[u8] = b"holdfast/audit/row";

/// A row, every column of it. Rows are in the order of `epoch`, `transaction_id` and `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Which run of transaction numbers its transaction is of: a restored database begins a new one.
    pub epoch: i32,
    /// The transaction that wrote it.
    pub transaction_id: u64,
    /// Its id, a version 7 UUID.
    pub id: Uuid,
    /// When the request was handled.
    pub at: Timestamp,
    /// `X-Request-Id` of the answer.
    pub request_id: String,
    /// The tenant concerned; the platform where there is none.
    pub tenant_id: TenantId,
    /// What kind of principal acted.
    pub actor_kind: String,
    /// The user or token.
    pub actor_id: Option<Uuid>,
    /// Its name at that time.
    pub actor_name: Option<String>,
    /// The role at that time.
    pub role: Option<String>,
    /// The session that was used.
    pub session_id: Option<Uuid>,
    /// What was done or tried.
    pub action: String,
    /// HTTP method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// HTTP status of the answer.
    pub status: i16,
    /// The caller's address as the gateway saw it.
    pub source_ip: Option<String>,
    /// What the caller called itself.
    pub user_agent: Option<String>,
    /// Ids of what was acted on.
    pub targets: Value,
    /// Names of the fields that were set. Holdfast writes no NULL among them; somebody else could.
    pub changed: Vec<Option<String>>,
}

impl AuditRow {
    /// Its place among all rows.
    pub fn position(&self) -> (i32, u64, Uuid) {
        (self.epoch, self.transaction_id, self.id)
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoding = Encoding(Vec::with_capacity(512));
        encoding.value(&self.epoch.to_be_bytes());
        encoding.value(&self.transaction_id.to_be_bytes());
        encoding.value(self.id.as_bytes());
        encoding.value(&self.at.as_microsecond().to_be_bytes());
        encoding.value(self.request_id.as_bytes());
        encoding.value(self.tenant_id.0.as_bytes());
        encoding.value(self.actor_kind.as_bytes());
        encoding.optional(self.actor_id.as_ref().map(|id| id.as_bytes().as_slice()));
        encoding.optional(self.actor_name.as_deref().map(str::as_bytes));
        encoding.optional(self.role.as_deref().map(str::as_bytes));
        encoding.optional(self.session_id.as_ref().map(|id| id.as_bytes().as_slice()));
        encoding.value(self.action.as_bytes());
        encoding.value(self.method.as_bytes());
        encoding.value(self.path.as_bytes());
        encoding.value(&self.status.to_be_bytes());
        encoding.optional(self.source_ip.as_deref().map(str::as_bytes));
        encoding.optional(self.user_agent.as_deref().map(str::as_bytes));
        encoding.value(canonical::json(&self.targets).as_bytes());
        let mut changed = Encoding(Vec::new());
        for field in &self.changed {
            changed.optional(field.as_deref().map(str::as_bytes));
        }
        encoding.value(&changed.0);
        encoding.0
    }

    /// The digest of the encoding.
    pub fn hash(&self) -> Hash {
        Hash::of(&[DOMAIN, &[FORMAT], &self.encode()])
    }
}

/// Values one after the other: 0 for NULL; else 1, the length as a 32-bit big-endian number, and the bytes.
struct Encoding(Vec<u8>);

impl Encoding {
    fn value(&mut self, bytes: &[u8]) {
        // PostgreSQL holds no value of 4 GiB.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.push(1);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.value(bytes),
            None => self.0.push(0),
        }
    }
}

/// From a statement that selects all columns, `transaction_id` as text.
impl FromRow for AuditRow {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            epoch: row.try_get("epoch")?,
            // xid8 is written in decimal digits and nothing else.
            transaction_id: row.try_get::<_, &str>("transaction_id")?.parse().unwrap_or(u64::MAX),
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            request_id: row.try_get("request_id")?,
            tenant_id: row.try_get("tenant_id")?,
            actor_kind: row.try_get("actor_kind")?,
            actor_id: row.try_get("actor_id")?,
            actor_name: row.try_get("actor_name")?,
            role: row.try_get("role")?,
            session_id: row.try_get("session_id")?,
            action: row.try_get("action")?,
            method: row.try_get("method")?,
            path: row.try_get("path")?,
            status: row.try_get("status")?,
            source_ip: row.try_get("source_ip")?,
            user_agent: row.try_get("user_agent")?,
            targets: row.try_get("targets")?,
            changed: row.try_get("changed")?,
        })
    }
}
