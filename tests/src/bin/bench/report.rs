//! The table of results, and the missed targets.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::package::Package;
use crate::subject::Subject;
use crate::warm::Warm;

/// The limit of a function's memory, in bytes.
const MAX_MEMORY: u64 = 24 << 20;
/// The limit of a package's size, in bytes.
const MAX_ZIPPED: u64 = 5 << 20;

/// A line of the table.
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) cold: Duration,
    pub(crate) warm: Warm,
    pub(crate) package: Package,
}

/// The head of the table, in Markdown.
pub(crate) const HEAD: &str = "| function | request | cold start | warm p50 | warm p99 | peak memory | binary | zipped |\n\
     | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, cold, warm, package } = self;
        write!(
            f,
            "| {} | `{}` | {} | {} | {} | {} | {} | {} |",
            subject.function,
            subject.request,
            milliseconds(*cold),
            milliseconds(warm.p50),
            milliseconds(warm.p99),
            mebibytes(warm.peak),
            mebibytes(package.binary),
            mebibytes(package.zipped),
        )
    }
}

/// Returns a line for each exceeded limit.
pub(crate) fn misses(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { subject, warm, package, .. } in rows {
        for (what, bytes, limit) in [("memory", warm.peak, MAX_MEMORY), ("zipped package", package.zipped, MAX_ZIPPED)]
        {
            if bytes > limit {
                let (function, request) = (subject.function, subject.request);
                let (bytes, limit) = (mebibytes(bytes), mebibytes(limit));
                let _ = writeln!(text, "missed: {function}, {request}: {what} is {bytes}, the limit is {limit}");
            }
        }
    }
    text
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20))
}
