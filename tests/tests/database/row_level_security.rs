//! Row-level security: the functions' database roles see and change only their tenant's rows, whatever their SQL says.

use holdfast_shared::permission::Role;
use holdfast_shared::problem::Code;
use holdfast_shared::vault::Purpose;
use holdfast_tests::app::{Tenant, TestApp};
use serde_json::json;

/// Every table, and whether it holds rows of tenants.
const TABLES: &str = "SELECT c.relname::text AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
        c.relname = 'tenants' OR EXISTS (SELECT FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS of_tenants
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition";

#[tokio::test]
async fn every_table_with_tenants_rows_has_row_level_security_enabled_and_forced() {
    let app = TestApp::start().await;
    let tables = app.database.superuser().await.query(TABLES, &[]).await.unwrap();
    let of_tenants: Vec<_> = tables.iter().filter(|row| row.get("of_tenants")).collect();
    assert!(of_tenants.len() >= 6, "{of_tenants:?}");
    for row in of_tenants {
        assert!(row.get("enabled") && row.get("forced"), "{}", row.get::<_, &str>("name"));
    }
}

#[tokio::test]
async fn without_a_tenant_no_row_is_visible_and_with_one_only_its_own() {
    let app = TestApp::start().await;
    for tenant in [Tenant::Acme, Tenant::Globex] {
        let editor = app.sign_in(tenant, Role::Editor).await.with_header("idempotency-key", "k");
        assert_eq!(editor.post("/accounts", &json!({"name": "a"})).await.status, 201);
        let id = app.tenant_id(tenant).await.parse().unwrap();
        app.apps.accounts.vault.as_ref().unwrap().seal(id, Purpose::Secret, &[], b"").await.unwrap();
        app.apps.auth.vault.as_ref().unwrap().seal(id, Purpose::Totp, &[], b"").await.unwrap();
    }
    let acme: uuid::Uuid = app.tenant_id(Tenant::Acme).await.parse().unwrap();
    let tables = [
        ("admin", ["tenants", "users", "sessions", "http_audit_log", "vault_keys"].as_slice()),
        ("auth", &["tenants", "users", "sessions", "vault_keys"]),
        ("accounts", &["accounts", "vault_keys"]),
    ];
    for (function, table) in
        tables.iter().flat_map(|(function, tables)| tables.iter().map(move |table| (function, table)))
    {
        let client = app.database.login(function).await;
        let own = if *table == "tenants" { "id" } else { "tenant_id" };
        let count =
            format!("SELECT count(*) AS visible, count(*) FILTER (WHERE {own} <> '{acme}') AS foreign FROM {table}");
        client.batch_execute("SELECT set_config('holdfast.tenant', '', false)").await.unwrap();
        let row = client.query_one(&count, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>("visible"), 0, "{table} without a tenant");

        client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&acme.to_string()]).await.unwrap();
        let row = client.query_one(&count, &[]).await.unwrap();
        let (visible, foreign): (i64, i64) = (row.get("visible"), row.get("foreign"));
        assert!(visible > 0 && foreign == 0, "{table}: {visible} visible, {foreign} foreign");
    }
}

#[tokio::test]
async fn rows_cannot_be_written_into_another_tenant() {
    let app = TestApp::start().await;
    let (acme, globex) = (app.tenant_id(Tenant::Acme).await, app.tenant_id(Tenant::Globex).await);
    let theirs = app.sign_in(Tenant::Globex, Role::Editor).await.post("/accounts", &json!({"name": "a"})).await;
    let client = app.database.login("accounts").await;
    client.query_one("SELECT set_config('holdfast.tenant', $1, false)", &[&acme]).await.unwrap();
    let insert = format!(
        "INSERT INTO accounts (id, tenant_id, name, search_name, created_at, updated_at)
         VALUES (gen_random_uuid(), '{globex}', 'x', 'x', now(), now())"
    );
    assert!(client.batch_execute(&insert).await.unwrap_err().to_string().contains("db error"));
    let update = format!("UPDATE accounts SET name = 'stolen' WHERE id = '{}'", theirs.text_at("id"));
    assert_eq!(client.execute(&update, &[]).await.unwrap(), 0);
    let moved = format!("UPDATE accounts SET tenant_id = '{globex}'");
    assert_eq!(client.execute(&moved, &[]).await.unwrap_err().code().unwrap().code(), "42501");
    assert_eq!(app.database.count("SELECT count(*) FROM accounts WHERE name = 'a'").await, 1);
}

#[tokio::test]
async fn the_functions_roles_own_nothing_and_cannot_bypass() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    let sql = "SELECT r.rolname::text AS name, r.rolcanlogin AS can_login,
            r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb AS powerful,
            (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid) AS owned
          FROM pg_roles r WHERE r.rolname LIKE 'holdfast\\_%' AND r.rolname <> 'holdfast_owner'";
    let roles = superuser.query(sql, &[]).await.unwrap();
    assert!(roles.len() >= 5);
    for row in roles {
        let (name, powerful, owned): (&str, bool, i64) = (row.get("name"), row.get("powerful"), row.get("owned"));
        assert!(!powerful && owned == 0, "{name}");
        assert!(name != "holdfast_definer" || !row.get::<_, bool>("can_login"), "{name} has a login");
    }
}

#[tokio::test]
async fn the_metrics_role_reads_no_tenants_rows() {
    let app = TestApp::start().await;
    let client = app.database.login("metrics").await;
    for table in [
        "tenants",
        "users",
        "sessions",
        "refresh_tokens",
        "accounts",
        "idempotency_keys",
        "attempts",
        "http_audit_log",
        "rejection_counts",
    ] {
        let error = client.batch_execute(&format!("SELECT FROM {table}")).await.expect_err(table);
        assert_eq!(error.as_db_error().unwrap().code().code(), "42501", "{table}");
    }
}

#[tokio::test]
async fn every_rejection_has_the_status_of_its_problem_code() {
    let app = TestApp::start().await;
    let client = app.database.superuser().await;
    for code in Code::ALL {
        let row = client.query_one("SELECT problem_status($1) AS status", &[&code.name()]).await.unwrap();
        assert_eq!(row.get::<_, i32>("status"), i32::from(code.status().as_u16()), "{}", code.name());
    }
}

#[tokio::test]
async fn every_table_and_column_has_a_comment() {
    let app = TestApp::start().await;
    let sql = "SELECT c.relname::text || coalesce('.' || a.attname::text, '') AS name FROM pg_class c
          LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> 'refinery_schema_history'
           AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)";
    let bare = app.database.superuser().await.query(sql, &[]).await.unwrap();
    let bare: Vec<&str> = bare.iter().map(|row| row.get("name")).collect();
    assert!(bare.is_empty(), "{bare:?}");
}
