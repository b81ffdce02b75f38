//! Metrics reads counters and the tables of operations, and nothing of a tenant.

use super::RolePrivileges;

pub(super) const PRIVILEGES: RolePrivileges = RolePrivileges {
    role: "holdfast_metrics",
    tables: &[(
        "SELECT",
        &[
            "audit_seals",
            "backup_runs",
            "metric_instances",
            "migration_failures",
            "refinery_schema_history",
            "schema_checks",
        ],
    )],
    columns: &[],
    functions: &[
        "authorize_api_token",
        "authorize_session",
        "current_tenant",
        "fold_metrics",
        "record_audit",
        "reject",
        "report_metrics",
        "request_rejection",
        "start_instance",
    ],
    owns: &[],
};
