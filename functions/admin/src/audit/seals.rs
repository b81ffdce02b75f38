//! `GET /admin/audit/seals`: what a tenant's auditor keeps, a line for each seal, with the tenant's own batch and the proof that
//! the newest one counts every row.

use axum::extract::State;
use shared::app::App;
use shared::http::{Answer, CURSOR, Call, Page, Params};
use shared::id::TenantId;
use shared::permission::Permission;
use shared::problem::Problem;
use shared::route::{Access, Audited, Route};

use super::page::{self, SealPage};

pub(crate) static LIST: Route = Route::get("/admin/audit/seals", "audit.seals")
    .access(Access::Holder(Permission::AuditRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary(
        "Gives the seals, the oldest first, each with the tenant's own batch; the Link header names the next page.",
    )
    .query(&[CURSOR])
    .answers_text("application/x-ndjson");

pub(crate) async fn list(State(app): State<App>, call: Call, params: Params, page: Page) -> Result<Answer, Problem> {
    let after = page.position::<i64>(0)?.unwrap_or(0);
    let rows = call.transaction(&app).each(page::statements(&after)).await?;
    let mut seals = SealPage::read(&rows)?;
    seals.stand(call.tenant().unwrap_or(TenantId::PLATFORM));
    let mut text = String::new();
    for seal in &seals.seals {
        text.push_str(&serde_json::to_string(&seal.document).map_err(|_| Problem::internal())?);
        text.push('\n');
    }
    let answer = Answer::text("application/x-ndjson; charset=utf-8", text);
    match seals.more_after() {
        Some(last) => answer.next(&params.link(&call.path, &page.cursor(&[last.to_string()])?)),
        None => Ok(answer),
    }
}
