//! The web console.

mod files;
mod journeys;
