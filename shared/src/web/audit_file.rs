//! `AUDIT_LOG_PATH`: a copy of each audit row as a JSON line in a file. For local use; the table is authoritative.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::audit::{AuditRow, Recorded};
use crate::clock::Time;
use crate::id::TenantId;
use crate::text::Reason;

/// Appends the line, if the database recorded a row. A failure to write is only logged: the row itself is committed.
pub(super) fn append(path: &Path, row: &AuditRow<'_>, recorded: &Recorded) {
    let request = row.request;
    let Recorded { row_id: Some(id), row_at: Some(at), .. } = recorded else { return };
    let line = json!({
        "id": id,
        "at": Time(*at),
        "request_id": request.request_id,
        "tenant_id": recorded.tenant.and_then(TenantId::public),
        "actor": recorded.actor,
        "action": row.action,
        "method": request.method.as_str(),
        "path": request.path,
        "status": recorded.outcome,
        "source_ip": request.source_ip,
        "user_agent": request.user_agent,
        "reason": request.reason.as_ref().map(Reason::as_str),
        "targets": row.targets,
        "changed": if recorded.outcome < 400 { row.changed.as_slice() } else { &[] },
    });
    let file = OpenOptions::new().create(true).append(true).open(path);
    // One write per line, so that lines of several threads do not mix.
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        tracing::error!(%error, "AUDIT_LOG_PATH cannot be written");
    }
}
