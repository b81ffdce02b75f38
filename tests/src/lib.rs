//! What the end-to-end suites are written with.

pub mod app;
pub mod client;
pub mod database;
pub mod proxy;
pub mod sample;
pub mod secrets;
