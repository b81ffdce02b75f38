//! The canary in the database: each backup seals a new one before its snapshot, each drill opens it.

use holdfast_shared::db::FromRow;
use holdfast_shared::rng::Rng;
use holdfast_shared::vault::{Canary, Providers, VaultError, WrappedKey};
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::error::BackupError;

const REPLACE: &str = "SELECT public.keep_vault_canary(
        p_provider => $1,
        p_provider_key => $2,
        p_wrapped => $3,
        p_sealed => $4,
        p_now => $5
    )";
const SELECT: &str = "SELECT 1 AS key_version, provider, provider_key, wrapped, sealed FROM public.vault_canary";

/// Every provider key that wraps a data key, once. The wrapped key itself is not needed.
const DATA_KEYS: &str =
    "SELECT DISTINCT 1 AS key_version, provider, provider_key, ''::bytea AS wrapped FROM public.vault_keys";

/// Seals a new canary, which replaces the one before.
pub(crate) async fn seal(
    client: &Client,
    providers: &Providers,
    rng: &dyn Rng,
    now: Timestamp,
) -> Result<(), BackupError> {
    let Canary { key, sealed } = Canary::seal(providers, rng).await.map_err(BackupError::Seal)?;
    client.execute(REPLACE, &[&key.provider.name(), &key.provider_key, &key.wrapped, &sealed, &now]).await?;
    Ok(())
}

/// Opens the canary of a restored database, and checks that every data key there is wrapped by a configured key.
pub(crate) async fn open(client: &Client, providers: &Providers) -> Result<(), BackupError> {
    let row = client.query_opt(SELECT, &[]).await?;
    let row = row.ok_or_else(|| BackupError::Differs("it has no canary, though a vault is configured".to_owned()))?;
    let canary = Canary { key: WrappedKey::from_row(&row)?, sealed: row.try_get("sealed")? };
    canary.open(providers).await.map_err(BackupError::Canary)?;
    for row in client.query(DATA_KEYS, &[]).await? {
        let key = WrappedKey::from_row(&row)?;
        if !providers.know(&key) {
            let unknown = VaultError::NoProvider { provider: key.provider.name(), key: key.provider_key };
            return Err(BackupError::Canary(unknown));
        }
    }
    Ok(())
}
