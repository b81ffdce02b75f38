//! Audit seals: rows of the audit log are hashed, chained and signed, so that no change goes unnoticed, even by the superuser
//! of the database. Pure: no clock, no network, no database. The maintenance function seals with it; the admin function and
//! `holdfast audit` verify with it. `docs/audit-format.md` documents the format byte by byte.

mod batch;
mod canonical;
mod csv;
mod document;
mod export;
mod fault;
mod hash;
mod keys;
mod merkle;
mod pins;
mod proof;
mod row;
mod seal;
mod sealing;
mod state;
mod stored;
mod verify;

#[cfg(test)]
mod tests;

pub use batch::{Batch, BatchEntry, ENTRY_BYTES, head};
pub use csv::CSV_HEADER;
pub use document::{ProvenState, SealDocument};
pub use export::{ExportFormat, InvalidRow, RowReader, write_csv, write_ndjson};
pub use fault::{AuditFault, AuditFaultKind};
pub use hash::Hash;
pub use keys::{AuditKey, AuditKeys, InvalidSeal};
pub use merkle::{MerkleLevels, leaf, root};
pub use pins::PinnedKeys;
pub use proof::{InvalidProof, Proof};
pub use row::AuditRow;
pub use seal::{DroppedMonth, RecordedRestore, Seal};
pub use sealing::{Announcements, TransactionRange, seal};
pub use state::{ChainState, MerklePosition, StateTree};
pub use verify::{ChainPosition, VerificationError, Verified, Verifier, compare, is_dropped, verify};

/// Version of the format: of the row's encoding, the tree, the chain and the seal.
pub const FORMAT: u8 = 1;
