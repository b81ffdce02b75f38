//! Progress of a backup or a restore on standard error: one line for each tenth, or for each 64 MB if the total is not known.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use holdfast_backup::Progress;

/// Prints progress. The last line is remembered, so that no line is printed twice.
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
        // Progress is informational: a closed standard error is no failure.
        let _ = writeln!(std::io::stderr(), "{doing}: {share}{megabytes} MB");
    }
}
