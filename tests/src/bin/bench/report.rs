//! The table, and which targets were missed.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::package::Package;
use crate::subject::Subject;
use crate::warm::Warm;

/// No function may need more memory, in bytes.
const MAX_MEMORY: u64 = 24 << 20;
/// No package may be larger, in bytes.
const MAX_ZIPPED: u64 = 5 << 20;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) cold: Duration,
    pub(crate) warm: Warm,
    pub(crate) package: Package,
}

/// What the table begins with, as Markdown.
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

/// What is over its limit, a line each.
pub(crate) fn misses(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { subject, warm, package, .. } in rows {
        for (what, bytes, most) in [("memory", warm.peak, MAX_MEMORY), ("zipped package", package.zipped, MAX_ZIPPED)] {
            if bytes > most {
                let (function, request) = (subject.function, subject.request);
                let (bytes, most) = (mebibytes(bytes), mebibytes(most));
                let _ = writeln!(text, "missed: {function}, {request}: {what} is {bytes}, and may be {most}");
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
