//! Schema.
fn main() {}
