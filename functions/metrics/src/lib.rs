//! `GET /metrics`: what all instances have counted, for Prometheus.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, SCHEMA_VERSIONS, Statement};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Endpoint, Route};
use holdfast_shared::telemetry::gauges::GAUGES;
use holdfast_shared::telemetry::metrics::{Exposition, expose};
use holdfast_shared::web::RequestContext;
use http::{HeaderMap, header};
use tokio_postgres::Row;

static METRICS: Route = Route::get("/metrics", "metrics.read")
    .access(Access::Holder(Permission::MetricsRead))
    .summary("Gives the counters of all instances, added up, in Prometheus text or OpenMetrics.")
    .returns_text("text/plain");

/// The rows of instances that are gone become one, so that there are never many to add up.
const FOLD: &str = "SELECT fold_metrics($1) WHERE request_allowed()";

/// The counters of all instances, added up, and the gauges.
const TOTALS: &str = concat!(
    "SELECT s.key, sum(s.value::float8)
      FROM metric_instances i CROSS JOIN LATERAL jsonb_each_text(i.series) s WHERE request_allowed() GROUP BY s.key
    UNION ALL SELECT name, value FROM (",
    include_str!("../../../shared/src/telemetry/gauges.sql"),
    ") AS gauge WHERE request_allowed()"
);

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

async fn scrape(State(app): State<App>, request: RequestContext, headers: HeaderMap) -> Result<Response, Problem> {
    let fold = Statement::new(FOLD).bind(&request.now);
    let totals: Vec<Total> =
        request.transaction(&app).first(fold).all(Statement::new(TOTALS).bind(&request.now)).await?;
    let mut series: BTreeMap<String, f64> = totals.into_iter().map(|total| (total.series, total.value)).collect();
    series.insert("holdfast_schema_expected_version".to_owned(), f64::from(*SCHEMA_VERSIONS.end()));
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
    holdfast_shared::web::service(app, endpoints())
}
