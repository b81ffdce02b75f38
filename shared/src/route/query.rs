//! Query parameters of a route: the OpenAPI document lists them, and [`crate::web::Params`] rejects all others.

/// A query parameter.
#[derive(Debug, Clone, Copy)]
pub struct QueryParameter {
    /// Name.
    pub name: &'static str,
    /// Type of its value.
    pub kind: ParameterKind,
    /// Description for the OpenAPI document.
    pub description: &'static str,
}

/// The type of a query parameter's value.
#[derive(Debug, Clone, Copy)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// A whole number between these two, inclusive.
    Number(i64, i64),
    /// A UUID.
    Id,
    /// A time (RFC 3339).
    Time,
    /// The `next_cursor` of an earlier page.
    Cursor,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl QueryParameter {
    /// Describes a parameter.
    pub const fn new(name: &'static str, kind: ParameterKind, description: &'static str) -> Self {
        Self { name, kind, description }
    }
}
