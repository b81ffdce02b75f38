//! Accounts of a tenant.
fn main() {}
