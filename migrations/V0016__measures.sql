-- What the maintenance function measures for alarms, and how it finds forgotten sign-ins, however many addresses have
-- been guessing.

GRANT SELECT ON metric_instances, backup_runs TO holdfast_maintenance;

CREATE INDEX login_throttles_by_age ON login_throttles (failed_at);
