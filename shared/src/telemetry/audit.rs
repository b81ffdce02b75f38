//! `AUDIT_LOG_PATH`: a copy of each audit row as a JSON line in a file. Local use; the table is what counts.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::clock::Time;
use crate::web::{Entry, RequestContext};

/// Appends the line. A file that cannot be written is told in the log; the request has been answered by its row.
pub(crate) fn copy(path: &Path, id: Uuid, request: &RequestContext, entry: &Entry, status: i32, recorded: &Row) {
    let actor: Option<Value> = recorded.try_get("actor").ok().flatten();
    let tenant: Option<Uuid> = recorded.try_get("tenant").ok();
    let line = json!({
        "id": id,
        "at": Time(request.now),
        "request_id": request.request_id,
        "tenant_id": tenant.filter(|tenant| !tenant.is_nil()),
        "actor": actor,
        "action": entry.action.unwrap_or(request.route.action),
        "method": request.method.as_str(),
        "path": request.path,
        "status": status,
        "source_ip": request.source_ip,
        "user_agent": request.user_agent,
        "targets": entry.targets,
        "changed": if status < 400 { entry.changed.as_slice() } else { &[] },
    });
    let file = OpenOptions::new().create(true).append(true).open(path);
    // One write a line, so that lines of several threads do not mix.
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        tracing::error!(%error, "AUDIT_LOG_PATH cannot be written");
    }
}
