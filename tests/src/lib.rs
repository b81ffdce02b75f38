//! The harness of the end-to-end suites: a running application, its clients, and stand-ins for everything around it.

pub mod app;
pub mod auditor;
pub mod backups;
pub mod browser;
pub mod bucket;
pub mod client;
pub mod database;
pub mod deployment;
pub mod emulator;
pub mod events;
pub mod leaks;
pub mod loopback;
pub mod markdown;
pub mod moto;
pub mod nginx;
pub mod program;
pub mod prometheus;
pub mod proxy;
pub mod sample;
pub mod sealing;
pub mod secrets;
pub mod source;
pub mod stage;
pub mod tools;
pub mod users;
pub mod wire;
