//! The task `measure`: reports operational numbers to CloudWatch, for its alarms. `/metrics` shows the same numbers.

use std::collections::BTreeMap;

use holdfast_shared::telemetry::emf::{self, Number, Unit};
use holdfast_shared::telemetry::gauges;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, json};
use tokio_postgres::Client;

use crate::context::Context;
use crate::error::TaskError;

/// Age of the oldest audit row without a seal. The age of the newest seal would be misleading: without requests there is
/// nothing to seal.
const UNSEALED: &str = "SELECT extract(epoch FROM $1::timestamptz - min(r.at))::float8 AS seconds
      FROM (SELECT epoch, to_transaction FROM audit_seals ORDER BY number DESC LIMIT 1) AS newest
      RIGHT JOIN (VALUES (0)) AS always ON true
      CROSS JOIN LATERAL (SELECT at FROM http_audit_log
         WHERE (epoch, transaction_id) >= (coalesce(newest.epoch, 0), coalesce(newest.to_transaction, '0'))
         ORDER BY epoch, transaction_id LIMIT 1) AS r";

/// The gauges that have alarms, with their CloudWatch names and units.
const ALARMING: [(&str, &str, Unit); 7] = [
    ("holdfast_schema_differences", "SchemaDifferences", Unit::Count),
    ("holdfast_migration_failures", "MigrationFailures", Unit::Count),
    ("holdfast_backup_failures", "BackupFailures", Unit::Count),
    ("holdfast_backup_age_seconds", "BackupAge", Unit::Seconds),
    ("holdfast_drill_age_seconds", "DrillAge", Unit::Seconds),
    ("holdfast_schema_check_age_seconds", "SchemaCheckAge", Unit::Seconds),
    ("holdfast_counters_age_seconds", "CountersAge", Unit::Seconds),
];

/// Result of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Number of reported numbers.
    pub numbers: usize,
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Measured, TaskError> {
    let numbers = numbers(&context.client, context.now()).await?;
    emf::write(context.now(), &numbers, Map::from_iter([("message".to_owned(), json!("measured"))]));
    Ok(Measured { numbers: numbers.len() })
}

async fn numbers(client: &Client, now: Timestamp) -> Result<Vec<Number>, TaskError> {
    let mut found = BTreeMap::new();
    for row in client.query(gauges::SELECT, &[&now]).await? {
        found.insert(row.try_get::<_, String>("name")?, row.try_get::<_, f64>("value")?);
    }
    let mut numbers: Vec<_> = ALARMING
        .into_iter()
        .filter_map(|(gauge, name, unit)| Some(Number { name, unit, value: *found.get(gauge)? }))
        .collect();
    let waiting: Option<f64> = client.query_one(UNSEALED, &[&now]).await?.try_get("seconds")?;
    numbers.push(Number { name: "AuditSealAge", unit: Unit::Seconds, value: waiting.unwrap_or(0.0).max(0.0) });
    Ok(numbers)
}
