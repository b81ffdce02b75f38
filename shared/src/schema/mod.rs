//! The schema as it should be and as it is: tables, columns, constraints, indexes, policies, functions, grants and roles.
//! What somebody changed by hand, past the migrations, shows as a difference.

use crate::db::FromRow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

/// Reads the catalogue: columns `kind`, `name`, `definition`.
pub const CATALOGUE: &str = include_str!("catalogue.sql");

/// What [`CATALOGUE`] gives on a database that was just migrated, made by `holdfast schema expected`.
const EXPECTED: &str = include_str!("expected.json");

/// An object of the schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    /// What it is: `table`, `policy`, `grant` and so on.
    pub kind: String,
    /// Its name, with the table's where it belongs to one.
    pub name: String,
    /// All that matters of it, in one line.
    pub definition: String,
}

impl FromRow for Object {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { kind: row.try_get("kind")?, name: row.try_get("name")?, definition: row.try_get("definition")? })
    }
}

/// How an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SchemaChange)]
pub enum Change {
    /// It should be there.
    Missing,
    /// It should not be there.
    Unexpected,
    /// It should be otherwise.
    Changed,
}

/// An object that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Difference {
    /// What it is: `table`, `policy`, `grant` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How it differs.
    pub change: Change,
    /// What it should be; null where it should not be.
    pub expected: Option<String>,
    /// What it is; null where it is not.
    pub found: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, name, .. } = self;
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => write!(f, "changed     {kind} {name}: {found} (should be {expected})"),
            (Some(expected), None) => write!(f, "missing     {kind} {name}: {expected}"),
            (None, found) => write!(f, "unexpected  {kind} {name}: {}", found.as_deref().unwrap_or_default()),
        }
    }
}

/// The objects as this build's migrations make them; none where what was embedded does not read, which a test rules out.
pub fn expected() -> Vec<Object> {
    serde_json::from_str(EXPECTED).unwrap_or_default()
}

/// What differs, in order.
pub fn differences(expected: Vec<Object>, found: Vec<Object>) -> Vec<Difference> {
    let index = |objects: Vec<Object>| -> BTreeMap<(String, String), String> {
        objects.into_iter().map(|object| ((object.kind, object.name), object.definition)).collect()
    };
    let (mut expected, found) = (index(expected), index(found));
    let mut all: Vec<Difference> = found
        .into_iter()
        .filter_map(|(key, found)| {
            let expected = expected.remove(&key);
            let change = match &expected {
                Some(expected) if *expected == found => return None,
                Some(_) => Change::Changed,
                None => Change::Unexpected,
            };
            Some(Difference { kind: key.0, name: key.1, change, expected, found: Some(found) })
        })
        .collect();
    all.extend(expected.into_iter().map(|((kind, name), expected)| Difference {
        kind,
        name,
        change: Change::Missing,
        expected: Some(expected),
        found: None,
    }));
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, definition: &str) -> Object {
        Object { kind: "table".to_owned(), name: name.to_owned(), definition: definition.to_owned() }
    }

    #[test]
    fn what_is_missing_unexpected_or_changed_is_told_and_nothing_else() {
        let expected = vec![object("kept", "a"), object("gone", "a"), object("other", "a")];
        let found = vec![object("new", "a"), object("other", "b"), object("kept", "a")];
        let lines: Vec<_> = differences(expected, found).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["missing     table gone: a", "unexpected  table new: a", "changed     table other: b (should be a)"]
        );
    }

    #[test]
    fn what_is_embedded_reads() {
        assert!(expected().len() > 300);
    }
}
