//! A user's one-time codes as the database keeps them: sealed by the vault, and throttled like passwords, since six
//! digits are soon guessed.

use holdfast_shared::app::App;
use holdfast_shared::db::{FromRow, Statement};
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::identity::totp::TotpSecret;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::vault::{Purpose, Sealed, Vault, WrappedKey};
use holdfast_shared::web::{RequestContext, Transaction};
use tokio_postgres::Row;

use crate::sign_in::throttle::Keys;

const SELECT: &str = "SELECT sign_in_wait($2, $3, $4, $5, true), s.confirmed_at IS NOT NULL, s.sealed,
        k.version AS key_version, k.provider, k.provider_key, k.wrapped
      FROM (VALUES (1)) AS request
      LEFT JOIN totp_secrets s ON s.user_id = $1 AND s.tenant_id = current_tenant() AND request_allowed()
      LEFT JOIN vault_keys k ON k.tenant_id = s.tenant_id AND k.version = s.key_version";

const FAILED: &str = "SELECT login_failed($1, $2, $3, $4)";

/// A sealed secret, and the data key that opens it, still wrapped.
pub(crate) struct SealedTotp {
    tenant: TenantId,
    user: UserId,
    bytes: Vec<u8>,
    key: WrappedKey,
}

impl SealedTotp {
    pub(crate) fn new(tenant: TenantId, user: UserId, bytes: Vec<u8>, key: WrappedKey) -> Self {
        Self { tenant, user, bytes, key }
    }

    /// Seals a new secret of the user.
    pub(crate) async fn seal(
        app: &App,
        tenant: TenantId,
        user: UserId,
        secret: &TotpSecret,
    ) -> Result<Sealed, Problem> {
        Ok(vault(app)?.seal(tenant, Purpose::Totp, &[user.0.as_bytes()], secret.as_bytes()).await?)
    }

    /// Opens it.
    pub(crate) async fn open(&self, app: &App) -> Result<TotpSecret, Problem> {
        let context = [self.user.0.as_bytes().as_slice()];
        let opened = vault(app)?.open(self.tenant, Purpose::Totp, &context, &self.key, &self.bytes).await?;
        Ok(TotpSecret::from_bytes(opened))
    }
}

fn vault(app: &App) -> Result<&Vault, Problem> {
    app.vault.as_ref().ok_or_else(|| {
        tracing::error!("one-time codes need the vault: set VAULT_KMS_KEY_ID or SECRET_ENCRYPTION_KEY");
        Problem::internal()
    })
}

/// The codes of the user who calls.
pub(crate) struct Codes {
    keys: Keys,
    request: RequestContext,
    confirmed: bool,
    sealed: Option<SealedTotp>,
}

struct Stored {
    retry_after: Option<i32>,
    confirmed: bool,
    sealed: Option<Vec<u8>>,
    key: Option<WrappedKey>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            retry_after: row.try_get(0)?,
            confirmed: row.try_get::<_, Option<bool>>(1)?.unwrap_or(false),
            sealed: row.try_get(2)?,
            key: WrappedKey::if_any(row)?,
        })
    }
}

impl Codes {
    /// Looks them up.
    ///
    /// # Errors
    /// 429 where codes were guessed at.
    pub(crate) async fn of(app: &App, request: &RequestContext, user: UserId) -> Result<Self, Problem> {
        let keys = Keys::of_codes(user, request.source_ip.as_deref());
        let select = Statement::new(SELECT).bind(&user).bind(&request.now).bind(&keys.user).bind(&keys.pair);
        let stored: Stored = request.transaction(app).look_up().one(select.bind(&keys.address)).await?;
        if let Some(seconds) = stored.retry_after {
            return Err(Problem::rate_limited(seconds.unsigned_abs()));
        }
        let tenant = request.user()?.home();
        let sealed = stored.sealed.zip(stored.key).map(|(bytes, key)| SealedTotp::new(tenant, user, bytes, key));
        Ok(Self { keys, request: request.clone(), confirmed: stored.confirmed, sealed })
    }

    /// The secret in use.
    pub(crate) async fn confirmed(&self, app: &App) -> Result<Option<TotpSecret>, Problem> {
        self.open_if(app, true).await
    }

    /// The secret that waits for its first code.
    pub(crate) async fn unconfirmed(&self, app: &App) -> Result<Option<TotpSecret>, Problem> {
        self.open_if(app, false).await
    }

    async fn open_if(&self, app: &App, confirmed: bool) -> Result<Option<TotpSecret>, Problem> {
        match &self.sealed {
            Some(sealed) if self.confirmed == confirmed => sealed.open(app).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Counts a wrong code, and gives the problem to answer with.
    pub(crate) async fn failed(&self, transaction: Transaction<'_>) -> Problem {
        let failed = Statement::new(FAILED).bind(&self.request.now).bind(&self.keys.user).bind(&self.keys.pair);
        match transaction.execute(vec![failed.bind(&self.keys.address)]).await {
            Err(problem) => problem,
            Ok(()) => Problem::of(Code::InvalidCredentials),
        }
    }
}
