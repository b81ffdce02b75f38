//! The `holdfast` command as a library: the private PostgreSQL cluster, and the local run of all functions together, and
//! the look at a deployment.

pub mod check;
pub mod cluster;
pub mod data_dir;
pub mod digests;
pub mod gateway;
pub mod local;
pub mod permissions;
