//! Signing in, sessions, tokens and the keys that sign them.

mod api_tokens;
mod browser_sessions;
mod jwt_attacks;
mod key_rotation;
mod one_time_codes;
mod password_change;
mod session_revocation;
mod sign_in;
mod step_up;
