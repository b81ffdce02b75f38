//! Rows as CSV (RFC 4180). A spreadsheet evaluates a cell that begins like a formula, so such a cell gets an apostrophe in
//! front, and so does one that begins with an apostrophe: reading returns exactly what was written. NULL is an empty cell, an
//! empty text a pair of quotes.

use std::io::BufRead;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::export::{InvalidRow, parse, time};
use super::{AuditRow, canonical};
use crate::audit_columns;
use crate::id::TenantId;

const COLUMNS: usize = AuditRow::COLUMNS.len();

/// The first line of an export.
pub const CSV_HEADER: &str = concat!(audit_columns!(csv), "\r\n");

/// Characters that begin a formula, also in their full-width forms, or that a spreadsheet strips in front of one.
const DANGEROUS: [char; 12] =
    ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\t', '\r', '\n', '\''];

pub(super) fn write(row: &AuditRow, text: &mut String) {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
    let changed = serde_json::Value::from(row.changed.clone());
    let cells: [Option<String>; COLUMNS] = [
        Some(row.epoch.to_string()),
        Some(row.transaction_id.to_string()),
        Some(row.id.to_string()),
        Some(format!("{:.6}", row.at)),
        Some(row.request_id.clone()),
        id(row.tenant_id.public().map(|tenant| tenant.0)),
        Some(row.actor_kind.clone()),
        id(row.actor_id),
        row.actor_name.clone(),
        row.role.clone(),
        id(row.session_id),
        Some(row.action.clone()),
        Some(row.method.clone()),
        Some(row.path.clone()),
        Some(row.status.to_string()),
        row.source_ip.clone(),
        row.user_agent.clone(),
        row.reason.clone(),
        Some(canonical::json(&row.targets)),
        Some(canonical::json(&changed)),
    ];
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        if let Some(cell) = cell {
            push_cell(cell, text);
        }
    }
    text.push_str("\r\n");
}

fn push_cell(cell: &str, text: &mut String) {
    let guarded = cell.starts_with(DANGEROUS);
    if !(guarded || cell.is_empty() || cell.contains([',', '"', '\r', '\n', ';', ' '])) {
        return text.push_str(cell);
    }
    text.push('"');
    if guarded {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    text.push('"');
}

/// Returns whether the record is the header line, with which every page begins.
pub(super) fn is_header(record: &[Option<String>]) -> bool {
    record.iter().map(Option::as_deref).eq(AuditRow::COLUMNS.iter().copied().map(Some))
}

/// Reads a row from its cells.
pub(super) fn row(record: Vec<Option<String>>) -> Result<AuditRow, InvalidRow> {
    if record.len() != COLUMNS {
        return Err(InvalidRow(format!("it has {} cells instead of {COLUMNS}", record.len())));
    }
    let mut cells = Cells { names: AuditRow::COLUMNS.iter(), values: record.into_iter() };
    Ok(AuditRow {
        epoch: cells.parsed()?,
        transaction_id: cells.parsed()?,
        id: cells.parsed()?,
        at: time(&cells.text()?)?,
        request_id: cells.text()?,
        tenant_id: cells.optional_parsed()?.unwrap_or(TenantId::PLATFORM),
        actor_kind: cells.text()?,
        actor_id: cells.optional_parsed()?,
        actor_name: cells.optional().1,
        role: cells.optional().1,
        session_id: cells.optional_parsed()?,
        action: cells.text()?,
        method: cells.text()?,
        path: cells.text()?,
        status: cells.parsed()?,
        source_ip: cells.optional().1,
        user_agent: cells.optional().1,
        reason: cells.optional().1,
        targets: cells.json()?,
        changed: cells.json()?,
    })
}

/// The cells of a record, read in order.
struct Cells {
    names: std::slice::Iter<'static, &'static str>,
    values: std::vec::IntoIter<Option<String>>,
}

impl Cells {
    fn optional(&mut self) -> (&'static str, Option<String>) {
        (self.names.next().copied().unwrap_or_default(), self.values.next().flatten())
    }

    fn text(&mut self) -> Result<String, InvalidRow> {
        let (name, value) = self.optional();
        value.ok_or_else(|| InvalidRow(format!("{name} is empty")))
    }

    fn optional_parsed<T: FromStr>(&mut self) -> Result<Option<T>, InvalidRow> {
        let (name, value) = self.optional();
        value.map(|text| parse(&text, name)).transpose()
    }

    fn parsed<T: FromStr>(&mut self) -> Result<T, InvalidRow> {
        let (name, value) = self.optional();
        parse(&value.unwrap_or_default(), name)
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T, InvalidRow> {
        let (name, value) = self.optional();
        serde_json::from_str(&value.unwrap_or_default()).map_err(|error| InvalidRow(format!("{name}: {error}")))
    }
}

/// Reads records. A quoted cell is text, even an empty one; an empty cell without quotes is NULL.
pub(super) struct CsvReader<R> {
    input: R,
    /// Number of the last line of the record that was read last, from 1.
    pub(super) line: usize,
}

impl<R: BufRead> CsvReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// Reads the next record; none at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Vec<Option<String>>>> {
        let mut text = String::new();
        loop {
            if self.input.read_line(&mut text)? == 0 {
                break;
            }
            self.line += 1;
            // An odd number of quotes: a cell continues in the next line.
            if text.matches('"').count().is_multiple_of(2) {
                break;
            }
        }
        let record = text.strip_suffix('\n').unwrap_or(&text);
        let record = record.strip_suffix('\r').unwrap_or(record);
        Ok((!text.is_empty()).then(|| split(record)))
    }
}

fn split(record: &str) -> Vec<Option<String>> {
    let (mut cells, mut cell, mut is_text, mut quoted) = (Vec::new(), String::new(), false, false);
    let mut letters = record.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => {
                quoted = !quoted;
                is_text = true;
            }
            ',' if !quoted => {
                cells.push(unguarded(std::mem::take(&mut cell), is_text));
                is_text = false;
            }
            other => cell.push(other),
        }
    }
    cells.push(unguarded(cell, is_text));
    cells
}

/// Removes the apostrophe of a cell that began like a formula.
fn unguarded(mut cell: String, is_text: bool) -> Option<String> {
    if cell.starts_with('\'') {
        cell.remove(0);
    }
    (is_text || !cell.is_empty()).then_some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cell_never_begins_like_a_formula() {
        for (cell, written) in [
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\u{ff1d}1+1", "\"'\u{ff1d}1+1\""),
            ("\u{ff0b}1", "\"'\u{ff0b}1\""),
            ("\u{ff0d}1", "\"'\u{ff0d}1\""),
            ("\u{ff20}SUM(A1)", "\"'\u{ff20}SUM(A1)\""),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("'x", "\"''x\""),
            ("a=1", "a=1"),
            ("", "\"\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
        ] {
            let mut text = String::new();
            push_cell(cell, &mut text);
            assert_eq!(text, written);
        }
    }

    #[test]
    fn each_value_stands_under_the_name_of_its_column() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../docs/audit-vectors.json")).unwrap();
        for vector in vectors["rows"].as_array().unwrap() {
            let exported = &vector["row"];
            let mut text = String::new();
            write(&super::super::export::from_json(exported).unwrap(), &mut text);
            let cells = CsvReader::new(text.as_bytes()).next().unwrap().unwrap();
            for (name, cell) in AuditRow::COLUMNS.iter().zip(cells) {
                let value = match name.strip_prefix("actor_") {
                    Some(part) => &exported["actor"][part],
                    None => &exported[*name],
                };
                let expected = match value {
                    serde_json::Value::Null => None,
                    serde_json::Value::String(text) => Some(text.clone()),
                    other => Some(canonical::json(other)),
                };
                assert_eq!(cell, expected, "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(cells in proptest::collection::vec(proptest::option::of("[-=+@'\"a,;\r\n\té😀\u{ff1d}\u{ff20}]{0,6}"), 1..6)) {
            let mut text = String::new();
            for (at, cell) in cells.iter().enumerate() {
                if at > 0 { text.push(','); }
                if let Some(cell) = cell { push_cell(cell, &mut text); }
            }
            text.push_str("\r\n");
            let mut reader = CsvReader::new(text.as_bytes());
            prop_assert_eq!(reader.next().unwrap(), Some(cells));
            prop_assert_eq!(reader.next().unwrap(), None);
        }
    }
}
