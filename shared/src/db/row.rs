//! Reading rows by column name into structs, by `#[derive(FromRow)]`.

pub use holdfast_derive::FromRow;
pub use tokio_postgres::Row;

use crate::problem::Problem;

/// A row that lacks a column of the struct, or has it with another type.
pub type RowError = tokio_postgres::Error;

/// A struct that is read from a row.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// The row has no such column, or one of another type.
    fn from_row(row: &Row) -> Result<Self, RowError>;
}

/// Ignores the row.
impl FromRow for () {
    fn from_row(_: &Row) -> Result<Self, RowError> {
        Ok(())
    }
}

/// Reads all rows.
///
/// # Errors
/// 500 if a row lacks a column of the struct, or has it with another type.
pub fn rows_of<T: FromRow>(rows: &[Row]) -> Result<Vec<T>, Problem> {
    rows.iter().map(|row| T::from_row(row).map_err(|error| super::DbError::Unexpected(error).into())).collect()
}
