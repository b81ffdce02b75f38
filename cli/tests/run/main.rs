//! `holdfast run`: the program itself, started, called, killed and restarted.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod program;

mod crashing;
mod database;
mod ending;
mod rejecting;
mod starting;
