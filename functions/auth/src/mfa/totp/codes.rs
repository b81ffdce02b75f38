//! Checks of one-time codes of signed-in users: throttled like passwords, since six digits are soon guessed.

use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Row, RowError, Sql};
use holdfast_shared::id::UserId;
use holdfast_shared::identity::totp::TotpSecret;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::vault::WrappedKey;
use holdfast_shared::web::{RequestContext, Transaction};

use super::sealed::SealedTotp;
use crate::sign_in::throttle::ThrottleKeys;

const SELECT: Sql = Sql::prepared(
    "SELECT s.confirmed_at IS NOT NULL AS confirmed, s.sealed, k.version AS key_version, k.provider, k.provider_key, k.wrapped,
        sign_in_delay(
            p_now => $2,
            p_user_key => $3,
            p_pair_key => $4,
            p_address_key => $5,
            p_known_address => true) AS retry_after
      FROM (VALUES (1)) AS request
      LEFT JOIN totp_secrets s ON s.user_id = $1 AND s.tenant_id = current_tenant()
      LEFT JOIN vault_keys k ON k.tenant_id = s.tenant_id AND k.version = s.key_version",
);

/// The result of [`SELECT`].
struct TotpRow {
    retry_after: Option<i32>,
    confirmed: bool,
    sealed: Option<Vec<u8>>,
    key: Option<WrappedKey>,
}

impl FromRow for TotpRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Self {
            retry_after: row.try_get("retry_after")?,
            confirmed: row.try_get("confirmed")?,
            sealed: row.try_get("sealed")?,
            key: Option::<WrappedKey>::from_row(row)?,
        })
    }
}

/// The caller's TOTP secret, and the keys by which wrong codes are counted.
pub(super) struct TotpCodes {
    keys: ThrottleKeys,
    request: RequestContext,
    confirmed: bool,
    sealed: Option<SealedTotp>,
}

impl TotpCodes {
    /// Loads the secret.
    ///
    /// # Errors
    /// 429 after too many wrong codes.
    pub(super) async fn load(app: &App, request: &RequestContext, user: UserId) -> Result<Self, Problem> {
        let keys = ThrottleKeys::signed_in(user, request.source_ip.as_deref());
        let select = SELECT.bind(&user).bind(&request.now).bind(&keys.user).bind(&keys.pair).bind(&keys.address);
        let row: TotpRow = request.transaction(app).look_up().one(select).await?;
        if let Some(seconds) = row.retry_after {
            return Err(Problem::rate_limited(seconds.unsigned_abs()));
        }
        let tenant = request.user()?.home();
        let sealed = row.sealed.zip(row.key).map(|(bytes, key)| SealedTotp::new(tenant, user, bytes, key));
        Ok(Self { keys, request: request.clone(), confirmed: row.confirmed, sealed })
    }

    /// Opens the secret that is in use.
    pub(super) async fn confirmed(&self, app: &App) -> Result<Option<TotpSecret>, Problem> {
        self.open_if(app, true).await
    }

    /// Opens the secret that waits for its first code.
    pub(super) async fn unconfirmed(&self, app: &App) -> Result<Option<TotpSecret>, Problem> {
        self.open_if(app, false).await
    }

    async fn open_if(&self, app: &App, confirmed: bool) -> Result<Option<TotpSecret>, Problem> {
        match &self.sealed {
            Some(sealed) if self.confirmed == confirmed => sealed.open(app).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Counts a wrong code, and returns the problem to answer with.
    pub(super) async fn reject(&self, transaction: Transaction<'_>) -> Problem {
        match transaction.execute(vec![self.keys.count_failure(&self.request.now)]).await {
            Err(problem) => problem,
            Ok(()) => Problem::of(Code::InvalidCredentials),
        }
    }
}
