//! The canary in the database: sealed anew before each backup, opened by each drill.

use holdfast_shared::db::FromRow;
use holdfast_shared::rng::Rng;
use holdfast_shared::vault::{Canary, Providers, VaultError, WrappedKey};
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::error::BackupError;

const KEEP: &str = "SELECT public.keep_canary($1, $2, $3, $4, $5)";
const SELECT: &str = "SELECT 1 AS key_version, provider, provider_key, wrapped, sealed FROM public.vault_canary";

/// Every key that wrapped a data key, once. The wrapped key itself is not looked at.
const DATA_KEYS: &str =
    "SELECT DISTINCT 1 AS key_version, provider, provider_key, ''::bytea AS wrapped FROM public.vault_keys";

/// Seals a new canary and puts it in the place of the one before.
pub(crate) async fn seal(
    client: &Client,
    providers: &Providers,
    rng: &dyn Rng,
    now: Timestamp,
) -> Result<(), BackupError> {
    let Canary { key, sealed } = Canary::seal(providers, rng).await.map_err(BackupError::Seal)?;
    client.execute(KEEP, &[&key.provider.name(), &key.provider_key, &key.wrapped, &sealed, &now]).await?;
    Ok(())
}

/// Opens the canary of a restored database, and sees to it that every data key there is wrapped by a key that is configured.
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
