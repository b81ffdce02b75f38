-- Every filter of the audit log has its index, so that none of them is slow among very many rows.

-- Under row-level security no condition on targets itself can use an index: the operators of jsonb may leak. So the account
-- is a column, made of the targets that are sealed.
DROP INDEX http_audit_log_by_account;
ALTER TABLE http_audit_log ADD COLUMN account_id text GENERATED ALWAYS AS (targets ->> 'account_id') STORED;
COMMENT ON COLUMN http_audit_log.account_id IS 'The account among the targets; for the filter.';
CREATE INDEX http_audit_log_by_account ON http_audit_log (tenant_id, account_id, at DESC, id DESC) WHERE account_id IS NOT NULL;
CREATE INDEX http_audit_log_by_status ON http_audit_log (tenant_id, status, at DESC, id DESC);
CREATE INDEX http_audit_log_by_path ON http_audit_log (tenant_id, path, at DESC, id DESC);
