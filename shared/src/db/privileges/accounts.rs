//! Accounts stores accounts and their sealed secrets. It reads no user, session or API token.

use super::RolePrivileges;

pub(super) const PRIVILEGES: RolePrivileges = RolePrivileges {
    role: "holdfast_accounts",
    tables: &[
        ("SELECT", &["accounts", "secret_versions", "secrets"]),
        ("INSERT", &["secret_versions", "secrets"]),
        ("DELETE", &["secret_versions", "secrets"]),
    ],
    columns: &[
        (
            "INSERT",
            "accounts",
            &["id", "tenant_id", "name", "search_name", "owner", "metadata", "created_at", "updated_at"],
        ),
        (
            "UPDATE",
            "accounts",
            &["name", "search_name", "owner", "status", "metadata", "version", "updated_at", "deleted_at"],
        ),
        ("UPDATE", "secrets", &["version", "created_at", "updated_at", "deleted_at"]),
        ("SELECT", "vault_keys", &["tenant_id", "purpose", "version", "provider", "provider_key", "wrapped", "state"]),
    ],
    functions: &[
        "active_vault_key",
        "add_secret_version",
        "authorize_api_token",
        "authorize_session",
        "count_secrets",
        "create_vault_key",
        "current_tenant",
        "delete_secret",
        "find_idempotency_key",
        "is_active_vault_key",
        "keep_idempotency_key",
        "lock_account",
        "put_secret",
        "record_audit",
        "reject",
        "release_quota",
        "report_metrics",
        "request_rejection",
        "reserve_quota",
        "restore_account",
        "restore_secret_version",
        "start_instance",
        "try_reserve_quota",
    ],
    owns: &[],
};
