//! A batch's entries against the rows that stand in its place, in order: the first difference, by its row.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::{AuditRow, Bad, Dropped, Entry, Fault};

/// Whether a row is of a month that was dropped, by the time in its id (a version 7 UUID).
pub fn is_dropped(id: Uuid, drops: &[Dropped]) -> bool {
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

/// Compares what was sealed with what is there. `rows` are all rows of the tenant between the seal's transactions, in the
/// order in which they were given. A row of a dropped month may be missing.
pub fn compare(seal: u64, entries: &[Entry], rows: &[AuditRow], drops: &[Dropped]) -> Result<(), Bad> {
    let sealed: HashMap<Uuid, Entry> = entries.iter().map(|entry| (entry.id, *entry)).collect();
    let there: HashMap<Uuid, &AuditRow> = rows.iter().map(|row| (row.id, row)).collect();
    let altered = |row: &AuditRow| sealed.get(&row.id).is_some_and(|entry| entry.hash != row.hash());
    let is_altered = |id| Bad::row(Fault::Altered, seal, id, "it is not as it was sealed");

    let mut rows = rows.iter().peekable();
    for entry in entries {
        if let Some(row) = rows.next_if(|row| row.id == entry.id) {
            if row.hash() != entry.hash {
                return Err(is_altered(row.id));
            }
            continue;
        }
        // Something stands in another place, or is missing, or too much: what was altered is told before what moved.
        match there.get(&entry.id) {
            Some(row) if altered(row) => return Err(is_altered(row.id)),
            Some(_) => match rows.next() {
                Some(row) if !sealed.contains_key(&row.id) => return Err(added(seal, row)),
                Some(row) if altered(row) => return Err(is_altered(row.id)),
                Some(row) => return Err(Bad::row(Fault::OutOfOrder, seal, row.id, "it is not in its place")),
                None => return Err(Bad::row(Fault::OutOfOrder, seal, entry.id, "it is not in its place")),
            },
            None if is_dropped(entry.id, drops) => {}
            None => return Err(Bad::row(Fault::Removed, seal, entry.id, "it was sealed, and is gone")),
        }
    }
    match rows.next() {
        Some(row) if sealed.contains_key(&row.id) => {
            Err(Bad::row(Fault::OutOfOrder, seal, row.id, "it is there twice, or not in its place"))
        }
        Some(row) => Err(added(seal, row)),
        None => Ok(()),
    }
}

fn added(seal: u64, row: &AuditRow) -> Bad {
    Bad::row(Fault::Added, seal, row.id, "it was not there when its transaction was sealed")
}
