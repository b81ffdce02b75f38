//! Rows of an export, written and read: a JSON object a line, or a line of CSV. An export has every column of the canonical
//! encoding, so that it can be verified.

use std::io::BufRead;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::AuditRow;
use super::csv::{self, CsvReader};
use crate::id::TenantId;

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A JSON object a line.
    Ndjson,
    /// RFC 4180, with a header line.
    Csv,
}

impl ExportFormat {
    /// Returns the content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson; charset=utf-8",
            Self::Csv => "text/csv; header=present; charset=utf-8",
        }
    }
}

/// A text that is not a row of an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRow(pub(super) String);

/// Shape of a row in JSON: that of `GET /admin/audit`, and the columns that sealing orders by.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    epoch: i32,
    transaction_id: String,
    id: Uuid,
    at: String,
    request_id: String,
    tenant_id: Option<TenantId>,
    actor: Actor,
    role: Option<String>,
    session_id: Option<Uuid>,
    action: String,
    method: String,
    path: String,
    status: i16,
    source_ip: Option<String>,
    user_agent: Option<String>,
    reason: Option<String>,
    targets: Value,
    changed: Vec<Option<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Actor {
    kind: String,
    id: Option<Uuid>,
    name: Option<String>,
}

/// Returns a row as JSON.
pub(super) fn to_json(row: &AuditRow) -> Value {
    // Serializing text, numbers and lists does not fail.
    serde_json::to_value(shape(row)).unwrap_or_default()
}

fn shape(row: &AuditRow) -> Shape {
    let AuditRow { actor_kind, actor_id, actor_name, .. } = row.clone();
    Shape {
        epoch: row.epoch,
        transaction_id: row.transaction_id.to_string(),
        id: row.id,
        at: format!("{:.6}", row.at),
        request_id: row.request_id.clone(),
        tenant_id: row.tenant_id.public(),
        actor: Actor { kind: actor_kind, id: actor_id, name: actor_name },
        role: row.role.clone(),
        session_id: row.session_id,
        action: row.action.clone(),
        method: row.method.clone(),
        path: row.path.clone(),
        status: row.status,
        source_ip: row.source_ip.clone(),
        user_agent: row.user_agent.clone(),
        reason: row.reason.clone(),
        targets: row.targets.clone(),
        changed: row.changed.clone(),
    }
}

/// Reads a row from its JSON.
pub(super) fn from_json(value: &Value) -> Result<AuditRow, InvalidRow> {
    Shape::deserialize(value).map_err(|error| InvalidRow(error.to_string())).and_then(row)
}

fn row(shape: Shape) -> Result<AuditRow, InvalidRow> {
    let Actor { kind, id, name } = shape.actor;
    Ok(AuditRow {
        epoch: shape.epoch,
        transaction_id: parse(&shape.transaction_id, "transaction_id")?,
        id: shape.id,
        at: time(&shape.at)?,
        request_id: shape.request_id,
        tenant_id: shape.tenant_id.unwrap_or(TenantId::PLATFORM),
        actor_kind: kind,
        actor_id: id,
        actor_name: name,
        role: shape.role,
        session_id: shape.session_id,
        action: shape.action,
        method: shape.method,
        path: shape.path,
        status: shape.status,
        source_ip: shape.source_ip,
        user_agent: shape.user_agent,
        reason: shape.reason,
        targets: shape.targets,
        changed: shape.changed,
    })
}

pub(super) fn parse<T: std::str::FromStr>(text: &str, name: &str) -> Result<T, InvalidRow> {
    text.parse().map_err(|_| InvalidRow(format!("{name} does not parse")))
}

/// Reads a row from a line. A name that stands twice is rejected: one reader would see its first value, another the last.
fn line(text: &str) -> Result<AuditRow, InvalidRow> {
    let shape = crate::web::unambiguous(text.as_bytes()).and_then(|()| serde_json::from_str(text));
    shape.map_err(|error| InvalidRow(error.to_string())).and_then(row)
}

/// Parses a time in exactly the form in which it is written, so that an altered text is found although it means the same
/// moment.
pub(super) fn time(text: &str) -> Result<Timestamp, InvalidRow> {
    let at: Timestamp = parse(text, "at")?;
    if format!("{at:.6}") == text {
        Ok(at)
    } else {
        Err(InvalidRow("at is not a time in UTC with microseconds".to_owned()))
    }
}

/// Appends a row as a line of JSON.
pub fn write_ndjson(row: &AuditRow, text: &mut String) {
    text.push_str(&to_json(row).to_string());
    text.push('\n');
}

/// Appends a row as a line of CSV.
pub fn write_csv(row: &AuditRow, text: &mut String) {
    csv::write(row, text);
}

/// Reads the rows of an export, in either format, one after the other. Several pages may follow each other in one file.
pub struct RowReader<R> {
    input: Input<R>,
    /// Number of the line that was read last, from 1.
    pub line: usize,
}

enum Input<R> {
    Ndjson(R),
    Csv(CsvReader<R>),
}

impl<R: BufRead> RowReader<R> {
    /// Creates a reader of this input, whose first byte shows the format.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn new(mut input: R) -> std::io::Result<Self> {
        let is_json = input.fill_buf()?.first().is_none_or(|byte| *byte == b'{');
        let input = if is_json { Input::Ndjson(input) } else { Input::Csv(CsvReader::new(input)) };
        Ok(Self { input, line: 0 })
    }

    fn read(&mut self) -> Result<Option<AuditRow>, InvalidRow> {
        let failed = |error: std::io::Error| InvalidRow(error.to_string());
        match &mut self.input {
            Input::Ndjson(input) => loop {
                let mut text = String::new();
                self.line += 1;
                if input.read_line(&mut text).map_err(failed)? == 0 {
                    return Ok(None);
                }
                if !text.trim().is_empty() {
                    return line(&text).map(Some);
                }
            },
            Input::Csv(input) => loop {
                let Some(record) = input.next().map_err(failed)? else { return Ok(None) };
                self.line = input.line;
                if !csv::is_header(&record) {
                    return csv::row(record).map(Some);
                }
            },
        }
    }
}

impl<R: BufRead> Iterator for RowReader<R> {
    type Item = Result<AuditRow, InvalidRow>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|InvalidRow(fault)| InvalidRow(format!("line {}: {fault}", self.line))).transpose()
    }
}
