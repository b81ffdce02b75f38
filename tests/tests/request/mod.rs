//! Rules that hold for every route.

mod conventions;
mod generated_requests;
mod isolation;
mod round_trips;
mod sample_events;
