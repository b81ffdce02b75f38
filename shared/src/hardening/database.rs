//! Evidence about the checklist from the live database: one statement, which reads system catalogues and tables of operations.

use super::EvidenceSource::Database;
use super::{CATALOGUE, Observation, Outcome};
use crate::db::{FromRow, Sql};

/// Reads the facts, at a time. Every role of Holdfast may; a fact that it cannot see is unknown.
pub const SELECT: Sql = Sql::unprepared(include_str!("database.sql"));

/// A fact about a line of the checklist.
#[derive(Debug, FromRow)]
pub struct Fact {
    row: String,
    holds: Option<bool>,
    seen: String,
}

/// Returns the facts as observations. A fact about an unknown line is left out.
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
