//! `bench-backup`: measures a backup and a drill over a million accounts, for the figures in the operator's guide. It takes
//! minutes and a few gigabytes: `cargo run --package holdfast-tests --bin bench-backup`.
#![expect(clippy::print_stdout, reason = "a command prints its result")]

use std::time::Instant;

use holdfast_backup::{Summary, Task};
use holdfast_tests::app::TestApp;
use holdfast_tests::backups::{folder, plan, run_successfully};

/// A million accounts with typical contents, a secret for every fifth, and the audit rows of their creation.
const FILL: &str = "
    INSERT INTO accounts (id, tenant_id, name, search_name, owner, metadata, created_at, updated_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, t.id, 'Name ' || md5(n::text), 'name ' || md5(n::text), 'owner ' || n / 10,
           jsonb_build_object('plan', 'basic', 'reference', md5(random()::text)), now(), now()
      FROM tenants t, generate_series(1, 1000000) n WHERE t.slug = 'acme';
    INSERT INTO secrets (tenant_id, account_id, name, version, created_at, updated_at)
    SELECT tenant_id, id, 'token', 1, now(), now() FROM accounts WHERE right(id::text, 1) IN ('0', '5', 'a');
    INSERT INTO secret_versions (tenant_id, account_id, name, version, sealed, key_version, binding_tag, is_text, created_at)
    SELECT tenant_id, account_id, name, 1, sha256(random()::text::bytea) || sha256(random()::text::bytea) || sha256(random()::text::bytea) || sha256(random()::text::bytea),
           1, sha256(random()::text::bytea), true, now() FROM secrets;
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, action, method, path, status, source_ip, user_agent, targets)
    SELECT gen_random_uuid(), now(), md5(random()::text), tenant_id, 'user', tenant_id, 'editor', 'editor', 'account.create', 'POST', '/accounts', 201, '203.0.113.7', 'holdfast',
           jsonb_build_object('account_id', id) FROM accounts;
    ANALYZE";

#[expect(clippy::cast_precision_loss, reason = "figures to read")]
fn report(what: &str, summary: &Summary, seconds: f64) {
    let rows: i64 = summary.row_counts.values().sum();
    let megabytes = |bytes: f64| bytes / 1e6;
    println!(
        "{what}: {rows} rows, {:.0} MB on the server, {:.0} MB in the archive, {seconds:.1} s, {:.0} rows/s, {:.1} MB/s of the database",
        megabytes(summary.size_bytes as f64),
        megabytes(summary.compressed_bytes as f64),
        rows as f64 / seconds,
        megabytes(summary.size_bytes as f64) / seconds
    );
}

#[tokio::main]
async fn main() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    superuser.batch_execute(FILL).await.unwrap();
    let files = tempfile::tempdir().unwrap();
    let mut plan = plan(&app, folder(files.path()));
    plan.time_limit = std::time::Duration::from_mins(30);
    for (what, task) in [("backup", Task::Backup), ("drill", Task::Drill)] {
        let began = Instant::now();
        let summary = run_successfully(&app, &plan, task).await;
        report(what, &summary, began.elapsed().as_secs_f64());
    }
}
