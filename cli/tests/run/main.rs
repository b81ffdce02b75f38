//! `holdfast run`, as a newcomer meets it: the program itself, started, called, killed and started again.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod program;

mod crashing;
mod database;
mod ending;
mod refusing;
mod starting;
