//! Liveness and readiness.
fn main() {}
