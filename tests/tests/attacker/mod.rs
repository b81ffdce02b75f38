//! What an attacker did, or could have done, to an earlier version: each file replays one kind of attack over every place
//! that it could be tried.

mod chosen_passwords;
mod echoed_values;
mod foreign_signing_keys;
mod guessing;
mod keys_of_ended_sessions;
mod keys_of_rotations;
mod long_targets;
mod look_alike_names;
mod misdirected_events;
mod noise;
mod operators_without_a_reason;
mod preflights;
mod returning_users;
mod rewritten_history;
mod slow_connections;
mod taken_over_functions;
mod tampered_backups;
