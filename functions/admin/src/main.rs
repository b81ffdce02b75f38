//! Administration and the audit log.
fn main() {}
