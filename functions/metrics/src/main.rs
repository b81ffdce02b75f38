//! Prometheus metrics of all instances.
fn main() {}
