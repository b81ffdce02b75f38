//! Compares the entries of a batch with the rows of its transactions, in order: the first difference, by its row.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::{AuditFault, AuditFaultKind, AuditRow, BatchEntry, DroppedMonth};

/// Returns whether a row belongs to a month that was dropped, by the time in its id (a version 7 UUID).
pub fn is_dropped(id: Uuid, drops: &[DroppedMonth]) -> bool {
    let milliseconds = id.get_timestamp().map(|time| {
        let (seconds, nanoseconds) = time.to_unix();
        i128::from(seconds) * 1000 + i128::from(nanoseconds / 1_000_000)
    });
    milliseconds.is_some_and(|at| {
        drops
            .iter()
            .any(|drop| i128::from(drop.from.as_millisecond()) <= at && at < i128::from(drop.before.as_millisecond()))
    })
}

/// Compares the sealed entries with the rows that exist. `rows` are all rows of the tenant in the transactions of the seal, in
/// the order of the export. A row of a dropped month may be missing.
pub fn compare(seal: u64, entries: &[BatchEntry], rows: &[AuditRow], drops: &[DroppedMonth]) -> Result<(), AuditFault> {
    let sealed: HashMap<Uuid, BatchEntry> = entries.iter().map(|entry| (entry.id, *entry)).collect();
    let found: HashMap<Uuid, &AuditRow> = rows.iter().map(|row| (row.id, row)).collect();
    let altered = |row: &AuditRow| sealed.get(&row.id).is_some_and(|entry| entry.hash != row.hash());
    let is_altered = |id| AuditFault::row(AuditFaultKind::Altered, seal, id, "it differs from what was sealed");

    let mut rows = rows.iter().peekable();
    for entry in entries {
        if let Some(row) = rows.next_if(|row| row.id == entry.id) {
            if row.hash() != entry.hash {
                return Err(is_altered(row.id));
            }
            continue;
        }
        // A row is at another position, missing or added. An altered row is reported before one that moved.
        match found.get(&entry.id) {
            Some(row) if altered(row) => return Err(is_altered(row.id)),
            Some(_) => match rows.next() {
                Some(row) if !sealed.contains_key(&row.id) => return Err(added(seal, row)),
                Some(row) if altered(row) => return Err(is_altered(row.id)),
                Some(row) => {
                    return Err(AuditFault::row(AuditFaultKind::OutOfOrder, seal, row.id, "it is not at its position"));
                }
                None => {
                    return Err(AuditFault::row(
                        AuditFaultKind::OutOfOrder,
                        seal,
                        entry.id,
                        "it is not at its position",
                    ));
                }
            },
            None if is_dropped(entry.id, drops) => {}
            None => {
                return Err(AuditFault::row(AuditFaultKind::Removed, seal, entry.id, "it was sealed, and is missing"));
            }
        }
    }
    match rows.next() {
        Some(row) if sealed.contains_key(&row.id) => {
            Err(AuditFault::row(AuditFaultKind::OutOfOrder, seal, row.id, "it exists twice, or is not at its position"))
        }
        Some(row) => Err(added(seal, row)),
        None => Ok(()),
    }
}

fn added(seal: u64, row: &AuditRow) -> AuditFault {
    AuditFault::row(AuditFaultKind::Added, seal, row.id, "it did not exist when its transaction was sealed")
}
