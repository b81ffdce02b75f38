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
    UNION ALL
    SELECT '', count(*)::float8 FROM metric_instances WHERE proceeding() AND reported_at > $1 - interval '5 minutes'
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

/// What is told of the newest backup and the newest drill that succeeded. Without one there is no line of it: an alert on
/// absence tells that from zero.
const BACKUPS: [(&str, &str); 7] = [
    ("holdfast_backup_age_seconds", "Seconds since the end of the newest backup that succeeded."),
    ("holdfast_backup_duration_seconds", "How long that backup took."),
    ("holdfast_backup_size_bytes", "The size of the database that it is of."),
    ("holdfast_backup_compressed_bytes", "The size of its dump."),
    ("holdfast_drill_age_seconds", "Seconds since the end of the newest restore drill that succeeded."),
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
    let instances = series.remove("").unwrap_or(0.0);
    let mut gauges = vec![("holdfast_instances", "Instances that reported in the last five minutes.", instances)];
    gauges.extend(BACKUPS.iter().filter_map(|(name, help)| Some((*name, *help, series.remove(*name)?))));
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
