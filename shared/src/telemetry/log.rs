//! Log lines: JSON for CloudWatch, plain lines for a developer's terminal. `LOG_LEVEL` filters them (default `info`), as a
//! level, or by module: `shared=debug,warn`.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// What cannot be read counts as unset: a function must not be silent for a typing error.
fn filter() -> Targets {
    let level = std::env::var("LOG_LEVEL").unwrap_or_default();
    let usual = Targets::new().with_default(LevelFilter::INFO);
    if level.is_empty() { usual } else { level.parse().unwrap_or(usual) }
}

/// JSON lines on standard output, as CloudWatch Logs reads them.
pub fn json() {
    let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // Tests start several functions in one process; the first one's lines serve all.
    let _ = registry().with(lines).with(filter()).try_init();
}

/// Plain lines on standard error.
pub fn plain() {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let _ = registry().with(lines).with(filter()).try_init();
}
