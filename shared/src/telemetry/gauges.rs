//! Gauges that are computed from the tables of operations: for `/metrics`, and for CloudWatch by maintenance.

/// Selects the name and value of each gauge at a time. The database roles of metrics and maintenance may run it.
pub const SELECT: &str = include_str!("gauges.sql");

/// Name and help of each gauge. A value that does not exist yet, such as the duration of the first backup, is left out. The
/// age of something that never happened counts from the installation.
pub const GAUGES: &[(&str, &str)] = &[
    ("holdfast_instances", "Instances that reported counters in the last five minutes."),
    ("holdfast_counters_age_seconds", "Time since an instance last reported its counters."),
    ("holdfast_schema_version", "Version of the database schema."),
    ("holdfast_schema_expected_version", "Schema version that the running build expects."),
    ("holdfast_migration_failures", "Failed migrations since the schema reached its current version."),
    ("holdfast_schema_differences", "Schema objects that differed from the migrations at the last check."),
    ("holdfast_schema_check_age_seconds", "Time since the schema was last checked for drift."),
    ("holdfast_audit_seal_age_seconds", "Time since the audit log was last sealed; it is sealed only while it grows."),
    ("holdfast_backup_age_seconds", "Time since the last successful backup ended."),
    ("holdfast_backup_duration_seconds", "Duration of the last successful backup."),
    ("holdfast_backup_size_bytes", "Size of the database in the last successful backup."),
    ("holdfast_backup_compressed_bytes", "Size of the archive of the last successful backup."),
    ("holdfast_drill_age_seconds", "Time since the last successful restore drill ended."),
    ("holdfast_drill_duration_seconds", "Duration of the last successful restore drill."),
    ("holdfast_backup_failures", "Failed backups and restore drills since the last successful one of their kind."),
];
