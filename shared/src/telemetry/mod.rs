//! What operators see of a running function: log lines and counters. Neither ever holds a secret.

pub(crate) mod audit;
pub mod emf;
pub mod gauges;
pub mod log;
pub mod metrics;
