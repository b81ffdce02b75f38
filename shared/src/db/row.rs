//! Rows as values: read by column name into structs, by `#[derive(FromRow)]`.

pub use holdfast_derive::FromRow;
pub use tokio_postgres::Row;

use crate::problem::Problem;

/// A statement and the type that reads its rows do not belong together.
pub type RowError = tokio_postgres::Error;

/// A row that a statement returns, as a value.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// The row has no such column, or one of another type.
    fn from_row(row: &Row) -> Result<Self, RowError>;
}

/// For statements whose rows do not matter.
impl FromRow for () {
    fn from_row(_: &Row) -> Result<Self, RowError> {
        Ok(())
    }
}

/// Rows as values.
///
/// # Errors
/// 500 where statement and type do not belong together.
pub fn rows_of<T: FromRow>(rows: &[Row]) -> Result<Vec<T>, Problem> {
    rows.iter().map(|row| T::from_row(row).map_err(|error| super::DbError::Unexpected(error).into())).collect()
}
