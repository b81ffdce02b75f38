//! Schemas of request and response bodies, for the OpenAPI document.

#[cfg(feature = "document")]
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A type's name, its schema, and the schemas that it refers to.
#[cfg(feature = "document")]
type SchemaOf = (fn() -> std::borrow::Cow<'static, str>, fn() -> RefOr<Schema>, fn(&mut Vec<(String, RefOr<Schema>)>));

/// The schema of a body. Empty without the feature `document`, which only the program that writes the document enables:
/// in a function's package, schemas would be dead weight.
#[derive(Clone, Copy)]
pub struct BodySchema(#[cfg(feature = "document")] SchemaOf);

impl BodySchema {
    /// The schema of a type.
    pub const fn of<T: ToSchema + PartialSchema>() -> Self {
        Self(
            #[cfg(feature = "document")]
            (T::name, T::schema, T::schemas),
        )
    }
}

#[cfg(feature = "document")]
impl BodySchema {
    /// The schema's name.
    pub fn name(&self) -> String {
        (self.0.0)().into_owned()
    }

    /// The schema and all schemas that it refers to, by name.
    pub fn all(&self) -> Vec<(String, RefOr<Schema>)> {
        let mut all = vec![(self.name(), (self.0.1)())];
        (self.0.2)(&mut all);
        all
    }
}

impl std::fmt::Debug for BodySchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodySchema")
    }
}
