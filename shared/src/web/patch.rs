//! Bodies of PATCH, in the spirit of JSON Merge Patch (RFC 7396): fields in the body change, the others stay.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::Json;
use crate::app::App;
use crate::problem::Problem;

/// A body that names the fields to change.
pub trait Changes {
    /// The names of the fields in the body, for the audit row.
    fn changed(&self) -> Vec<&'static str>;
}

/// A JSON body that names at least one field to change.
#[derive(Debug, Clone, Copy)]
pub struct Patch<T>(pub T);

impl<T: DeserializeOwned + Changes> FromRequest<App> for Patch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Json(body) = Json::<T>::from_request(request, app).await?;
        if body.changed().is_empty() {
            return Err(Problem::field("body", "must name at least one field to change"));
        }
        Ok(Self(body))
    }
}
