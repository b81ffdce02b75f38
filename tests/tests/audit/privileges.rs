//! The privileges of the functions' database roles on the audit log and its seals: read, add seals, and nothing else.

use holdfast_shared::db::LOGINS;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::sealing::Sealing;
use serde_json::json;

/// The functions' roles, and the one of the functions with their owner's rights.
fn roles() -> impl Iterator<Item = &'static str> {
    LOGINS.iter().map(|login| login.role).chain(["holdfast_definer"])
}

const SEALS: [&str; 5] = ["audit_keys", "audit_seals", "audit_batches", "audit_deliveries", "audit_drops"];
const INSUFFICIENT_PRIVILEGE: &str = "42501";

#[tokio::test]
async fn no_function_can_change_or_remove_rows_partitions_or_seals() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Editor).await.post("/accounts", &json!({"name": "a"})).await;
    Sealing::of(&app).seal_all(&app).await;
    let superuser = app.database.superuser().await;
    let partitions = "SELECT inhrelid::regclass::text AS name FROM pg_inherits
        WHERE inhparent = 'http_audit_log'::regclass";
    let partitions: Vec<String> =
        superuser.query(partitions, &[]).await.unwrap().iter().map(|row| row.get("name")).collect();
    assert!(partitions.len() > 12, "{partitions:?}");
    let tables: Vec<&str> =
        ["http_audit_log"].into_iter().chain(SEALS).chain(partitions.iter().map(String::as_str)).collect();
    let mut tried = 0;
    for role in roles() {
        superuser.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
        superuser
            .batch_execute(&format!(
                "SELECT set_config('holdfast.tenant', '{}', false)",
                app.tenant_id(Tenant::Acme).await
            ))
            .await
            .unwrap();
        for table in &tables {
            let column = match *table {
                "audit_keys" => "kid",
                "audit_seals" => "document",
                "audit_batches" => "entries",
                "audit_deliveries" => "location",
                "audit_drops" => "partition",
                _ => "path",
            };
            for sql in [
                format!("UPDATE {table} SET {column} = {column}"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
                format!("DROP TABLE {table}"),
                format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"),
                format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
                format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
                format!("ALTER TABLE {table} OWNER TO {role}"),
                format!(
                    "CREATE TRIGGER t BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
                ),
                format!("CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING"),
                format!("COMMENT ON TABLE {table} IS 'x'"),
                format!("DO $$ BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; END $$"),
                format!("SELECT FROM {table} FOR UPDATE"),
            ] {
                let rejected = superuser.batch_execute(&sql).await.expect_err(&sql);
                let code = rejected.as_db_error().unwrap().code().code().to_owned();
                assert_eq!(code, INSUFFICIENT_PRIVILEGE, "{role}: {sql}: {rejected:?}");
                tried += 1;
            }
        }
        for sql in [
            format!("ALTER TABLE http_audit_log DETACH PARTITION {}", partitions[0]),
            "CREATE TABLE mine PARTITION OF http_audit_log FOR VALUES FROM ('1999-01-01') TO ('1999-02-01')".to_owned(),
            "ALTER TABLE http_audit_log ALTER COLUMN transaction_id SET DEFAULT '1'::xid8".to_owned(),
            "CREATE POLICY mine ON audit_batches USING (true)".to_owned(),
            "SELECT begin_audit_epoch()".to_owned(),
            "CREATE OR REPLACE FUNCTION audit_horizon() RETURNS TABLE (epoch integer, transaction_id xid8) LANGUAGE sql AS 'SELECT 1, NULL::xid8'".to_owned(),
            "DROP FUNCTION audit_horizon()".to_owned(),
        ] {
            let rejected = superuser.batch_execute(&sql).await.expect_err(&sql);
            let code = rejected.as_db_error().unwrap().code().code().to_owned();
            assert_eq!(code, INSUFFICIENT_PRIVILEGE, "{role}: {sql}: {rejected:?}");
        }
        superuser.batch_execute("RESET ROLE").await.unwrap();
    }
    assert!(tried > 1000, "{tried}");
}

#[tokio::test]
async fn only_maintenance_adds_seals_and_no_login_adds_rows() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    let can = "SELECT has_table_privilege($1, $2, 'INSERT')";
    for role in roles() {
        for table in SEALS {
            let can_insert: bool = superuser.query_one(can, &[&role, &table]).await.unwrap().get(0);
            assert_eq!(can_insert, role == "holdfast_maintenance", "{role} {table}");
        }
        let can_insert: bool = superuser.query_one(can, &[&role, &"http_audit_log"]).await.unwrap().get(0);
        assert_eq!(can_insert, role == "holdfast_definer", "{role}");
    }
}

#[tokio::test]
async fn a_tenant_sees_its_own_batches_and_only_the_hashes_of_others() {
    let app = TestApp::start().await;
    for tenant in [Tenant::Acme, Tenant::Globex] {
        app.sign_in(tenant, Role::Editor).await;
    }
    Sealing::of(&app).seal_all(&app).await;
    let client = app.database.login("admin").await;
    let count = "SELECT count(*) AS batches, count(DISTINCT tenant_id) AS tenants FROM audit_batches";
    assert_eq!(client.query_one(count, &[]).await.unwrap().get::<_, i64>("batches"), 0);
    let acme = app.tenant_id(Tenant::Acme).await;
    client.execute("SELECT set_config('holdfast.tenant', $1, false)", &[&acme]).await.unwrap();
    let row = client.query_one(count, &[]).await.unwrap();
    assert!(row.get::<_, i64>("batches") > 0 && row.get::<_, i64>("tenants") == 1);
    let leaves: Vec<u8> = client.query_one("SELECT leaves FROM audit_state_leaves()", &[]).await.unwrap().get(0);
    assert_eq!(leaves.len(), 2 * 32);
}
