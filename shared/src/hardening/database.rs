//! What the live database says about the checklist: one statement, which reads catalogues and the tables of operations.

use crate::db::FromRow;
use tokio_postgres::Row;

use super::EvidenceSource::Database;
use super::{CATALOGUE, Observation, Outcome};

/// Reads the facts, by the time. Every role of ours may; what it does not see is unknown.
pub const SELECT: &str = include_str!("database.sql");

/// A fact about a line of the checklist.
#[derive(Debug)]
pub struct Fact {
    row: String,
    holds: Option<bool>,
    seen: String,
}

impl FromRow for Fact {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { row: row.try_get("row")?, holds: row.try_get("holds")?, seen: row.try_get("seen")? })
    }
}

/// The facts as observations. A fact about no line of the catalogue is left out.
pub fn observe(facts: impl IntoIterator<Item = Fact>) -> Vec<Observation> {
    let observation = |Fact { row, holds, seen }: Fact| {
        let row = CATALOGUE.iter().find(|known| known.id == row)?.id;
        let outcome = match holds {
            Some(true) => Outcome::Pass,
            Some(false) => Outcome::Fail,
            None => Outcome::Unknown,
        };
        Some(Observation { row, source: Database, outcome, evidence: seen })
    };
    facts.into_iter().filter_map(observation).collect()
}
