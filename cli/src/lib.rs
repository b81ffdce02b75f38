//! The `holdfast` command: runs everything locally, and operates a deployment.

pub mod gateway;
