//! Log lines: JSON for CloudWatch, plain lines for a developer's terminal. `LOG_LEVEL` filters them (default `info`).

use tracing_subscriber::EnvFilter;

fn filter() -> EnvFilter {
    EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).with_env_var("LOG_LEVEL").from_env_lossy()
}

/// JSON lines on standard output, as CloudWatch Logs reads them.
pub fn json() {
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // Tests start several functions in one process; the first one's lines serve all.
    let _ = lines.with_env_filter(filter()).try_init();
}

/// Plain lines on standard error.
pub fn plain() {
    let _ =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_env_filter(filter()).try_init();
}
