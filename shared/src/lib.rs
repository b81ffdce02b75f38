//! The common crate of all Holdfast functions: the request path, the database, identity, the vault, the audit log,
//! configuration and telemetry. It has no route of its own.

extern crate self as holdfast_shared;

pub mod app;
pub mod audit;
pub mod aws;
pub mod clock;
pub mod config;
pub mod db;
pub mod hardening;
pub mod id;
pub mod identity;
pub mod lambda;
#[cfg(feature = "document")]
pub mod openapi;
pub mod permission;
pub mod problem;
pub mod rng;
pub mod route;
pub mod schema;
pub mod status;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod vault;
pub mod web;
