//! Logs and metrics of a running function. Neither ever contains a secret.

pub mod emf;
pub mod gauges;
pub mod log;
pub mod metrics;
