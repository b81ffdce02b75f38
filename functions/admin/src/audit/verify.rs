//! `GET /admin/audit/verify`: verifies the tenant's log against its seals, as far as the time allows; a cursor continues.
//! An owner of the database could replace both. Only the seals that are stored elsewhere reveal that:
//! `holdfast audit verify`.

use std::time::{Duration, Instant};

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::audit::{self, AuditFault, AuditKeys, AuditRow, ChainPosition, DroppedMonth, Seal, Verifier};
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Row, Sql, Statement, rows_of};
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, Page, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

use super::seal_page::{self, SealPage, StoredSeal};

pub(crate) static ROUTE: Route = Route::get("/admin/audit/verify", "audit.verify")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Verify the audit log against its seals. If it is too long for one request, next_cursor continues.")
    .query(&[CURSOR])
    .returns::<AuditVerification>();

/// Time after which no further page of seals is begun.
const TIME_LIMIT: Duration = Duration::from_secs(4);

// Unprepared, as in `seal_page`.

const DROPS: Sql = Sql::unprepared(
    "SELECT DISTINCT s.number, s.document FROM audit_drops d JOIN audit_seals s ON s.number = d.seal_number
     ORDER BY s.number",
);
/// The rows that the seals of the page cover. Rows before the first epoch are read with the first page.
const ROWS: Sql = Sql::unprepared(concat!(
    "SELECT ",
    holdfast_shared::audit_columns!("l."),
    "
      FROM audit_page($1) p JOIN audit_seals f ON f.number = p.first JOIN audit_seals t ON t.number = p.last
      JOIN http_audit_log l ON (l.epoch, l.transaction_id) < (t.epoch, t.to_transaction)
       AND (l.epoch, l.transaction_id) >= (CASE WHEN $1 = 0 THEN -2147483648 ELSE f.epoch END, f.from_transaction)
     WHERE l.tenant_id = current_tenant()
     ORDER BY l.epoch, l.transaction_id, l.id"
));

/// Result of a verification.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditVerification {
    /// True if everything that was checked is unchanged since it was sealed.
    ok: bool,
    /// Time of the last seal that was checked; null if there is no seal yet.
    sealed_through: Option<Time>,
    /// Number of seals that were checked, from the first.
    seals: u64,
    /// Number of rows of the tenant that they seal.
    rows: u64,
    /// First fault that was found.
    first_bad: Option<AuditFault>,
    /// True if there is nothing more to check.
    complete: bool,
    /// `cursor` of the request that continues.
    next_cursor: Option<String>,
}

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let started = Instant::now();
    let tenant = request.tenant().unwrap_or(TenantId::PLATFORM);
    let mut progress = Progress::from(&page, tenant)?;
    let mut audited = false;
    loop {
        let after = progress.after();
        let mut statements = seal_page::statements(&after);
        statements.push(Statement::from(DROPS));
        statements.push(ROWS.bind(&after));
        let transaction = request.transaction(&app);
        let transaction = if audited { transaction.look_up() } else { transaction };
        let rows = transaction.each(statements).await?;
        audited = true;
        let mut seals = SealPage::read(&rows, app.audit_pins().await?)?;
        seals.add_tenant_state(tenant);
        let fault = progress.check(&seals, &rows)?.err();
        let more = seals.more_after().is_some();
        if fault.is_none() && more && started.elapsed() < TIME_LIMIT {
            continue;
        }
        let next_cursor = match progress.cursor() {
            Some(position) if fault.is_none() && more => Some(page.cursor(&position)?),
            _ => None,
        };
        return ApiResponse::ok(&AuditVerification {
            ok: fault.is_none(),
            sealed_through: progress.position.map(|position| Time(position.sealed_at)),
            seals: progress.position.map_or(0, |position| position.number),
            rows: progress.state.map_or(0, |state| state.total),
            first_bad: fault,
            complete: !more,
            next_cursor,
        });
    }
}

/// The last seal up to which the log is verified.
struct Progress {
    tenant: TenantId,
    position: Option<ChainPosition>,
    state: Option<audit::ChainState>,
}

impl Progress {
    fn from(page: &Page, tenant: TenantId) -> Result<Self, Problem> {
        let (number, hash) = (page.position::<u64>(0)?, page.position(1)?);
        let (epoch, to) = (page.position(2)?, page.position(3)?);
        let (at, total, head) = (page.position(4)?, page.position::<u64>(5)?, page.position::<String>(6)?);
        let position = match (number, hash, epoch, to, at) {
            (Some(number), Some(hash), Some(epoch), Some(to_transaction), Some(sealed_at)) => {
                Some(ChainPosition { number, hash, epoch, to_transaction, sealed_at })
            }
            _ => None,
        };
        let head = head.and_then(|text| text.parse().ok());
        Ok(Self { tenant, position, state: total.zip(head).map(|(total, head)| audit::ChainState { total, head }) })
    }

    /// The number of the last verified seal.
    fn after(&self) -> i64 {
        self.position.map_or(0, |position| i64::try_from(position.number).unwrap_or(i64::MAX))
    }

    fn cursor(&self) -> Option<Vec<String>> {
        let ChainPosition { number, hash, epoch, to_transaction, sealed_at } = self.position?;
        let (total, head) = self.state.map_or((0, String::new()), |state| (state.total, state.head.to_string()));
        let position = [number.to_string(), hash.to_string(), epoch.to_string(), to_transaction.to_string()];
        Some([&position[..], &[sealed_at.to_string(), total.to_string(), head]].concat())
    }

    /// Verifies a page of seals and the rows that they cover.
    fn check(&mut self, seals: &SealPage, rows: &[Vec<Row>]) -> Result<Result<(), AuditFault>, Problem> {
        let drops: Vec<DropSeal> = rows_of(rows.get(3).map_or(&[], Vec::as_slice))?;
        let rows: Vec<AuditRow> = rows_of(rows.get(4).map_or(&[], Vec::as_slice))?;
        Ok(self.compare(seals, &rows, &dropped(&drops, &seals.keys)))
    }

    fn compare(&mut self, seals: &SealPage, rows: &[AuditRow], drops: &[DroppedMonth]) -> Result<(), AuditFault> {
        let mut verifier = match self.position {
            Some(position) => Verifier::resume(&seals.keys, position, self.tenant, self.state),
            None => Verifier::new(&seals.keys),
        };
        let mut rest = rows;
        for stored in &seals.seals {
            let seal = verifier.next(&stored.document)?;
            columns_match(stored, &seal)?;
            let end = (seal.epoch, seal.to_transaction);
            let (found, behind) = rest.split_at(rest.partition_point(|row| (row.epoch, row.transaction_id) < end));
            rest = behind;
            let own = stored.document.batches.first().map_or(&[][..], |batch| &batch.entries);
            audit::compare(seal.number, own, found, drops)?;
            (self.position, self.state) = (verifier.position().copied(), verifier.state(self.tenant));
            if let Some(newest) = &seals.newest
                && stored.number == newest.number.unwrap_or(0)
                && newest.tree().root() != seal.state_root
            {
                return Err(AuditFault::state(
                    seal.number,
                    "the stored batches do not add up to the state that it signs",
                ));
            }
        }
        match self.position {
            // The seals after a verified one disappeared.
            Some(position) if seals.seals.is_empty() => {
                Err(AuditFault::missing(position.number + 1, "it was there a moment ago, and is gone"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks that the columns by which seals and rows are found agree with the signed seal.
fn columns_match(stored: &StoredSeal, seal: &Seal) -> Result<(), AuditFault> {
    let columns = (stored.number.unsigned_abs(), stored.epoch, &stored.from_transaction, &stored.to_transaction);
    let (from, to) = (seal.from_transaction.to_string(), seal.to_transaction.to_string());
    if columns == (seal.number, seal.epoch, &from, &to) {
        Ok(())
    } else {
        Err(AuditFault::missing(seal.number, "its columns do not say what it signs"))
    }
}

/// A seal that names months as dropped.
#[derive(FromRow)]
struct DropSeal {
    document: String,
}

/// The months that signed seals name as dropped.
fn dropped(drop_seals: &[DropSeal], keys: &AuditKeys) -> Vec<DroppedMonth> {
    let seals = drop_seals.iter().filter_map(|DropSeal { document }| keys.open(document).ok());
    seals.flat_map(|(seal, _)| seal.drops).collect()
}
