//! `GET /admin/audit/export`: the log to take away, the oldest first, page after page by the `Link` header. Complete, and
//! without a row twice, however many are added meanwhile: it ends where the first page found the oldest transaction that
//! may still write.

use axum::extract::State;
use shared::app::App;
use shared::audit::{AuditRow, CSV_HEADER, Format, write_csv, write_ndjson};
use shared::db::Statement;
use shared::http::{Answer, CURSOR, Call, FromRow, LIMIT, Page, Params};
use shared::permission::Permission;
use shared::problem::Problem;
use shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use tokio_postgres::Row;
use uuid::Uuid;

use super::filters::{self, Filters};

pub(crate) static EXPORT: Route = Route::get("/admin/audit/export", "audit.export")
    .access(Access::Holder(Permission::AuditRead))
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
    .answers_text("application/x-ndjson");

/// Rows of a page, unless a limit is given.
const ROWS: i64 = 1000;
/// A page ends early rather than exceed what Lambda hands on (6 MB).
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// `$9` and `$10`: where the export ends, once that is known; `$11` to `$13`: the last row of the page before.
const SELECT: &str = "SELECT l.epoch, l.transaction_id::text, l.id, l.at, l.request_id, l.tenant_id, l.actor_kind, l.actor_id, l.actor_name,
        l.role, l.session_id, l.action, l.method, l.path, l.status, l.source_ip, l.user_agent, l.targets, l.changed,
        coalesce($9::integer, (SELECT h.epoch FROM audit_horizon() h)) AS end_epoch,
        coalesce($10::text, (SELECT h.transaction_id::text FROM audit_horizon() h)) AS end_transaction
      FROM http_audit_log l
     WHERE l.tenant_id = current_tenant() AND proceeding()
       AND ($1::timestamptz IS NULL OR l.at >= $1) AND ($2::timestamptz IS NULL OR l.at < $2)
       AND ($3::uuid IS NULL OR l.actor_id = $3) AND ($4::text IS NULL OR l.action = $4)
       AND ($5::smallint IS NULL OR l.status = $5) AND ($6::text IS NULL OR l.path = $6)
       AND ($7::text IS NULL OR l.request_id = $7)
       AND ($8::text IS NULL OR (l.targets ? 'account_id' AND l.targets ->> 'account_id' = $8))
       AND (l.epoch, l.transaction_id) < (SELECT coalesce($9::integer, h.epoch), coalesce($10::text::xid8, h.transaction_id) FROM audit_horizon() h)
       AND ($11::integer IS NULL OR (l.epoch, l.transaction_id, l.id) > ($11, $12::text::xid8, $13::uuid))
     ORDER BY l.epoch, l.transaction_id, l.id LIMIT $14";

struct Exported {
    row: AuditRow,
    end: (i32, String),
}

impl FromRow for Exported {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { row: AuditRow::from_row(row)?, end: (row.try_get("end_epoch")?, row.try_get("end_transaction")?) })
    }
}

pub(crate) async fn export(State(app): State<App>, call: Call, params: Params, page: Page) -> Result<Answer, Problem> {
    let format = match params.text("format") {
        None | Some("ndjson") => Format::Ndjson,
        Some("csv") => Format::Csv,
        Some(_) => return Err(Problem::field("format", "must be ndjson or csv")),
    };
    let filters = Filters::read(&params)?;
    let (limit, end_epoch, end) = (page.limit_or(ROWS), page.position::<i32>(0)?, page.position::<String>(1)?);
    let (epoch, transaction, id) = (page.position::<i32>(2)?, page.position::<String>(3)?, page.position::<Uuid>(4)?);
    let most = limit + 1;
    let statement = filters.bind(Statement::new(SELECT)).bind(&end_epoch).bind(&end);
    let statement = statement.bind(&epoch).bind(&transaction).bind(&id).bind(&most);
    let rows: Vec<Exported> = call.transaction(&app).all(statement).await?;

    let mut text = String::new();
    if format == Format::Csv {
        text.push_str(CSV_HEADER);
    }
    let mut last = None;
    let mut rows = rows.into_iter();
    for exported in rows.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
        match format {
            Format::Ndjson => write_ndjson(&exported.row, &mut text),
            Format::Csv => write_csv(&exported.row, &mut text),
        }
        last = Some(exported);
        if text.len() > MOST_BYTES {
            break;
        }
    }
    let answer = Answer::text(format.content_type(), text);
    match last {
        Some(Exported { row, end: (end_epoch, end) }) if rows.next().is_some() => {
            let (epoch, transaction, id) = row.position();
            let position = [end_epoch.to_string(), end, epoch.to_string(), transaction.to_string(), id.to_string()];
            answer.next(&params.link(&call.path, &page.cursor(&position)?))
        }
        _ => Ok(answer),
    }
}
