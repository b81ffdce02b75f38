SELECT name, value FROM (
    SELECT name, value::float8 FROM (SELECT max(version) AS version, min(applied_on::timestamptz) AS installed_at FROM refinery_schema_history) AS schema
     -- What a clock that ran ahead has left does not count: it would hide for long that nothing is done any more.
     CROSS JOIN (VALUES (interval '5 minutes')) AS clock (tolerance)
     CROSS JOIN LATERAL (VALUES
        ('holdfast_instances', (SELECT count(*) FROM metric_instances WHERE reported_at > $1::timestamptz - interval '5 minutes')),
        ('holdfast_counters_age_seconds', (SELECT extract(epoch FROM $1 - max(reported_at)) FROM metric_instances)),
        ('holdfast_schema_version', schema.version),
        ('holdfast_migration_failures', (SELECT count(*) FROM migration_failures f WHERE f.version = schema.version)),
        ('holdfast_schema_differences', (SELECT differences FROM schema_checks ORDER BY at DESC LIMIT 1)),
        ('holdfast_schema_check_age_seconds', (SELECT extract(epoch FROM $1 - coalesce(max(at), schema.installed_at)) FROM schema_checks WHERE at <= $1 + clock.tolerance)),
        ('holdfast_audit_seal_age_seconds', (SELECT extract(epoch FROM $1 - coalesce(max(sealed_at), schema.installed_at)) FROM audit_seals WHERE sealed_at <= $1 + clock.tolerance)),
        ('holdfast_backup_age_seconds', (SELECT extract(epoch FROM $1 - coalesce(max(finished_at), schema.installed_at)) FROM backup_runs WHERE kind = 'backup' AND state = 'succeeded' AND finished_at <= $1 + clock.tolerance)),
        ('holdfast_drill_age_seconds', (SELECT extract(epoch FROM $1 - coalesce(max(finished_at), schema.installed_at)) FROM backup_runs WHERE kind = 'drill' AND state = 'succeeded' AND finished_at <= $1 + clock.tolerance)),
        ('holdfast_backup_failures', (SELECT count(*) FROM backup_runs f WHERE f.state = 'failed'
            AND NOT EXISTS (SELECT FROM backup_runs s WHERE s.kind = f.kind AND s.state = 'succeeded' AND s.finished_at > f.finished_at)))
    ) AS gauge (name, value)
    UNION ALL
    SELECT 'holdfast_' || newest.kind || '_' || figure.name, figure.value::float8
      FROM (SELECT DISTINCT ON (r.kind) r.* FROM backup_runs r WHERE r.state = 'succeeded' ORDER BY r.kind, r.finished_at DESC) newest
     CROSS JOIN LATERAL (VALUES
        ('duration_seconds', extract(epoch FROM newest.finished_at - newest.started_at)),
        ('size_bytes', newest.size_bytes), ('compressed_bytes', newest.compressed_bytes)
    ) AS figure (name, value)
     WHERE NOT (newest.kind = 'drill' AND figure.name LIKE '%bytes')
) AS gauges WHERE value IS NOT NULL
