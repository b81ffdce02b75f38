//! `DELETE /auth/mfa/totp`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{Json, RequestContext};
use secrecy::ExposeSecret;

use super::codes::TotpCodes;
use super::{CodeRequest, NOT_SET_UP, USE_CODE, conflict};
use crate::sign_in::otp_proof::OtpProof;

pub(crate) static ROUTE: Route = Route::delete("/auth/mfa/totp", "mfa.remove")
    .access(Access::User)
    .recent()
    .unconditional()
    .summary("Disable TOTP, with a last code.")
    .body::<CodeRequest>()
    .rejects(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

/// Where the role requires TOTP, the user's sessions may then only set it up again.
const DELETE: Sql = Sql::prepared(
    "WITH deleted AS (
        DELETE FROM totp_secrets
         WHERE user_id = $1 AND tenant_id = current_tenant() AND confirmed_at IS NOT NULL RETURNING user_id
    ), restricted AS (
        UPDATE sessions SET mfa_pending = true
         WHERE user_id = $1 AND tenant_id = current_tenant() AND ended_at IS NULL AND $2 AND EXISTS (SELECT FROM deleted)
    )
    SELECT reject(CASE WHEN NOT EXISTS (SELECT FROM deleted) THEN 'conflict' END)",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<CodeRequest>,
) -> Result<NoContent, Problem> {
    let claims = request.user()?;
    let user = claims.sub;
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["totp"]);
    let (codes, attempt) = TotpCodes::load(&app, &request, transaction).await?;
    let Some(secret) = codes.confirmed(&app).await? else {
        return Err(attempt.give_back(Problem::new(Code::Conflict, NOT_SET_UP)).await);
    };
    let code = body.code.expose_secret();
    let Some(proof) = OtpProof::check(&secret, code, request.now) else { return Err(attempt.fail().await) };
    let required = app.config.mfa_roles.contains(&claims.role);
    let use_code = USE_CODE.bind(&user).bind(&proof.step).bind(&proof.recovery).bind(&request.now);
    let delete = DELETE.bind(&user).bind(&required);
    let deleted = attempt.succeed_by(use_code).execute(vec![delete]).await;
    deleted.map_err(|problem| conflict(problem, NOT_SET_UP))?;
    Ok(NoContent)
}
