//! Verification over HTTP: every change of sealed rows or seals by the superuser is detected and named.

use holdfast_shared::permission::Role;
use holdfast_tests::app::Tenant;
use holdfast_tests::auditor::Audited;
use serde_json::{Value, json};

#[tokio::test]
async fn an_untouched_log_verifies_over_http_and_offline_in_both_formats() {
    let fixture = Audited::new().await;
    let found = fixture.verify().await;
    assert_eq!((&found["ok"], &found["complete"], &found["first_bad"]), (&json!(true), &json!(true), &Value::Null));
    let (seals, rows) = (found["seals"].as_u64().unwrap(), found["rows"].as_u64().unwrap());
    assert!(seals >= 3 && rows == 10 && found["sealed_through"].is_string(), "{found}");

    fixture.sealing.seal_all(&fixture.app).await;
    let mut files = fixture.files().await;
    let good = files.verify().unwrap();
    assert!(good.starts_with("All ") && good.contains(" are as they were sealed; 0 of them were dropped"), "{good}");
    files.export = fixture.fetch("export.csv", "/admin/audit/export?format=csv&limit=4").await;
    assert!(files.verify().unwrap().starts_with("All "));
    // The objects of the bucket, with the batches of all tenants, are accepted as well.
    let objects: String =
        fixture.sealing.stored().iter().map(|seal| serde_json::to_string_pretty(seal).unwrap()).collect();
    files.seals = fixture.app.database.file("objects.json", &objects);
    assert!(files.verify().unwrap().starts_with("All "));
}

/// A different value for each column.
const COLUMNS: [(&str, &str); 20] = [
    ("epoch", "2"),
    ("transaction_id", "'9'::xid8"),
    ("id", "'0199a1b2-c3d4-7000-8000-000000000001'"),
    ("at", "at + interval '1 microsecond'"),
    ("request_id", "'another'"),
    ("tenant_id", "(SELECT id FROM tenants WHERE slug = 'globex')"),
    ("actor_kind", "'api_token'"),
    ("actor_id", "NULL"),
    ("actor_name", "'somebody'"),
    ("role", "''"),
    ("session_id", "gen_random_uuid()"),
    ("action", "'account.read'"),
    ("method", "'GET'"),
    ("path", "path || '/'"),
    ("status", "200"),
    ("source_ip", "NULL"),
    ("user_agent", "user_agent || ' '"),
    ("reason", "'another'"),
    ("targets", "targets || '{\"user_id\": \"x\"}'"),
    ("changed", "changed || '{role}'"),
];

#[tokio::test]
async fn a_change_of_any_column_is_detected_and_the_row_named() {
    let fixture = Audited::new().await;
    let superuser = fixture.app.database.superuser().await;
    let columns = "SELECT attname::text AS name FROM pg_attribute
        WHERE attrelid = 'http_audit_log'::regclass AND attnum > 0 AND attgenerated = ''";
    let columns = superuser.query(columns, &[]).await.unwrap();
    let mut columns: Vec<String> = columns.iter().map(|row| row.get("name")).collect();
    columns.sort();
    let mut covered: Vec<_> = COLUMNS.iter().map(|(column, _)| (*column).to_owned()).collect();
    covered.sort();
    assert_eq!(covered, columns, "add a new column to the encoding, and to this table");

    let victim = "SELECT id::text FROM http_audit_log WHERE tenant_id = $1::text::uuid AND action = 'account.create'
        ORDER BY transaction_id LIMIT 1 OFFSET 1";
    let victim: String = fixture.app.database.value(victim, &[&fixture.acme]).await;
    let keep = "CREATE TABLE kept AS SELECT * FROM http_audit_log; ALTER TABLE kept DROP COLUMN account_id";
    fixture.tamper(keep).await;
    for (column, value) in COLUMNS {
        fixture.tamper(&format!("UPDATE http_audit_log SET {column} = {value} WHERE id = '{victim}'")).await;
        let found = fixture.verify().await;
        let bad = &found["first_bad"];
        assert_eq!(found["ok"], false, "{column}");
        assert_eq!(bad["row"], json!(victim), "{column}: {found}");
        assert!(["altered", "removed", "added"].contains(&bad["fault"].as_str().unwrap()), "{column}: {found}");
        // Restores the row, and removes a changed copy.
        fixture
            .tamper(&format!(
                "DELETE FROM http_audit_log WHERE id IN ('{victim}', '0199a1b2-c3d4-7000-8000-000000000001');
                 INSERT INTO http_audit_log SELECT * FROM kept WHERE id = '{victim}'"
            ))
            .await;
    }
    assert_eq!(fixture.verify().await["ok"], true);
}

#[tokio::test]
async fn added_removed_and_replaced_rows_and_seals_are_detected() {
    let row =
        "(SELECT id FROM http_audit_log WHERE tenant_id = ACME ORDER BY epoch, transaction_id, id LIMIT 1 OFFSET 2)";
    let copy = "INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status, transaction_id)
        SELECT '0199a1b2-c3d4-7000-8000-0000000000ff', at, request_id, tenant_id, actor_kind, action, method, path, status, transaction_id
          FROM http_audit_log WHERE id = ";
    let newest = "(SELECT max(seal_number) FROM audit_batches WHERE tenant_id = ACME)";
    for (change, faults) in [
        (format!("DELETE FROM http_audit_log WHERE id = {row}"), &["removed"][..]),
        (format!("{copy}{row}"), &["added"]),
        (
            // Before the first transaction of all, in an epoch of its own.
            format!("ALTER TABLE http_audit_log DROP CONSTRAINT http_audit_log_epoch_check; {copy}{row};
                UPDATE http_audit_log SET epoch = -1 WHERE id = '0199a1b2-c3d4-7000-8000-0000000000ff'"),
            &["added"],
        ),
        (
            // Two rows swap their transactions.
            "CREATE TEMP TABLE two AS SELECT id, transaction_id FROM http_audit_log WHERE tenant_id = ACME ORDER BY transaction_id LIMIT 2;
                UPDATE http_audit_log l SET transaction_id = (SELECT t.transaction_id FROM two t WHERE t.id <> l.id) WHERE id IN (SELECT id FROM two)".to_owned(),
            &["altered", "removed"],
        ),
        (format!("UPDATE http_audit_log SET tenant_id = (SELECT id FROM tenants WHERE slug = 'globex') WHERE id = {row}"), &["removed"]),
        (
            // The newest rows of the tenant, with their batch.
            format!("DELETE FROM http_audit_log WHERE tenant_id = ACME AND transaction_id >= (SELECT from_transaction FROM audit_seals WHERE number = {newest});
                DELETE FROM audit_batches WHERE tenant_id = ACME AND seal_number = {newest}"),
            &["state"],
        ),
        ("DELETE FROM http_audit_log WHERE tenant_id = ACME; DELETE FROM audit_batches WHERE tenant_id = ACME".to_owned(), &["state"]),
        ("UPDATE audit_seals SET document = (SELECT document FROM audit_seals WHERE number = 1) WHERE number = 2".to_owned(), &["seal"]),
        ("UPDATE audit_seals SET document = document || 'A' WHERE number = 3".to_owned(), &["seal"]),
        ("UPDATE audit_seals SET to_transaction = '7'::xid8 WHERE number = 1".to_owned(), &["seal", "removed"]),
        ("ALTER TABLE audit_batches DROP CONSTRAINT audit_batches_seal_number_fkey; ALTER TABLE audit_deliveries DROP CONSTRAINT audit_deliveries_seal_number_fkey;
            DELETE FROM audit_seals WHERE number = 2".to_owned(), &["seal"]),
        (format!("UPDATE audit_batches SET entries = substr(entries, 49) || substr(entries, 1, 48) WHERE tenant_id = ACME AND seal_number = {newest}"), &["batch"]),
        (format!("UPDATE audit_batches SET total = total + 1 WHERE tenant_id = ACME AND seal_number = {newest}"), &["batch"]),
    ] {
        let fixture = Audited::new().await;
        fixture.tamper(&change).await;
        let found = fixture.verify().await;
        assert_eq!(found["ok"], false, "{change}");
        assert!(faults.contains(&found["first_bad"]["fault"].as_str().unwrap()), "{change}: {found}");
        assert!(found["first_bad"]["seal"].as_u64().unwrap() >= 1, "{change}: {found}");
    }
}

#[tokio::test]
async fn a_long_log_is_verified_and_its_seals_are_paged() {
    let fixture = Audited::new().await;
    let mut sealing = fixture.sealing;
    sealing.plan.max_rows = 1;
    let editor = fixture.app.sign_in(Tenant::Acme, Role::Editor).await;
    for at in 0..230 {
        editor.post("/accounts", &json!({"name": format!("long-{at}")})).await;
    }
    sealing.seal_all(&fixture.app).await;
    let fixture = Audited { sealing, ..fixture };
    let found = fixture.verify().await;
    assert_eq!((&found["ok"], &found["complete"]), (&json!(true), &json!(true)), "{found}");
    assert!(found["seals"].as_u64().unwrap() > 230, "{found}");
    let first = fixture.admin.get("/admin/audit/seals").await;
    assert_eq!(first.text.lines().count(), 200);
    assert!(first.header("link").starts_with("</admin/audit/seals?cursor="), "{}", first.header("link"));
    fixture.files().await.verify().unwrap();
}
