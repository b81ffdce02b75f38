//! What the end-to-end suites are written with.

pub mod app;
pub mod client;
pub mod database;
pub mod emulator;
pub mod events;
pub mod leaks;
mod loopback;
pub mod moto;
mod program;
pub mod proxy;
pub mod sample;
pub mod secrets;
pub mod stage;
pub mod tools;
mod wire;
