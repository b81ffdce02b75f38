//! `/admin/tenants`: the customers of the deployment. Operators only; the platform itself is not in the list.

pub(crate) mod create;
pub(crate) mod list;
mod quotas;
pub(crate) mod read;
pub(crate) mod update;

use holdfast_shared::clock::Time;
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use quotas::Quotas;

/// A customer of the deployment.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub(crate) struct Tenant {
    /// Id of the tenant.
    id: TenantId,
    /// Name to sign in with.
    slug: String,
    /// Display name.
    name: String,
    /// `active` or `suspended`.
    status: String,
    /// Limits of the tenant.
    #[row(with = "Quotas::from_json")]
    quotas: Quotas,
    /// Number of the latest change; the `ETag`.
    version: i64,
    /// Time of creation.
    created_at: Time,
    /// Time of the latest change.
    updated_at: Time,
}

/// The columns of [`Tenant`], of a row `t` of `tenants`.
macro_rules! columns {
    () => {
        "t.id, t.slug, t.name, t.status,
         coalesce((SELECT jsonb_object_agg(q.kind, q.max_count) FROM tenant_quotas q WHERE q.tenant_id = t.id), '{}') AS quotas,
         t.version, t.created_at, t.updated_at"
    };
}
use columns;
