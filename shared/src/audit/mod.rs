//! Audit seals: what is hashed, chained and signed so that nobody can change the audit log unseen, its database's
//! superuser included. Pure: no clock, no network, no database. The maintenance function seals with it, the admin
//! function and the command verify with it. `docs/audit-format.md` has it byte by byte.

mod batch;
mod canonical;
mod csv;
mod document;
mod export;
mod fault;
mod hash;
mod keys;
mod merkle;
mod proof;
mod row;
mod seal;
mod sealing;
mod state;
mod stored;
mod verify;

#[cfg(test)]
mod tests;

pub use batch::{Batch, ENTRY_BYTES, Entry, head};
pub use csv::CSV_HEADER;
pub use document::{Document, Standing};
pub use export::{Format, RowReader, Unreadable, write_csv, write_ndjson};
pub use fault::{Bad, Fault};
pub use hash::Hash;
pub use keys::{AuditKey, AuditKeys, NotGenuine};
pub use merkle::{Levels, leaf, root};
pub use proof::{Proof, Rejected};
pub use row::AuditRow;
pub use seal::{Dropped, Seal};
pub use sealing::{Span, seal};
pub use state::{Place, State, StateTree};
pub use verify::{Failure, Position, Verified, Verifier, compare, is_dropped, verify};

/// The version of everything here: of the row's encoding, the tree, the chain and the seal.
pub const FORMAT: u8 = 1;
