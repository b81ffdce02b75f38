//! What is counted by nobody but found in the tables of operations: for `/metrics`, and for CloudWatch by maintenance.

/// Reads them: name and value, by the time. The roles of metrics and of maintenance may.
pub const SELECT: &str = include_str!("gauges.sql");

/// Each gauge's name, and what it tells. One that is not known yet, such as how long a first backup took, is left out;
/// what was never done is as old as the installation.
pub const GAUGES: &[(&str, &str)] = &[
    ("holdfast_instances", "Instances that reported in the last five minutes."),
    ("holdfast_counters_age_seconds", "Time since any instance reported its counters."),
    ("holdfast_schema_version", "The version that the schema is at."),
    ("holdfast_schema_expected_version", "The version that the answering build was made for."),
    ("holdfast_migration_failures", "Migrations that failed since the schema is at its version."),
    ("holdfast_schema_differences", "Objects that were not as the migrations make them, at the last check."),
    ("holdfast_schema_check_age_seconds", "Time since the schema was last checked."),
    (
        "holdfast_audit_seal_age_seconds",
        "Time since the audit log was last sealed; nothing is sealed while nothing happens.",
    ),
    ("holdfast_backup_age_seconds", "Time since the end of the newest backup that succeeded."),
    ("holdfast_backup_duration_seconds", "How long that backup took."),
    ("holdfast_backup_size_bytes", "The size of the database that it is of."),
    ("holdfast_backup_compressed_bytes", "The size of its dump."),
    ("holdfast_drill_age_seconds", "Time since the end of the newest restore drill that succeeded."),
    ("holdfast_drill_duration_seconds", "How long that drill took."),
    ("holdfast_backup_failures", "Backups and drills that have failed since the newest of their kind that succeeded."),
];
