//! Checks of one-time codes of signed-in users: counted like passwords, since six digits are soon guessed.

use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Row, RowError, Sql};
use holdfast_shared::identity::totp::TotpSecret;
use holdfast_shared::problem::Problem;
use holdfast_shared::vault::WrappedKey;
use holdfast_shared::web::{RequestContext, Transaction};

use super::sealed::SealedTotp;
use crate::sign_in::attempts::OwnAttempt;

const SELECT: Sql = Sql::prepared(
    "SELECT s.confirmed_at IS NOT NULL AS confirmed, s.sealed, k.version AS key_version, k.provider, k.provider_key, k.wrapped,
        take_own_attempt($2) AS retry_after
      FROM (VALUES (1)) AS request
      LEFT JOIN totp_secrets s ON s.user_id = $1 AND s.tenant_id = current_tenant()
      LEFT JOIN vault_keys k ON k.tenant_id = s.tenant_id AND k.purpose = 'totp' AND k.version = s.key_version",
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

/// The caller's TOTP secret, as it is stored.
pub(crate) struct TotpCodes {
    confirmed: bool,
    sealed: Option<SealedTotp>,
}

impl TotpCodes {
    /// Counts the caller's attempt, and loads the secret. `transaction` is the request's own.
    ///
    /// # Errors
    /// 429 after too many wrong codes.
    pub(crate) async fn load<'a>(
        app: &App,
        request: &'a RequestContext,
        transaction: Transaction<'a>,
    ) -> Result<(Self, OwnAttempt<'a>), Problem> {
        let claims = request.user()?;
        let select = SELECT.bind(&claims.sub).bind(&request.now);
        let row: TotpRow = request.transaction(app).look_up().one(select).await?;
        let attempt = OwnAttempt::taken(row.retry_after, transaction, &request.now).await?;
        let (tenant, user) = (claims.home(), claims.sub);
        let sealed = row.sealed.zip(row.key).map(|(bytes, key)| SealedTotp::new(tenant, user, bytes, key));
        Ok((Self { confirmed: row.confirmed, sealed }, attempt))
    }

    /// Opens the secret that is in use.
    pub(crate) async fn confirmed(&self, app: &App) -> Result<Option<TotpSecret>, Problem> {
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
}
