//! Maintenance seals the audit log, removes what has expired, and re-encrypts. It changes no audit row.

use super::RolePrivileges;

pub(super) const PRIVILEGES: RolePrivileges = RolePrivileges {
    role: "holdfast_maintenance",
    tables: &[
        (
            "SELECT",
            &[
                "accounts",
                "attempts",
                "audit_batches",
                "audit_deliveries",
                "audit_drops",
                "audit_keys",
                "audit_seals",
                "backup_runs",
                "http_audit_log",
                "idempotency_keys",
                "metric_instances",
                "migration_failures",
                "refinery_schema_history",
                "schema_checks",
                "secret_versions",
                "sessions",
                "signing_keys",
                "totp_secrets",
                "vault_keys",
            ],
        ),
        ("INSERT", &["audit_batches", "audit_deliveries", "audit_drops", "audit_keys", "audit_seals", "schema_checks"]),
        ("DELETE", &["accounts", "attempts", "idempotency_keys", "schema_checks", "sessions", "signing_keys"]),
    ],
    columns: &[
        ("UPDATE", "secret_versions", &["key_version", "sealed", "binding_tag"]),
        ("UPDATE", "totp_secrets", &["key_version", "sealed"]),
        ("UPDATE", "vault_keys", &["state"]),
    ],
    functions: &[
        "active_vault_key",
        "administrator_report",
        "api_token_report",
        "audit_epoch",
        "audit_horizon",
        "audit_partitions_before",
        "audit_states",
        "create_audit_partitions",
        "create_vault_key",
        "current_tenant",
        "drop_audit_partition",
        "record_rejections",
        "report_metrics",
        "start_instance",
    ],
    owns: &[],
};
