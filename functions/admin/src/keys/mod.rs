//! `/admin/keys`: the keys that sign access tokens and the keys that seal secrets.

pub(crate) mod list;
pub(crate) mod rotate;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use serde::Serialize;
use utoipa::ToSchema;

/// A key, without any secret part.
#[derive(Serialize, ToSchema, FromRow)]
pub(crate) struct ManagedKey {
    /// `signing` or `vault`.
    kind: String,
    /// The `kid` of a signing key, or the version of a vault key: `v1` seals secrets, `totp-v1` TOTP secrets, `idempotency-v1`
    /// responses kept for a repeated request.
    id: String,
    /// `published` (known, signs soon), `active`, `retiring` (still verifies or opens) or `expired`.
    state: String,
    /// Time of creation.
    created_at: Time,
    /// Time from which a signing key signs.
    activates_at: Option<Time>,
    /// Time at which the last token signed with the key expires.
    expires_at: Option<Time>,
}
