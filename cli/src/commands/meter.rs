//! How far a backup or a restore is, on standard error: a line for each tenth, or for each 64 MB where nobody knows how many
//! there will be.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use holdfast_backup::Progress;

/// Shows progress. What it said last is kept, so that it says nothing twice.
pub(super) fn meter() -> impl Fn(Progress) + Sync {
    let last = Mutex::new(("", 0));
    move |progress| {
        let Progress { doing, bytes, of } = progress;
        let megabytes = bytes / 1_000_000;
        let step = of.map_or(megabytes / 64, |of| bytes * 10 / of.max(1));
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == (doing, step) || (of.is_none() && step == 0) {
            return;
        }
        *last = (doing, step);
        let share = of.map(|_| format!("{} %, ", step * 10)).unwrap_or_default();
        // Whoever does not read it misses nothing.
        let _ = writeln!(std::io::stderr(), "{doing}: {share}{megabytes} MB");
    }
}
