//! A row of the audit log, and its canonical encoding: each column behind its length, NULL marked as such, so that no two rows
//! share an encoding.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{FORMAT, Hash, canonical};
use crate::db::FromRow;
use crate::id::TenantId;

/// Prefix of what the digest of a row is computed over.
const DOMAIN: &[u8] = b"holdfast/audit/row";

/// The columns of the audit log, in the order of `docs/audit-format.md`, for `concat!`:
///
/// - `audit_columns!()`: the list of a `SELECT` whose rows are read as [`AuditRow`];
/// - `audit_columns!("l.")`: the same, for a table with this alias;
/// - `audit_columns!(csv)`: the header of a CSV export.
///
/// A statement that orders or filters by `transaction_id` must name the table's column (`l.transaction_id`): alone, the name
/// is that of the selected text.
#[macro_export]
macro_rules! audit_columns {
    () => { $crate::audit_columns!("") };
    ($table:literal) => { $crate::audit_columns!(@list select $table) };
    (csv) => { $crate::audit_columns!(@list csv "") };
    (names) => { $crate::audit_columns!(@list names "") };
    (@list $form:ident $table:literal) => {
        $crate::audit_columns!(@$form $table epoch, transaction_id::text, id, at, request_id, tenant_id, actor_kind, actor_id,
            actor_name, role, session_id, action, method, path, status, source_ip, user_agent, reason, targets, changed)
    };
    (@select $table:literal $first:ident $(, $column:ident $(:: $cast:ident)?)*) => {
        concat!($table, stringify!($first) $(, ", ", $table, stringify!($column) $(, "::", stringify!($cast))?)*)
    };
    (@csv $table:literal $first:ident $(, $column:ident $(:: $cast:ident)?)*) => {
        concat!(stringify!($first) $(, ",", stringify!($column))*)
    };
    (@names $table:literal $first:ident $(, $column:ident $(:: $cast:ident)?)*) => {
        &[stringify!($first) $(, stringify!($column))*]
    };
}

/// A row of the audit log, with every column. Rows are ordered by `epoch`, `transaction_id` and `id`.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AuditRow {
    /// Run of transaction numbers that its transaction belongs to: a restored database begins a new one.
    pub epoch: i32,
    /// Transaction that wrote it.
    #[row(with = "transaction")]
    pub transaction_id: u64,
    /// Id, a version 7 UUID.
    pub id: Uuid,
    /// Time at which the request was handled.
    pub at: Timestamp,
    /// `X-Request-Id` of the response.
    pub request_id: String,
    /// Tenant concerned, or the platform.
    pub tenant_id: TenantId,
    /// Kind of the principal that acted.
    pub actor_kind: String,
    /// User or token.
    pub actor_id: Option<Uuid>,
    /// Name of the principal at that time.
    pub actor_name: Option<String>,
    /// Role of the principal at that time.
    pub role: Option<String>,
    /// Session that was used.
    pub session_id: Option<Uuid>,
    /// Action that was done or attempted.
    pub action: String,
    /// HTTP method.
    pub method: String,
    /// Path, without its query.
    pub path: String,
    /// HTTP status of the response.
    pub status: i16,
    /// Address of the caller, as the gateway saw it.
    pub source_ip: Option<String>,
    /// `User-Agent` of the caller.
    pub user_agent: Option<String>,
    /// Why the actor did it, in its own words.
    pub reason: Option<String>,
    /// Ids of the objects that were acted on.
    pub targets: Value,
    /// Names of the fields that were set. Holdfast writes no NULL among them, but another writer could.
    pub changed: Vec<Option<String>>,
}

/// The decimal digits of an xid8.
fn transaction(digits: &str) -> u64 {
    // PostgreSQL writes nothing else.
    digits.parse().unwrap_or(u64::MAX)
}

impl AuditRow {
    /// Names of the columns.
    pub const COLUMNS: &[&str] = audit_columns!(names);

    /// Returns its position among all rows.
    pub fn position(&self) -> (i32, u64, Uuid) {
        (self.epoch, self.transaction_id, self.id)
    }

    /// Returns the canonical encoding.
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
        encoding.optional(self.reason.as_deref().map(str::as_bytes));
        encoding.value(canonical::json(&self.targets).as_bytes());
        let mut changed = Encoding(Vec::new());
        for field in &self.changed {
            changed.optional(field.as_deref().map(str::as_bytes));
        }
        encoding.value(&changed.0);
        encoding.0
    }

    /// Computes the digest of the encoding.
    pub fn hash(&self) -> Hash {
        Hash::of(&[DOMAIN, &[FORMAT], &self.encode()])
    }
}

/// Concatenated values: 0 for NULL; else 1, the length as a 32-bit big-endian number, and the bytes.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_listed_for_sql_and_for_csv() {
        assert_eq!(AuditRow::COLUMNS.len(), 20);
        let select = AuditRow::COLUMNS.join(", l.").replace("transaction_id", "transaction_id::text");
        assert_eq!(audit_columns!("l."), format!("l.{select}"));
        assert_eq!(audit_columns!(), select.replace("l.", ""));
        assert_eq!(audit_columns!(csv), AuditRow::COLUMNS.join(","));
    }
}
