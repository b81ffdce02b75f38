//! `GET /metrics`: what all instances have counted, for Prometheus.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use shared::app::App;
use shared::db::Statement;
use shared::http::{Call, FromRow};
use shared::permission::Permission;
use shared::problem::Problem;
use shared::route::{Access, Endpoint, Route};
use shared::telemetry::metrics::{Exposition, expose};
use tokio_postgres::Row;

static METRICS: Route = Route::get("/metrics", "metrics.read")
    .access(Access::Holder(Permission::MetricsRead))
    .summary("Gives the counters of all instances, added up, in Prometheus text or OpenMetrics.")
    .answers_text("text/plain");

/// The rows of instances that are gone become one, so that there are never many to add up.
const FOLD: &str = "SELECT fold_metrics($1) WHERE proceeding()";

const TOTALS: &str = "SELECT s.key, sum(s.value::float8)
      FROM metric_instances i CROSS JOIN LATERAL jsonb_each_text(i.series) s WHERE proceeding() GROUP BY s.key
    UNION ALL SELECT * FROM (VALUES
        ('holdfast_instances', (SELECT count(*) FROM metric_instances WHERE reported_at > $1 - interval '5 minutes')::float8),
        ('holdfast_counters_age_seconds', (SELECT extract(epoch FROM $1 - max(reported_at)) FROM metric_instances)::float8),
        ('holdfast_schema_version', (SELECT max(version) FROM refinery_schema_history)::float8),
        ('holdfast_migration_failures', (SELECT count(*) FROM migration_failures WHERE version = (SELECT max(version) FROM refinery_schema_history))::float8),
        ('holdfast_schema_differences', (SELECT differences FROM schema_checks ORDER BY at DESC LIMIT 1)::float8),
        ('holdfast_schema_check_age_seconds', (SELECT extract(epoch FROM $1 - max(at)) FROM schema_checks)::float8),
        ('holdfast_audit_seal_age_seconds', (SELECT extract(epoch FROM $1 - max(sealed_at)) FROM audit_seals)::float8)
    ) AS gauge (name, value) WHERE proceeding() AND value IS NOT NULL
    UNION ALL
    SELECT 'holdfast_' || newest.kind || '_' || figure.name, figure.value::float8
      FROM (SELECT DISTINCT ON (r.kind) r.* FROM backup_runs r WHERE r.state = 'succeeded' ORDER BY r.kind, r.finished_at DESC) newest
     CROSS JOIN LATERAL (VALUES ('age_seconds', extract(epoch FROM $1 - newest.finished_at)),
            ('duration_seconds', extract(epoch FROM newest.finished_at - newest.started_at)),
            ('size_bytes', newest.size_bytes), ('compressed_bytes', newest.compressed_bytes)) figure (name, value)
     WHERE proceeding() AND NOT (newest.kind = 'drill' AND figure.name LIKE '%bytes')
    UNION ALL
    SELECT 'holdfast_backup_failures', count(*)::float8 FROM backup_runs f
     WHERE proceeding() AND f.state = 'failed'
       AND NOT EXISTS (SELECT FROM backup_runs s WHERE s.kind = f.kind AND s.state = 'succeeded' AND s.finished_at > f.finished_at)";

/// What is counted by nobody but found in the tables of operations: name and what it tells. One that is not known yet, such
/// as the age of a first seal, is left out.
const GAUGES: &[(&str, &str)] = &[
    ("holdfast_instances", "Instances that reported in the last five minutes."),
    ("holdfast_counters_age_seconds", "Time since any instance reported its counters."),
    ("holdfast_schema_version", "The version that the schema is at."),
    ("holdfast_migration_failures", "Migrations that failed since the schema is at its version."),
    ("holdfast_schema_differences", "Objects that were not as the migrations make them, at the last check."),
    ("holdfast_schema_check_age_seconds", "Time since the schema was last checked."),
    ("holdfast_audit_seal_age_seconds", "Time since the audit log was last sealed."),
    ("holdfast_backup_age_seconds", "Time since the end of the newest backup that succeeded."),
    ("holdfast_backup_duration_seconds", "How long that backup took."),
    ("holdfast_backup_size_bytes", "The size of the database that it is of."),
    ("holdfast_backup_compressed_bytes", "The size of its dump."),
    ("holdfast_drill_age_seconds", "Time since the end of the newest restore drill that succeeded."),
    ("holdfast_drill_duration_seconds", "How long that drill took."),
    ("holdfast_backup_failures", "Backups and drills that have failed since the newest of their kind that succeeded."),
];

struct Total {
    series: String,
    value: f64,
}

impl FromRow for Total {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { series: row.try_get(0)?, value: row.try_get(1)? })
    }
}

/// Whether the caller prefers OpenMetrics, as Prometheus does when it is offered.
fn exposition(headers: &HeaderMap) -> Exposition {
    let accepts =
        |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.contains("application/openmetrics-text"));
    if headers.get_all(header::ACCEPT).iter().any(accepts) { Exposition::OpenMetrics } else { Exposition::Prometheus }
}

async fn scrape(State(app): State<App>, call: Call, headers: HeaderMap) -> Result<Response, Problem> {
    let fold = Statement::new(FOLD).bind(&call.now);
    let totals: Vec<Total> = call.transaction(&app).first(fold).all(Statement::new(TOTALS).bind(&call.now)).await?;
    let mut series: BTreeMap<String, f64> = totals.into_iter().map(|total| (total.series, total.value)).collect();
    let gauges: Vec<_> = GAUGES.iter().filter_map(|(name, help)| Some((*name, *help, series.remove(*name)?))).collect();
    let exposition = exposition(&headers);
    Ok(([(header::CONTENT_TYPE, exposition.content_type())], expose(&series, &gauges, exposition)).into_response())
}

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    vec![METRICS.to(scrape)]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    shared::http::service(app, endpoints())
}
