//! Rows as CSV (RFC 4180). A spreadsheet takes a cell that begins like a formula for one, so such a cell gets an apostrophe
//! in front, and so does one that begins with an apostrophe: what is read back is what was written. NULL is an empty
//! cell, an empty text a pair of quotes.

use std::io::BufRead;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::export::{Unreadable, parse, time};
use super::{AuditRow, canonical};
use crate::id::TenantId;

const COLUMNS: usize = 19;

/// The first line.
pub const CSV_HEADER: &str = "epoch,transaction_id,id,at,request_id,tenant_id,actor_kind,actor_id,actor_name,role,session_id,action,method,path,status,source_ip,user_agent,targets,changed\r\n";

/// What makes a cell a formula, or hides one behind what a spreadsheet strips.
const DANGEROUS: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '\''];

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

/// Whether it is the header line, with which every page begins.
pub(super) fn is_header(record: &[Option<String>]) -> bool {
    let names = CSV_HEADER.trim_end().split(',');
    record.iter().map(Option::as_deref).eq(names.map(Some))
}

/// A row from its cells.
pub(super) fn row(record: Vec<Option<String>>) -> Result<AuditRow, Unreadable> {
    if record.len() != COLUMNS {
        return Err(Unreadable(format!("it has {} cells and not {COLUMNS}", record.len())));
    }
    let mut cells = Cells { names: CSV_HEADER.trim_end().split(','), values: record.into_iter() };
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
        targets: cells.json()?,
        changed: cells.json()?,
    })
}

/// The cells of a record, one after the other.
struct Cells {
    names: std::str::Split<'static, char>,
    values: std::vec::IntoIter<Option<String>>,
}

impl Cells {
    fn optional(&mut self) -> (&'static str, Option<String>) {
        (self.names.next().unwrap_or_default(), self.values.next().flatten())
    }

    fn text(&mut self) -> Result<String, Unreadable> {
        let (name, value) = self.optional();
        value.ok_or_else(|| Unreadable(format!("{name} is empty")))
    }

    fn optional_parsed<T: FromStr>(&mut self) -> Result<Option<T>, Unreadable> {
        let (name, value) = self.optional();
        value.map(|text| parse(&text, name)).transpose()
    }

    fn parsed<T: FromStr>(&mut self) -> Result<T, Unreadable> {
        let (name, value) = self.optional();
        parse(&value.unwrap_or_default(), name)
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T, Unreadable> {
        let (name, value) = self.optional();
        serde_json::from_str(&value.unwrap_or_default()).map_err(|error| Unreadable(format!("{name}: {error}")))
    }
}

/// Reads records. A cell that was quoted is text, though it be empty; one that was not and is empty is NULL.
pub(super) struct CsvReader<R> {
    input: R,
    /// The line that the record read last ended on, from 1.
    pub(super) line: usize,
}

impl<R: BufRead> CsvReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Vec<Option<String>>>> {
        let mut text = String::new();
        loop {
            if self.input.read_line(&mut text)? == 0 {
                break;
            }
            self.line += 1;
            // An odd number of quotes: a cell goes on in the next line.
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
                cells.push(finished(std::mem::take(&mut cell), is_text));
                is_text = false;
            }
            other => cell.push(other),
        }
    }
    cells.push(finished(cell, is_text));
    cells
}

/// A cell without its guard.
fn finished(mut cell: String, is_text: bool) -> Option<String> {
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
    fn a_cell_that_would_be_a_formula_is_none() {
        for (cell, written) in [
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
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

    proptest! {
        #[test]
        fn what_is_written_is_read_back(cells in proptest::collection::vec(proptest::option::of("[-=+@'\"a,;\r\n\té😀]{0,6}"), 1..6)) {
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
