//! The `holdfast` command as a library: the private PostgreSQL cluster, the local run of all functions together, and the checks
//! of a deployment.

pub mod check;
pub mod cluster;
pub mod data_dir;
pub mod digests;
pub mod gateway;
pub mod local;
pub mod permissions;
mod process;
pub mod standards;
