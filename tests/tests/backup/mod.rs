//! Backups, drills and restores.

mod commands;
mod drill;
mod faults;
mod requests;
mod restore;
