//! The web console.

mod journeys;
