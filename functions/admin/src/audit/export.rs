//! `GET /admin/audit/export`: the log, oldest first, page by page along the `Link` header. Complete and without
//! duplicates, however many rows are added meanwhile: the export ends at the oldest transaction that could still write
//! when the first page was read.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::audit::{AuditRow, CSV_HEADER, ExportFormat, write_csv, write_ndjson};
use holdfast_shared::db::{FromRow, Sql, Statement, rows_of};
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, Page, Params, RequestContext};
use uuid::Uuid;

use super::filters::{self, Filters};

pub(crate) static ROUTE: Route = Route::get("/admin/audit/export", "audit.export")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary(
        "Export the audit log, oldest first, with every column that verification needs. The Link header names the next \
         page.",
    )
    .query(filters::with_filters!(FORMAT, LIMIT, CURSOR))
    .returns_text("application/x-ndjson");

const FORMAT: QueryParameter =
    QueryParameter::new("format", ParameterKind::OneOf(&["ndjson", "csv"]), "Row format. Default ndjson.");

/// Default limit of a page, in rows.
const MAX_ROWS: i64 = 1000;
/// The epoch that every database begins with.
const FIRST_EPOCH: i32 = 1;
/// Limit of a page in bytes: below the 6 MB that Lambda can return.
const MAX_BYTES: usize = 3 * 1024 * 1024;

/// The end of the export, as the first page finds it: sent before the rows are read, so that they reach at least as far.
/// Unprepared, like the rows: exports are rare.
const HORIZON: Sql = Sql::unprepared("SELECT epoch, transaction_id::text FROM audit_horizon()");

/// The rows of one epoch (`$10`) after a row (`$11`, `$12`). With the epoch fixed, the planner knows that the index is in the
/// requested order, and stops at the limit. Unprepared: the filters are optional.
const ROWS: Sql = Sql::unprepared(concat!(
    "SELECT ",
    holdfast_shared::audit_columns!("l."),
    "
      FROM http_audit_log l
     WHERE l.tenant_id = current_tenant()
       AND ",
    filters::conditions!(),
    "
       AND l.epoch = $10 AND (l.transaction_id, l.id) > ($11::text::xid8, $12::uuid)
       AND l.transaction_id < (SELECT CASE WHEN h.epoch > $10 THEN '18446744073709551615' ELSE h.transaction_id END FROM audit_horizon() h)
     ORDER BY l.transaction_id, l.id LIMIT $13"
));

/// The first transaction that the export does not contain.
#[derive(FromRow)]
struct Horizon {
    epoch: i32,
    #[row(column = "transaction_id", with = "number")]
    transaction: u64,
}

/// PostgreSQL writes an xid8 in decimal digits and nothing else.
fn number(xid: &str) -> u64 {
    xid.parse().unwrap_or(0)
}

impl Horizon {
    fn is_after(&self, row: &AuditRow) -> bool {
        (row.epoch, row.transaction_id) < (self.epoch, self.transaction)
    }

    /// The cursor of the page that starts after this row.
    fn cursor(&self, page: &Page, (epoch, transaction, id): (i32, u64, Uuid)) -> Result<String, Problem> {
        page.cursor(&[
            self.epoch.to_string(),
            self.transaction.to_string(),
            epoch.to_string(),
            transaction.to_string(),
            id.to_string(),
        ])
    }
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let format = match params.text("format") {
        None | Some("ndjson") => ExportFormat::Ndjson,
        Some("csv") => ExportFormat::Csv,
        Some(_) => return Err(Problem::field("format", "must be ndjson or csv")),
    };
    let filters = Filters::read(&params)?;
    let limit = page.limit_or(MAX_ROWS);
    let one_more = limit + 1;
    let end = page.position(0)?.zip(page.position(1)?).map(|(epoch, transaction)| Horizon { epoch, transaction });
    let epoch = page.position::<i32>(2)?.unwrap_or(FIRST_EPOCH);
    let transaction = page.position::<u64>(3)?.unwrap_or(0).to_string();
    let id = page.position::<Uuid>(4)?.unwrap_or_default();
    let select = filters.bind(Statement::from(ROWS)).bind(&epoch).bind(&transaction).bind(&id).bind(&one_more);
    let found = request.transaction(&app).each(vec![Statement::from(HORIZON), select]).await?;
    let found = |at: usize| found.get(at).map_or(&[][..], Vec::as_slice);
    let current: Vec<Horizon> = rows_of(found(0))?;
    let end = end.or(current.into_iter().next()).ok_or_else(Problem::internal)?;
    let mut rows: Vec<AuditRow> = rows_of(found(1))?;
    rows.retain(|row| end.is_after(row));

    let mut rows = rows.into_iter();
    let (text, last) = write(format, rows.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)));
    let response = ApiResponse::text(format.content_type(), text);
    let next = match last {
        Some(last) if rows.next().is_some() => last,
        _ if epoch < end.epoch => (epoch + 1, 0, Uuid::nil()),
        _ => return Ok(response),
    };
    response.next(&params.link(&request.path, &end.cursor(&page, next)?))
}

/// Writes the text of a page; returns it with the position of its last row.
fn write(format: ExportFormat, rows: impl Iterator<Item = AuditRow>) -> (String, Option<(i32, u64, Uuid)>) {
    let (mut text, mut last) = (String::new(), None);
    if format == ExportFormat::Csv {
        text.push_str(CSV_HEADER);
    }
    for row in rows {
        match format {
            ExportFormat::Ndjson => write_ndjson(&row, &mut text),
            ExportFormat::Csv => write_csv(&row, &mut text),
        }
        last = Some(row.position());
        if text.len() > MAX_BYTES {
            break;
        }
    }
    (text, last)
}
