//! Batches and positions as the database keeps them.

use crate::db::FromRow;
use tokio_postgres::Row;

use super::{Batch, Entry, Hash, Place, Position, Seal};

impl Position {
    /// Where the chain stands after a seal of this digest.
    pub fn after(seal: &Seal, hash: Hash) -> Self {
        Self {
            number: seal.number,
            hash,
            epoch: seal.epoch,
            to_transaction: seal.to_transaction,
            sealed_at: seal.sealed_at,
        }
    }
}

impl Seal {
    /// The name of the object that holds a seal. The digits make names sort as numbers do.
    pub fn object(epoch: i32, number: i64) -> String {
        format!("seals/{epoch:010}/{number:020}.json")
    }
}

impl Place {
    /// The path as the database keeps it: 32 bytes a step.
    pub fn pack(&self) -> Vec<u8> {
        self.path.iter().flat_map(|hash| hash.0).collect()
    }
}

/// From a statement that selects all columns. What cannot be what was stored is kept in a form that verifies as nothing.
impl FromRow for Batch {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let number = |name: &str| row.try_get::<_, i64>(name).map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        let hash = |name: &str| row.try_get(name).map(|bytes| Hash::from_slice(bytes).unwrap_or(Hash([0; 32])));
        let path: &[u8] = row.try_get("place_path")?;
        Ok(Self {
            tenant_id: row.try_get("tenant_id")?,
            count: number("count")?,
            total: number("total")?,
            root: hash("root")?,
            head: hash("head")?,
            entries: Entry::unpack(row.try_get("entries")?).unwrap_or_default(),
            place: Place {
                index: number("place_index")?,
                size: number("place_size")?,
                path: path.chunks(32).filter_map(Hash::from_slice).collect(),
            },
        })
    }
}
