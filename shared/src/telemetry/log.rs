//! Log lines: JSON for CloudWatch, plain text for a developer's terminal. `LOG_LEVEL` filters them, by level or by module:
//! `holdfast_shared=debug,warn`. Default `info`.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// The filter of `LOG_LEVEL`. An invalid value counts as unset: a typing error must not silence a function.
fn filter() -> Targets {
    let level = std::env::var("LOG_LEVEL").unwrap_or_default();
    let default = Targets::new().with_default(LevelFilter::INFO);
    if level.is_empty() { default } else { level.parse().unwrap_or(default) }
}

/// Writes JSON lines to standard output, for CloudWatch Logs.
pub fn json() {
    let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // Tests start several functions in one process; the first sets up logging for all.
    let _ = registry().with(lines).with(filter()).try_init();
}

/// Writes plain lines to standard error.
pub fn plain() {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let _ = registry().with(lines).with(filter()).try_init();
}
