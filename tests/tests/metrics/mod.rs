//! Metrics: the endpoint, the lines in logs, alerts and the dashboard.

mod embedded;
mod endpoint;
mod prometheus;
