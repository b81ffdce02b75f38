//! `GET /metrics`: the counters of all instances, and the gauges, for Prometheus.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, SCHEMA_VERSIONS, Sql};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Route};
use holdfast_shared::telemetry::gauges::GAUGES;
use holdfast_shared::telemetry::metrics::{Exposition, expose};
use holdfast_shared::web::RequestContext;
use http::{HeaderMap, header};

pub(crate) static ROUTE: Route = Route::get("/metrics", "metrics.read")
    .access(Access::Holder(Permission::MetricsRead))
    .summary("Read the counters of all instances, summed, and the gauges, in Prometheus text or OpenMetrics.")
    .returns_text("text/plain");

/// Merges the rows of instances that no longer run into one, so that there are never many to sum.
const FOLD: Sql = Sql::prepared("SELECT fold_metrics($1)");

/// The counters of all instances, summed, and the gauges. Unprepared: scrapes are rare, and the gauges compare with the time
/// of the scrape, for which they are planned each time.
const TOTALS: Sql = Sql::unprepared(concat!(
    "SELECT s.key AS series, sum(s.value::float8) AS value
      FROM metric_instances i CROSS JOIN LATERAL jsonb_each_text(i.series) s WHERE current_tenant() IS NOT NULL GROUP BY s.key
    UNION ALL SELECT name, value FROM (",
    include_str!("../../../shared/src/telemetry/gauges.sql"),
    ") AS gauge WHERE current_tenant() IS NOT NULL"
));

#[derive(FromRow)]
struct SeriesTotal {
    series: String,
    value: f64,
}

/// Chooses OpenMetrics where the caller accepts it, as Prometheus does, and else Prometheus text.
fn exposition(headers: &HeaderMap) -> Exposition {
    let accepts =
        |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.contains("application/openmetrics-text"));
    if headers.get_all(header::ACCEPT).iter().any(accepts) { Exposition::OpenMetrics } else { Exposition::Prometheus }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (fold, sum) = (FOLD.bind(&request.now), TOTALS.bind(&request.now));
    let totals: Vec<SeriesTotal> = request.transaction(&app).first(fold).all(sum).await?;
    let mut series: BTreeMap<String, f64> = totals.into_iter().map(|total| (total.series, total.value)).collect();
    series.insert("holdfast_schema_expected_version".to_owned(), f64::from(*SCHEMA_VERSIONS.end()));
    let gauges: Vec<_> = GAUGES.iter().filter_map(|(name, help)| Some((*name, *help, series.remove(*name)?))).collect();
    let exposition = exposition(&headers);
    Ok(([(header::CONTENT_TYPE, exposition.content_type())], expose(&series, &gauges, exposition)).into_response())
}
