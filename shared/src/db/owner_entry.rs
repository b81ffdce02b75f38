//! The audit row of what the owner of the database does: migrations and commands. The database itself says who that was.

use serde_json::{Value, json};
use tokio_postgres::GenericClient;
use tokio_postgres::types::ToSql;

use crate::id::TenantId;
use crate::text::Reason;

const BEGIN: &str = "SELECT begin_system_request($1)";
/// Arguments without a value are those of a request over HTTP.
const RECORD: &str = "SELECT FROM record_audit(p_request_id => $1, p_always => true, p_action => $2, p_method => $3,
        p_path => $4, p_status => 200, p_source_ip => NULL, p_user_agent => $5, p_targets => $6, p_changed => $7,
        p_reason => $8)";

/// A change by the owner of the database.
#[derive(Debug)]
pub struct OwnerEntry<'a> {
    /// Id of the run; its entries share it.
    pub request_id: &'a str,
    /// `CLI` or `MIGRATE`, in place of an HTTP method.
    pub method: &'static str,
    /// Command or setting that caused the change, in place of a path.
    pub path: &'a str,
    /// Name of the action, the same as over HTTP.
    pub action: &'a str,
    /// Tenant that the row belongs to.
    pub tenant: TenantId,
    /// Kind and id of the changed object.
    pub target: (&'a str, Value),
    /// Fields that were set.
    pub changed: &'a [&'a str],
    /// Why it was done, where somebody was asked.
    pub reason: Option<&'a Reason>,
    /// Program, in place of a user agent.
    pub program: &'a str,
}

impl OwnerEntry<'_> {
    /// Records the entry in the transaction of the change.
    ///
    /// # Errors
    /// The failure of the database.
    pub async fn record(&self, transaction: &impl GenericClient) -> Result<(), tokio_postgres::Error> {
        let (kind, id) = &self.target;
        let (targets, reason) = (json!({ *kind: id }), self.reason.map(Reason::as_str));
        let values: [&(dyn ToSql + Sync); 8] =
            [&self.request_id, &self.action, &self.method, &self.path, &self.program, &targets, &self.changed, &reason];
        transaction.execute(BEGIN, &[&self.tenant]).await?;
        transaction.query_one(RECORD, &values).await.map(drop)
    }
}
