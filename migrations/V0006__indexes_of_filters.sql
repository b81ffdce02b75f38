-- Indexes for the audit log's status, path and role filters, and for finding expired attempts. Nothing but speed depends on
-- them, so a build of this version serves a schema of the version before.
CREATE INDEX http_audit_log_by_status ON http_audit_log (tenant_id, status, at DESC, id DESC);
CREATE INDEX http_audit_log_by_path ON http_audit_log (tenant_id, path, at DESC, id DESC);
CREATE INDEX http_audit_log_by_role ON http_audit_log (tenant_id, role, at DESC, id DESC);
CREATE INDEX attempts_by_age ON attempts (counted_at);
