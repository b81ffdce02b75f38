//! `GET /admin/audit/verify`: the tenant's log against its seals, as far as the time allows; a cursor says where to go on. What
//! the database's owner could put in the place of both, only the seals that are stored elsewhere can tell:
//! `holdfast audit verify`.

use std::time::{Duration, Instant};

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::audit::{self, AuditKeys, AuditRow, Bad, Dropped, Position, Seal, State as Standing, Verifier};
use holdfast_shared::clock::Time;
use holdfast_shared::db::{FromRow, Statement, rows_of};
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, CURSOR, Page, RequestContext};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::seal_page::{self, SealPage, StoredSeal};

pub(crate) static VERIFY: Route = Route::get("/admin/audit/verify", "audit.verify")
    .access(Access::Admin(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Verifies the audit log against its seals; where it is too long for one answer, next_cursor goes on.")
    .query(&[CURSOR])
    .returns::<Verification>();

/// For how long another page of seals is begun.
const BUDGET: Duration = Duration::from_secs(4);

const DROPS: &str =
    "SELECT DISTINCT s.number, s.document FROM audit_drops d JOIN audit_seals s ON s.number = d.seal_number
     WHERE request_allowed() ORDER BY s.number";
/// The rows that the page's seals are over. Those of no epoch are looked at with the first.
const ROWS: &str = "SELECT l.epoch, l.transaction_id::text, l.id, l.at, l.request_id, l.tenant_id, l.actor_kind, l.actor_id, l.actor_name,
        l.role, l.session_id, l.action, l.method, l.path, l.status, l.source_ip, l.user_agent, l.targets, l.changed
      FROM audit_page($1) p JOIN audit_seals f ON f.number = p.first JOIN audit_seals t ON t.number = p.last
      JOIN http_audit_log l ON (l.epoch, l.transaction_id) < (t.epoch, t.to_transaction)
       AND (l.epoch, l.transaction_id) >= (CASE WHEN $1 = 0 THEN -2147483648 ELSE f.epoch END, f.from_transaction)
     WHERE l.tenant_id = current_tenant() AND request_allowed()
     ORDER BY l.epoch, l.transaction_id, l.id";

/// What was found.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerification)]
pub(crate) struct Verification {
    /// Whether all that was looked at is as it was sealed.
    ok: bool,
    /// When the last seal that was looked at was made; null where there is none yet.
    sealed_through: Option<Time>,
    /// How many seals were looked at, from the first.
    seals: u64,
    /// How many rows of the tenant they seal.
    rows: u64,
    /// The first thing that is wrong.
    first_bad: Option<Bad>,
    /// Whether there is nothing more to look at.
    complete: bool,
    /// What to send as `cursor` to go on.
    next_cursor: Option<String>,
}

pub(crate) async fn verify(
    State(app): State<App>,
    request: RequestContext,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let started = Instant::now();
    let tenant = request.tenant().unwrap_or(TenantId::PLATFORM);
    let mut walk = Walk::from(&page, tenant)?;
    let mut audited = false;
    loop {
        let after = walk.after();
        let mut statements = seal_page::statements(&after);
        statements.push(Statement::new(DROPS));
        statements.push(Statement::new(ROWS).bind(&after));
        let transaction = request.transaction(&app);
        let transaction = if audited { transaction.look_up() } else { transaction };
        let rows = transaction.each(statements).await?;
        audited = true;
        let mut seals = SealPage::read(&rows)?;
        seals.stand(tenant);
        let bad = walk.check(&seals, &rows)?.err();
        let more = seals.more_after().is_some();
        if bad.is_none() && more && started.elapsed() < BUDGET {
            continue;
        }
        let next_cursor = match walk.cursor() {
            Some(position) if bad.is_none() && more => Some(page.cursor(&position)?),
            _ => None,
        };
        return ApiResponse::ok(&Verification {
            ok: bad.is_none(),
            sealed_through: walk.position.map(|position| Time(position.sealed_at)),
            seals: walk.position.map_or(0, |position| position.number),
            rows: walk.state.map_or(0, |state| state.total),
            first_bad: bad,
            complete: !more,
            next_cursor,
        });
    }
}

/// How far the log was found good.
struct Walk {
    tenant: TenantId,
    position: Option<Position>,
    state: Option<Standing>,
}

impl Walk {
    fn from(page: &Page, tenant: TenantId) -> Result<Self, Problem> {
        let (number, hash) = (page.position::<u64>(0)?, page.position(1)?);
        let (epoch, to) = (page.position(2)?, page.position(3)?);
        let (at, total, head) = (page.position(4)?, page.position::<u64>(5)?, page.position::<String>(6)?);
        let position = match (number, hash, epoch, to, at) {
            (Some(number), Some(hash), Some(epoch), Some(to_transaction), Some(sealed_at)) => {
                Some(Position { number, hash, epoch, to_transaction, sealed_at })
            }
            _ => None,
        };
        let head = head.and_then(|text| text.parse().ok());
        Ok(Self { tenant, position, state: total.zip(head).map(|(total, head)| Standing { total, head }) })
    }

    /// The number of the last seal that was found good.
    fn after(&self) -> i64 {
        self.position.map_or(0, |position| i64::try_from(position.number).unwrap_or(i64::MAX))
    }

    fn cursor(&self) -> Option<Vec<String>> {
        let Position { number, hash, epoch, to_transaction, sealed_at } = self.position?;
        let (total, head) = self.state.map_or((0, String::new()), |state| (state.total, state.head.to_string()));
        let position = [number.to_string(), hash.to_string(), epoch.to_string(), to_transaction.to_string()];
        Some([&position[..], &[sealed_at.to_string(), total.to_string(), head]].concat())
    }

    /// Looks at a page of seals and the rows that they are over.
    fn check(&mut self, seals: &SealPage, rows: &[Vec<Row>]) -> Result<Result<(), Bad>, Problem> {
        let drops: Vec<Announcement> = rows_of(rows.get(3).map_or(&[], Vec::as_slice))?;
        let rows: Vec<AuditRow> = rows_of(rows.get(4).map_or(&[], Vec::as_slice))?;
        Ok(self.compare(seals, &rows, &dropped(&drops, &seals.keys)))
    }

    fn compare(&mut self, seals: &SealPage, rows: &[AuditRow], drops: &[Dropped]) -> Result<(), Bad> {
        let mut verifier = match self.position {
            Some(position) => Verifier::resume(&seals.keys, position, self.tenant, self.state),
            None => Verifier::new(&seals.keys),
        };
        let mut rest = rows;
        for stored in &seals.seals {
            let seal = verifier.next(&stored.document)?;
            unchanged(stored, &seal)?;
            let end = (seal.epoch, seal.to_transaction);
            let (there, behind) = rest.split_at(rest.partition_point(|row| (row.epoch, row.transaction_id) < end));
            rest = behind;
            let own = stored.document.batches.first().map_or(&[][..], |batch| &batch.entries);
            audit::compare(seal.number, own, there, drops)?;
            (self.position, self.state) = (verifier.position().copied(), verifier.state(self.tenant));
            if let Some(newest) = &seals.newest
                && stored.number == newest.number.unwrap_or(0)
                && newest.tree().root() != seal.state_root
            {
                return Err(Bad::state(seal.number, "the stored batches do not add up to the state that it signs"));
            }
        }
        match self.position {
            // Nothing is left of the seals, but what came before was found good.
            Some(position) if seals.seals.is_empty() => {
                Err(Bad::missing(position.number + 1, "it was there a moment ago, and is gone"))
            }
            _ => Ok(()),
        }
    }
}

/// The columns by which seals and rows are found say what was signed.
fn unchanged(stored: &StoredSeal, seal: &Seal) -> Result<(), Bad> {
    let columns = (stored.number.unsigned_abs(), stored.epoch, &stored.from_transaction, &stored.to_transaction);
    let (from, to) = (seal.from_transaction.to_string(), seal.to_transaction.to_string());
    if columns == (seal.number, seal.epoch, &from, &to) {
        Ok(())
    } else {
        Err(Bad::missing(seal.number, "its columns do not say what it signs"))
    }
}

/// A seal that names months as dropped.
struct Announcement(String);

impl FromRow for Announcement {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get("document").map(Self)
    }
}

/// The months that signed seals name as dropped.
fn dropped(announcements: &[Announcement], keys: &AuditKeys) -> Vec<Dropped> {
    let seals = announcements.iter().filter_map(|Announcement(document)| keys.open(document).ok());
    seals.flat_map(|(seal, _)| seal.drops).collect()
}
