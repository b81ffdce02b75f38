//! The audit log: its rows, seals, exports and verification.

mod export;
mod forged_rows;
mod log;
mod offline_verification;
mod privileges;
mod sealing;
mod verification;
