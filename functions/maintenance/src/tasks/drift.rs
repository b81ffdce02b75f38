//! The task `drift`: compares the schema with the one that the migrations create, and fails if they differ.

use holdfast_shared::db::FromRow;
use holdfast_shared::db::SCHEMA_VERSIONS;
use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_shared::schema::{CATALOGUE, SchemaObject, differences, expected};
use serde::Serialize;

use crate::context::Context;
use crate::error::TaskError;

const VERSION: &str = "SELECT max(version) AS version FROM refinery_schema_history";
const RECORD: &str = "INSERT INTO schema_checks (id, at, version, differences, first) VALUES ($1, $2, $3, $4, $5)";

/// Result of a comparison without differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Version of the schema.
    pub version: i32,
    /// False if this build expects another version, as during a rollout: then nothing is compared.
    pub compared: bool,
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Checked, TaskError> {
    let version: i32 = context.client.query_one(VERSION, &[]).await?.try_get("version")?;
    if version != *SCHEMA_VERSIONS.end() {
        return Ok(Checked { version, compared: false });
    }
    let found = context.client.query(CATALOGUE.text(), &[]).await?;
    let found = found.iter().map(SchemaObject::from_row).collect::<Result<_, _>>()?;
    let all = differences(expected(), found);
    let first = all.first().map(ToString::to_string);
    let rng: &dyn Rng = &SystemRng;
    let (id, count) = (rng.uuid(context.now()), i32::try_from(all.len()).unwrap_or(i32::MAX));
    context.client.execute(RECORD, &[&id, &context.now(), &version, &count, &first]).await?;
    match first {
        Some(first) => Err(TaskError::Drift { count: all.len(), first }),
        None => Ok(Checked { version, compared: true }),
    }
}
