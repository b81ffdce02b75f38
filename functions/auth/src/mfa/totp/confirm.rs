//! `POST /auth/mfa/totp/confirm`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Json, RequestContext};
use secrecy::ExposeSecret;

use super::codes::TotpCodes;
use super::{CodeRequest, conflict};

pub(crate) static ROUTE: Route = Route::post("/auth/mfa/totp/confirm", "mfa.confirm")
    .access(Access::User)
    .enrols()
    .summary("Confirm the TOTP secret with a first code; from then on every sign-in requires a code.")
    .body::<CodeRequest>()
    .returns_nothing()
    .rejects(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

/// The step is used up, so that the code that confirmed does not sign in as well.
const CONFIRM: Sql = Sql::prepared(
    "WITH confirmed AS (
        UPDATE totp_secrets SET confirmed_at = $3, last_step = $2
         WHERE user_id = $1 AND tenant_id = current_tenant() AND confirmed_at IS NULL AND last_step < $2
        RETURNING user_id
    ), freed AS (
        UPDATE sessions SET mfa_pending = false
         WHERE user_id = $1 AND tenant_id = current_tenant() AND mfa_pending AND EXISTS (SELECT FROM confirmed)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM confirmed) THEN 'conflict' END)",
);

const NOTHING_TO_CONFIRM: &str = "No TOTP secret waits for confirmation.";

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<CodeRequest>,
) -> Result<NoContent, Problem> {
    let user = request.user()?.sub;
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let (codes, attempt) = TotpCodes::load(&app, &request, transaction).await?;
    let Some(secret) = codes.unconfirmed(&app).await? else {
        return Err(attempt.give_back(Problem::new(Code::Conflict, NOTHING_TO_CONFIRM)).await);
    };
    let Some(step) = secret.step_of(body.code.expose_secret(), request.now) else {
        return Err(attempt.fail().await);
    };
    let confirm = CONFIRM.bind(&user).bind(&step).bind(&request.now);
    attempt.succeed().execute(vec![confirm]).await.map_err(|problem| conflict(problem, NOTHING_TO_CONFIRM))?;
    Ok(NoContent)
}
