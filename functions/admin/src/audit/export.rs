//! `GET /admin/audit/export`: the log to take away, the oldest first, page after page by the `Link` header. Complete, and
//! without a row twice, however many are added meanwhile: it ends where the first page found the oldest transaction that
//! may still write.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::audit::{AuditRow, CSV_HEADER, Format, write_csv, write_ndjson};
use holdfast_shared::db::{FromRow, Statement, rows_of};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, Page, Params, RequestContext};
use tokio_postgres::Row;
use uuid::Uuid;

use super::filters::{self, Filters};

pub(crate) static EXPORT: Route = Route::get("/admin/audit/export", "audit.export")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Exports the audit log, the oldest first, with every column that verification needs; the Link header names the next page.")
    .query(&[
        QueryParameter::new("format", ParameterKind::OneOf(&["ndjson", "csv"]), "How rows are written; ndjson unless told."),
        LIMIT,
        CURSOR,
        filters::FROM,
        filters::TO,
        filters::ACTOR,
        filters::ACTION,
        filters::STATUS,
        filters::PATH,
        filters::REQUEST_ID,
        filters::ACCOUNT_ID,
    ])
    .returns_text("application/x-ndjson");

/// Rows of a page, unless a limit is given.
const MAX_ROWS: i64 = 1000;
/// The epoch that every database begins with.
const FIRST_EPOCH: i32 = 1;
/// A page ends early rather than exceed what Lambda hands on (6 MB).
const MAX_BYTES: usize = 3 * 1024 * 1024;

/// Where the export ends, as the first page finds it: sent before the rows are asked for, so that they go as far at least.
const END: &str = "SELECT epoch, transaction_id::text FROM audit_horizon() WHERE request_allowed()";

/// The rows of one epoch (`$9`) behind a row (`$10`, `$11`). With the epoch given, the planner knows the index's order to be
/// the one asked for, and stops at the limit.
const ROWS: &str = concat!(
    "SELECT l.epoch, l.transaction_id::text, l.id, l.at, l.request_id, l.tenant_id, l.actor_kind, l.actor_id, l.actor_name,
        l.role, l.session_id, l.action, l.method, l.path, l.status, l.source_ip, l.user_agent, l.targets, l.changed
      FROM http_audit_log l
     WHERE l.tenant_id = current_tenant() AND request_allowed()
       AND ",
    filters::conditions!(),
    "
       AND l.epoch = $9 AND (l.transaction_id, l.id) > ($10::text::xid8, $11::uuid)
       AND l.transaction_id < (SELECT CASE WHEN h.epoch > $9 THEN '18446744073709551615' ELSE h.transaction_id END FROM audit_horizon() h)
     ORDER BY l.transaction_id, l.id LIMIT $12"
);

/// The first transaction that the export does not hold any more.
struct End(i32, u64);

impl FromRow for End {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get(0)?, row.try_get::<_, &str>(1)?.parse().unwrap_or(0)))
    }
}

impl End {
    fn is_after(&self, row: &AuditRow) -> bool {
        (row.epoch, row.transaction_id) < (self.0, self.1)
    }

    /// Where a page goes on that follows this row.
    fn cursor(&self, page: &Page, (epoch, transaction, id): (i32, u64, Uuid)) -> Result<String, Problem> {
        let Self(end_epoch, end) = self;
        let position = [end_epoch.to_string(), end.to_string(), epoch.to_string(), transaction.to_string()];
        page.cursor(&[&position[..], &[id.to_string()]].concat())
    }
}

pub(crate) async fn export(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let format = match params.text("format") {
        None | Some("ndjson") => Format::Ndjson,
        Some("csv") => Format::Csv,
        Some(_) => return Err(Problem::field("format", "must be ndjson or csv")),
    };
    let filters = Filters::read(&params)?;
    let limit = page.limit_or(MAX_ROWS);
    let most = limit + 1;
    let end = page.position(0)?.zip(page.position(1)?).map(|(epoch, transaction)| End(epoch, transaction));
    let epoch = page.position::<i32>(2)?.unwrap_or(FIRST_EPOCH);
    let transaction = page.position::<u64>(3)?.unwrap_or(0).to_string();
    let id = page.position::<Uuid>(4)?.unwrap_or_default();
    let statement = filters.bind(Statement::new(ROWS)).bind(&epoch).bind(&transaction).bind(&id).bind(&most);
    let found = request.transaction(&app).each(vec![Statement::new(END), statement]).await?;
    let found = |at: usize| found.get(at).map_or(&[][..], Vec::as_slice);
    let now: Vec<End> = rows_of(found(0))?;
    let end = end.or(now.into_iter().next()).ok_or_else(Problem::internal)?;
    let mut rows: Vec<AuditRow> = rows_of(found(1))?;
    rows.retain(|row| end.is_after(row));

    let mut rows = rows.into_iter();
    let (text, last) = write(format, rows.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)));
    let answer = ApiResponse::text(format.content_type(), text);
    let next = match last {
        Some(last) if rows.next().is_some() => last,
        _ if epoch < end.0 => (epoch + 1, 0, Uuid::nil()),
        _ => return Ok(answer),
    };
    answer.next(&params.link(&request.path, &end.cursor(&page, next)?))
}

/// The text of a page, and the position of the last row in it.
fn write(format: Format, rows: impl Iterator<Item = AuditRow>) -> (String, Option<(i32, u64, Uuid)>) {
    let (mut text, mut last) = (String::new(), None);
    if format == Format::Csv {
        text.push_str(CSV_HEADER);
    }
    for row in rows {
        match format {
            Format::Ndjson => write_ndjson(&row, &mut text),
            Format::Csv => write_csv(&row, &mut text),
        }
        last = Some(row.position());
        if text.len() > MAX_BYTES {
            break;
        }
    }
    (text, last)
}
