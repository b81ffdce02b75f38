//! `POST /auth/mfa/recovery-codes`: new recovery codes, in place of the old ones.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::identity::totp::{recovery_codes, recovery_hash};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::web::{ApiResponse, Json, RequestContext};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use super::totp::codes::TotpCodes;
use super::totp::{CodeRequest, NOT_SET_UP, USE_CODE};
use crate::sign_in::otp_proof::OtpProof;

pub(crate) static ROUTE: Route = Route::post("/auth/mfa/recovery-codes", "mfa.renew_recovery_codes")
    .access(Access::User)
    .summary("Create new recovery codes in place of the old ones, with a code.")
    .body::<CodeRequest>()
    .returns::<RecoveryCodes>()
    .rejects(&[Code::InvalidCredentials, Code::Conflict, Code::RateLimited]);

/// New recovery codes.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Codes that work once each, in case the app is lost. Returned only here.
    recovery_codes: Vec<String>,
}

pub(super) const DELETE_RECOVERY_CODES: Sql =
    Sql::prepared("DELETE FROM recovery_codes WHERE user_id = $1 AND tenant_id = current_tenant()");

pub(super) const INSERT_RECOVERY_CODES: Sql = Sql::prepared(
    "INSERT INTO recovery_codes (user_id, tenant_id, hash)
    SELECT u.id, u.tenant_id, unnest($2::bytea[]) FROM users u WHERE u.id = $1 AND u.tenant_id = current_tenant()",
);

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Json(body): Json<CodeRequest>,
) -> Result<ApiResponse, Problem> {
    let user = request.user()?.sub;
    let transaction = request.transaction(&app).target("user_id", user.0).changes(["recovery_codes"]);
    let (codes, attempt) = TotpCodes::load(&app, &request, transaction).await?;
    let Some(secret) = codes.confirmed(&app).await? else {
        return Err(attempt.give_back(Problem::new(Code::Conflict, NOT_SET_UP)).await);
    };
    let Some(proof) = OtpProof::check(&secret, body.code.expose_secret(), request.now) else {
        return Err(attempt.fail().await);
    };
    let new = recovery_codes(&*app.rng);
    let hashes: Vec<Vec<u8>> = new.iter().filter_map(|code| recovery_hash(code)).collect();
    let use_code = USE_CODE.bind(&user).bind(&proof.step).bind(&proof.recovery).bind(&request.now);
    let (delete, insert) = (DELETE_RECOVERY_CODES.bind(&user), INSERT_RECOVERY_CODES.bind(&user).bind(&hashes));
    attempt.succeed_by(use_code).execute(vec![delete, insert]).await?;
    ApiResponse::ok(&RecoveryCodes { recovery_codes: new })
}
