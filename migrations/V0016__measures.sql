-- What the maintenance function measures for alarms, and how it finds forgotten sign-ins, however many addresses have
-- been guessing.

GRANT SELECT ON metric_instances, backup_runs TO holdfast_maintenance;
CREATE POLICY maintenance ON backup_runs FOR SELECT TO holdfast_maintenance USING (true);

CREATE INDEX login_throttles_by_age ON login_throttles (failed_at);
