//! What a verification finds, by name.

use std::fmt;

use serde::Serialize;

/// Kind of a finding. `docs/audit-format.md` lists what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A stored object has a second version or a marker of deletion.
    Versions,
    /// A stored object is not a genuine seal, or its batches are not those that it signs.
    StoredObject,
    /// The stored seals do not follow each other.
    BrokenChain,
    /// The witness has another seal, or lacks one that it had.
    Witness,
    /// The database has a key that the configuration does not pin.
    UnpinnedKey,
    /// The database lacks a stored seal.
    DatabaseBehind,
    /// The database has another seal, or other columns, than the store.
    DatabaseDiffers,
    /// The database names a seal as stored that is not.
    NotInStore,
    /// The database has other batches than the store.
    Batches,
    /// The database names a month as dropped that no seal names, or another one.
    Drops,
    /// A row differs from what was sealed.
    Altered,
    /// A sealed row is missing.
    Removed,
    /// A row was added where everything is sealed, or where no seal will ever come.
    Added,
    /// A row is not at its position.
    OutOfOrder,
    /// A seal is far younger than its rows, or older than the seal before it.
    Clock,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Versions,
        Self::StoredObject,
        Self::BrokenChain,
        Self::Witness,
        Self::UnpinnedKey,
        Self::DatabaseBehind,
        Self::DatabaseDiffers,
        Self::NotInStore,
        Self::Batches,
        Self::Drops,
        Self::Altered,
        Self::Removed,
        Self::Added,
        Self::OutOfOrder,
        Self::Clock,
    ];

    /// Name in reports and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Versions => "versions",
            Self::StoredObject => "stored_object",
            Self::BrokenChain => "broken_chain",
            Self::Witness => "witness",
            Self::UnpinnedKey => "unpinned_key",
            Self::DatabaseBehind => "database_behind",
            Self::DatabaseDiffers => "database_differs",
            Self::NotInStore => "not_in_store",
            Self::Batches => "batches",
            Self::Drops => "drops",
            Self::Altered => "altered",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::OutOfOrder => "out_of_order",
            Self::Clock => "clock",
        }
    }
}

/// A difference between the stores and the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Kind of the difference.
    pub kind: FindingKind,
    /// Object, seal, row or key that it concerns.
    pub place: String,
    /// Description.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, place: impl fmt::Display, detail: impl Into<String>) -> Self {
        Self { kind, place: place.to_string(), detail: detail.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind.name(), self.place, self.detail)
    }
}
