//! Scheduled maintenance and the operator's commands.

mod clock_jumps;
mod commands;
mod maintenance;
