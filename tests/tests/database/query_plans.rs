//! The query plans of lists over very many rows: each page is read from an index, in the list's order, with hardly a row
//! that is not on the page.

use holdfast_tests::app::{Tenant, TestApp};
use serde_json::Value;

const ACCOUNTS: i64 = 100_000;

/// Accounts of Acme. Every hundredth is suspended, one owner owns half of them, and one account has many secrets with many
/// versions.
const FILL: &str = "
    INSERT INTO accounts (id, tenant_id, name, search_name, owner, status, created_at, updated_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, t.id, 'Name ' || md5(n::text), 'name ' || md5(n::text),
           CASE WHEN n % 2 = 0 THEN 'most' ELSE 'owner ' || n / 10 END, CASE WHEN n % 100 = 0 THEN 'suspended' ELSE 'active' END, now(), now()
      FROM tenants t, generate_series(1, 100000) n WHERE t.slug = 'acme';
    INSERT INTO secrets (tenant_id, account_id, name, version, created_at, updated_at)
    SELECT a.tenant_id, a.id, 'name' || n, 50, now(), now() FROM accounts a, generate_series(1, 1000) n WHERE a.id = lpad('1', 32, '0')::uuid;
    INSERT INTO secret_versions (tenant_id, account_id, name, version, sealed, key_version, binding_tag, is_text, created_at)
    SELECT tenant_id, account_id, name, n, '', 1, sha256(''), true, now() FROM secrets, generate_series(1, 50) n;
    ANALYZE accounts; ANALYZE secrets; ANALYZE secret_versions;";

/// Audit rows of Acme, the rare ones far from the newest.
const FILL_AUDIT: &str = "
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, role, action, method, path, status, targets)
    SELECT lpad(to_hex(n), 32, '0')::uuid, now() - make_interval(secs => 200000 - n), 'request ' || n, t.id, 'user',
           lpad(to_hex(CASE WHEN n % 1000 = 7 THEN n / 10000 ELSE 99 END), 32, '0')::uuid,
           CASE WHEN n < 60 THEN 'operator' ELSE 'editor' END,
           CASE WHEN n < 60 THEN 'user.create' ELSE 'account.read' END, 'GET',
           CASE WHEN n < 60 THEN '/admin/users' ELSE '/accounts' END, CASE WHEN n < 60 THEN 403 ELSE 200 END,
           jsonb_build_object('account_id', lpad(to_hex(n / 60), 32, '0')::uuid)
      FROM tenants t, generate_series(1, 100000) n WHERE t.slug = 'acme';
    ANALYZE http_audit_log;";

#[tokio::test]
async fn every_filter_of_the_audit_log_reads_its_page_from_an_index() {
    let app = TestApp::start().await;
    app.database.execute(FILL_AUDIT).await;
    let client = app.database.login("admin").await;
    let tenant = app.tenant_id(Tenant::Acme).await;
    client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&tenant]).await.unwrap();
    client.batch_execute(&format!("PREPARE list AS {}", holdfast_admin::audit_list_statement())).await.unwrap();
    for parameters in [
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 51",
        "now() - interval '1 day', now() - interval '12 hours', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 51",
        "NULL, NULL, lpad('3', 32, '0')::uuid, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 51",
        "NULL, NULL, NULL, 'user.create', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 51",
        "NULL, NULL, NULL, NULL, 403::smallint, NULL, NULL, NULL, NULL, NULL, NULL, 51",
        "NULL, NULL, NULL, NULL, NULL, '/admin/users', NULL, NULL, NULL, NULL, NULL, 51",
        "NULL, NULL, NULL, NULL, NULL, NULL, 'request 77', NULL, NULL, NULL, NULL, 51",
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, '00000000-0000-0000-0000-000000000007', NULL, NULL, NULL, 51",
        "NULL, NULL, NULL, 'account.read', NULL, NULL, NULL, NULL, NULL, now() - interval '1 day', lpad('7', 32, '0')::uuid, 51",
        "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'operator', NULL, NULL, 51",
    ] {
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE list({parameters})");
        let plan: Value = client.query_one(&explain, &[]).await.unwrap().get("QUERY PLAN");
        let root = &plan[0]["Plan"];
        let pages = root["Shared Hit Blocks"].as_i64().unwrap() + root["Shared Read Blocks"].as_i64().unwrap();
        assert!(pages < 600, "({parameters}) reads {pages} pages: {plan:#}");
        let mut all = Vec::new();
        nodes(root, &mut all);
        for node in &all {
            assert!(node["Rows Removed by Filter"].as_f64().unwrap_or(0.0) <= 400.0, "({parameters}): {plan:#}");
        }
    }
}

/// Collects every node of a plan.
fn nodes(plan: &Value, into: &mut Vec<Value>) {
    into.push(plan.clone());
    for inner in plan["Plans"].as_array().into_iter().flatten() {
        nodes(inner, into);
    }
}

#[tokio::test]
async fn every_list_reads_its_page_from_an_index_and_little_else() {
    let app = TestApp::start().await;
    app.database.execute(FILL).await;
    let client = app.database.login("accounts").await;
    let tenant = app.tenant_id(Tenant::Acme).await;
    client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&tenant]).await.unwrap();
    for (name, sql) in holdfast_accounts::list_statements() {
        client.batch_execute(&format!("PREPARE \"{name}\" AS {sql}")).await.unwrap();
    }

    let middle = "lpad(to_hex(50000), 32, '0')::uuid";
    let account = "lpad('1', 32, '0')::uuid";
    for (list, parameters) in [
        ("accounts in order", "NULL, NULL, NULL, 51".to_owned()),
        ("accounts in order", format!("{middle}, NULL, NULL, 51")),
        ("accounts in order", format!("{middle}, 'suspended', NULL, 51")),
        ("accounts in order", format!("{middle}, NULL, 'most', 51")),
        ("accounts in order", "NULL, NULL, 'owner 77', 51".to_owned()),
        ("accounts in order", "NULL, 'active', 'owner 77', 51".to_owned()),
        ("accounts by prefix", "'name', NULL, NULL, NULL, NULL, 51".to_owned()),
        ("accounts by prefix", "'name 7f', NULL, NULL, NULL, NULL, 51".to_owned()),
        ("accounts by prefix", format!("'name', 'name 8', {middle}, NULL, NULL, 51")),
        ("accounts by prefix", "'name 7f3', NULL, NULL, 'active', 'most', 51".to_owned()),
        ("secrets", format!("{account}, NULL, 51")),
        ("secrets", format!("{account}, 'name5', 51")),
        ("versions", format!("{account}, 'name7', NULL, 51")),
        ("versions", format!("{account}, 'name7', 25, 51")),
    ] {
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE \"{list}\"({parameters})");
        let plan: Value = client.query_one(&explain, &[]).await.unwrap().get("QUERY PLAN");
        let mut all = Vec::new();
        nodes(&plan[0]["Plan"], &mut all);
        let of_tables: Vec<_> = all.iter().filter(|node| node["Relation Name"].is_string()).collect();
        assert!(!of_tables.is_empty());
        for node in &all {
            assert_ne!(node["Node Type"], "Seq Scan", "{list}({parameters}): {plan:#}");
            assert!(node["Rows Removed by Filter"].as_f64().unwrap_or(0.0) <= 400.0, "{list}({parameters}): {plan:#}");
        }
        let pages = plan[0]["Plan"]["Shared Hit Blocks"].as_i64().unwrap()
            + plan[0]["Plan"]["Shared Read Blocks"].as_i64().unwrap();
        assert!(pages < 1_000, "{list}({parameters}) reads {pages} pages of {ACCOUNTS} accounts: {plan:#}");
    }
}
