//! The tables whose rows a backup holds, as the schema of this build has them. Statements are made from this list alone:
//! nothing that an archive or a database says becomes part of one.

use std::collections::BTreeMap;
use std::fmt::Write;

use data_encoding::HEXLOWER;
use holdfast_shared::db::FromRow;
use holdfast_shared::schema::{self, SchemaObject};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use crate::error::BackupError;

/// The partitioned table. Its rows are read and written through it, never by the name of a partition.
pub(crate) const AUDIT_LOG: &str = "http_audit_log";

/// Tables that no backup holds. Two describe the schema, and the migrations fill them; one has a key that is recreated.
const NOT_BACKED_UP: [&str; 3] = ["refinery_schema_history", "repeatable_steps", "request_binding_keys"];

/// What follows the type in a column's definition.
const AFTER_THE_TYPE: [&str; 4] = [" COLLATE ", " NOT NULL", " DEFAULT ", " GENERATED AS "];

/// A table, with the columns whose values it stores. Generated columns are computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Name of the table in the schema `public`.
    pub name: String,
    /// Columns, in the order of an archive's fields: by name.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// Type of the column, as PostgreSQL formats it.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Table {
    /// `public.name (columns)`, quoted.
    fn with_columns(&self) -> String {
        format!("{} ({})", self.qualified(), self.column_list())
    }

    fn column_list(&self) -> String {
        let quoted: Vec<_> = self.columns.iter().map(|column| quote(&column.name)).collect();
        quoted.join(", ")
    }

    /// `public.name`, quoted.
    pub(crate) fn qualified(&self) -> String {
        format!("public.{}", quote(&self.name))
    }

    /// Reads all rows, in the text format.
    pub(crate) fn copy_out(&self) -> String {
        if self.name == AUDIT_LOG {
            // COPY reads no partitioned table by its name.
            return format!("COPY (SELECT {} FROM {}) TO STDOUT", self.column_list(), self.qualified());
        }
        format!("COPY {} TO STDOUT", self.with_columns())
    }

    /// Writes rows, in the text format.
    pub(crate) fn copy_in(&self) -> String {
        format!("COPY {} FROM STDIN", self.with_columns())
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the tables of this build, each after those that its foreign keys refer to.
pub fn of_this_build() -> Vec<Table> {
    let schema = schema::expected();
    in_order(tables(&schema), &schema)
}

/// Returns the digest of the tables and columns: archives with the same one fit the same tables.
pub fn fingerprint(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        for Column { name, kind } in &table.columns {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}.{name} {kind}", table.name);
        }
    }
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

/// Checks that the database has the tables of this build: rows in others would be lost.
///
/// # Errors
/// [`BackupError::Schema`], with the first difference.
pub(crate) async fn check(client: &Client, expected: &[Table]) -> Result<(), BackupError> {
    let rows = client.query(schema::CATALOGUE.text(), &[]).await?;
    let found = rows.iter().map(SchemaObject::from_row).collect::<Result<Vec<_>, _>>()?;
    if let Some(other) = found.iter().find(|object| object.kind == "relation") {
        return Err(BackupError::Schema(format!("{} ({}) is not of this build", other.name, other.definition)));
    }
    match first_difference(expected, &tables(&found)) {
        Some(difference) => Err(BackupError::Schema(difference)),
        None => Ok(()),
    }
}

/// Names the first difference between two lists of tables, whatever their order.
pub(crate) fn first_difference(expected: &[Table], found: &[Table]) -> Option<String> {
    let by_name = |tables: &[Table]| -> BTreeMap<String, Vec<Column>> {
        tables.iter().map(|table| (table.name.clone(), table.columns.clone())).collect()
    };
    let (expected, mut found) = (by_name(expected), by_name(found));
    for (name, columns) in expected {
        let Some(others) = found.remove(&name) else { return Some(format!("{name} is missing")) };
        if let Some(column) = columns.iter().find(|column| !others.contains(column)) {
            return Some(format!("{name} has no column {} {}", column.name, column.kind));
        }
        if let Some(column) = others.iter().find(|column| !columns.contains(column)) {
            return Some(format!("{name} has a column {} {}", column.name, column.kind));
        }
        if others.len() != columns.len() {
            return Some(format!("{name} names a column twice"));
        }
    }
    found.into_keys().next().map(|name| format!("{name} is not of this build"))
}

/// Reads the tables from the objects of a schema, in order of their names.
fn tables(schema: &[SchemaObject]) -> Vec<Table> {
    let mut tables: BTreeMap<&str, Vec<Column>> = schema
        .iter()
        .filter(|object| object.kind == "table" && !NOT_BACKED_UP.contains(&object.name.as_str()))
        .map(|object| (object.name.as_str(), Vec::new()))
        .collect();
    for object in schema.iter().filter(|object| object.kind == "column") {
        let Some((table, column)) = object.name.split_once('.') else { continue };
        if let Some(columns) = tables.get_mut(table)
            && !object.definition.contains(" GENERATED AS ")
        {
            let kind = AFTER_THE_TYPE
                .iter()
                .fold(object.definition.as_str(), |kind, word| kind.split_once(word).map_or(kind, |(kind, _)| kind));
            columns.push(Column { name: column.to_owned(), kind: kind.to_owned() });
        }
    }
    tables
        .into_iter()
        .map(|(name, mut columns)| {
            columns.sort_by(|one, other| one.name.cmp(&other.name));
            Table { name: name.to_owned(), columns }
        })
        .collect()
}

/// Sorts each table after those that its foreign keys refer to.
fn in_order(mut left: Vec<Table>, schema: &[SchemaObject]) -> Vec<Table> {
    let references: Vec<(&str, &str)> = schema
        .iter()
        .filter(|object| object.kind == "constraint")
        .filter_map(|object| {
            let (_, target) = object.definition.split_once(" REFERENCES ")?;
            Some((object.name.split_once('.')?.0, target.split_once('(')?.0))
        })
        .collect();
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table| {
            let mut targets = references.iter().filter(|(from, to)| *from == table.name && from != to);
            targets.any(|(_, target)| left.iter().any(|other| other.name == *target))
        };
        // Tables that refer to each other could not be loaded; a test rules them out.
        let next = left.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str, definition: &str) -> SchemaObject {
        SchemaObject { kind: kind.to_owned(), name: name.to_owned(), definition: definition.to_owned() }
    }

    #[test]
    fn every_table_of_the_schema_is_backed_up_or_named_as_left_out() {
        let all = schema::expected();
        let names: Vec<_> = of_this_build().into_iter().map(|table| table.name).collect();
        for table in all.iter().filter(|object| object.kind == "table") {
            assert_ne!(names.contains(&table.name), NOT_BACKED_UP.contains(&table.name.as_str()), "{}", table.name);
        }
        // A sequence, a view or another relation would need a rule of its own.
        assert!(!all.iter().any(|object| object.kind == "relation"));
    }

    #[test]
    fn a_table_comes_after_those_that_it_refers_to() {
        let (tables, schema) = (of_this_build(), schema::expected());
        let at = |name: &str| tables.iter().position(|table| table.name == name);
        let keys = schema.iter().filter(|object| object.definition.starts_with("FOREIGN KEY"));
        let mut count = 0;
        for key in keys {
            let from = key.name.split_once('.').unwrap().0;
            let to = key.definition.split_once(" REFERENCES ").unwrap().1.split_once('(').unwrap().0;
            assert!(at(to).unwrap() < at(from).unwrap(), "{from} refers to {to}");
            count += 1;
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn columns_have_their_type_and_generated_ones_are_left_out() {
        let schema = [
            object("table", "t", "owned by owner"),
            object("column", "t.b", "text COLLATE \"C\" NOT NULL DEFAULT 'x'::text"),
            object("column", "t.a", "timestamp with time zone NOT NULL"),
            object("column", "t.c", "text GENERATED AS (a ->> 'b'::text)"),
        ];
        let column = |name: &str, kind: &str| Column { name: name.to_owned(), kind: kind.to_owned() };
        let columns = vec![column("a", "timestamp with time zone"), column("b", "text")];
        assert_eq!(tables(&schema), [Table { name: "t".to_owned(), columns }]);
        let audit_log = of_this_build().into_iter().find(|table| table.name == AUDIT_LOG).unwrap();
        let has = |name: &str| audit_log.columns.iter().any(|column| column.name == name);
        assert!(has("epoch") && !has("account_id"));
    }

    #[test]
    fn names_are_quoted() {
        let column = Column { name: "a\"; --".to_owned(), kind: "text".to_owned() };
        let table = Table { name: "t".to_owned(), columns: vec![column] };
        assert_eq!(table.copy_in(), "COPY public.\"t\" (\"a\"\"; --\") FROM STDIN");
    }

    #[test]
    fn differences_are_named() {
        let expected = of_this_build();
        let change = |edit: &dyn Fn(&mut Vec<Table>)| {
            let mut found = expected.clone();
            edit(&mut found);
            first_difference(&expected, &found)
        };
        assert_eq!(change(&|_| ()), None);
        assert_eq!(change(&|tables| tables.reverse()), None);
        assert_eq!(change(&|tables| tables.retain(|table| table.name != "users")).unwrap(), "users is missing");
        let extra = |name: &str| Table { name: name.to_owned(), columns: vec![] };
        assert_eq!(change(&|tables| tables.push(extra("zz"))).unwrap(), "zz is not of this build");
        let note = || Column { name: "note".to_owned(), kind: "text".to_owned() };
        let at = expected.iter().position(|table| table.name == "users").unwrap();
        assert_eq!(change(&|tables| tables[at].columns.push(note())).unwrap(), "users has a column note text");
        let named = change(&|tables| tables[at].columns[0].kind = "bytea".to_owned()).unwrap();
        assert!(named.starts_with("users has no column "), "{named}");
        let twice = change(&|tables| {
            let again = tables[at].columns[0].clone();
            tables[at].columns.push(again);
        });
        assert_eq!(twice.unwrap(), "users names a column twice");
    }
}
