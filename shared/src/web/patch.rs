//! Bodies of PATCH (RFC 7396 in spirit): the fields that are given change, the others stay.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::Json;
use crate::app::App;
use crate::problem::Problem;

/// A body that names the fields to change.
pub trait Changes {
    /// The names of the fields that are given, for the audit row.
    fn changed(&self) -> Vec<&'static str>;
}

/// A JSON body that names at least one field to change.
#[derive(Debug, Clone, Copy)]
pub struct Patch<T>(pub T);

impl<T: DeserializeOwned + Changes> FromRequest<App> for Patch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Json(change) = Json::<T>::from_request(request, app).await?;
        if change.changed().is_empty() {
            return Err(Problem::field("body", "must name at least one field to change"));
        }
        Ok(Self(change))
    }
}
