//! What an attacker did, or could have done, to an earlier version: each file replays one kind of attack over every place
//! that it could be tried.

mod chosen_passwords;
mod echoed_values;
mod guessing;
mod keys_of_ended_sessions;
mod keys_of_rotations;
mod long_targets;
mod operators_without_a_reason;
mod rewritten_history;
