//! Sealing: complete whatever commits late, one at a time, and never on top of what somebody changed.

use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::sealing::Sealing;
use maintenance::{Outcome, Sealed, Store, Task};
use serde_json::json;
use shared::audit::{self, AuditRow, Verified};
use shared::http::FromRow;
use shared::id::TenantId;
use shared::permission::Role;

const ROWS: &str =
    "SELECT epoch, transaction_id::text, id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role,
        session_id, action, method, path, status, source_ip, user_agent, targets, changed
      FROM http_audit_log WHERE tenant_id = $1 ORDER BY epoch, http_audit_log.transaction_id, id";

/// A row as a function writes it.
const RECORD: &str =
    "SELECT record_audit(gen_random_uuid(), now(), 'late', true, 'account.create', 'POST', '/accounts', 201,
    NULL, NULL, '{}', '{}', (SELECT id FROM tenants WHERE slug = 'acme'), NULL, NULL, NULL)";

async fn start() -> (TestApp, Sealing) {
    let app = TestApp::start().await;
    let sealing = Sealing::of(&app);
    (app, sealing)
}

async fn act(app: &TestApp, times: usize) {
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for at in 0..times {
        editor.post("/accounts", &json!({"name": format!("a{at}")})).await;
    }
}

/// The tenant's rows against the seals that were stored.
async fn verify(app: &TestApp, sealing: &Sealing, tenant: Tenant) -> Result<Verified, String> {
    let tenant: TenantId = app.tenant_id(tenant).await.parse().unwrap();
    let rows = app.database.superuser().await.query(ROWS, &[&tenant.0]).await.unwrap();
    let rows = rows.iter().map(|row| Ok(AuditRow::from_row(row).unwrap()));
    audit::verify(&sealing.keys(), &sealing.stored(), tenant, rows).map_err(|failure| failure.to_string())
}

fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed { error } => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_tenants_rows_are_sealed_and_the_seals_are_stored_in_their_order() {
    let (app, sealing) = start().await;
    act(&app, 3).await;
    app.sign_in(Tenant::Globex, Role::Viewer).await;
    sealing.seal_all(&app).await;
    act(&app, 1).await;
    sealing.seal_all(&app).await;
    let seals = sealing.stored().len() as u64;
    assert!(seals >= 2);
    for (tenant, rows) in [(Tenant::Acme, 6), (Tenant::Globex, 1)] {
        let expected = Verified { seals, rows, dropped: 0, unsealed: 0 };
        assert_eq!(verify(&app, &sealing, tenant).await, Ok(expected));
    }
    assert_eq!(sealing.seal(&app).await, Sealed::default(), "nothing is new");
}

#[tokio::test]
async fn a_row_that_commits_late_is_sealed_by_the_next_seal() {
    let (app, sealing) = start().await;
    let mut long = app.database.superuser().await;
    for round in 1..=3 {
        let late = long.transaction().await.unwrap();
        late.execute(RECORD, &[]).await.unwrap();
        act(&app, 1).await;
        // Rows of transactions that began after it have committed; nothing from it on may be sealed.
        sealing.seal(&app).await;
        let before = verify(&app, &sealing, Tenant::Acme).await.unwrap();
        assert_eq!(before.unsealed, 2, "{before:?}");
        late.commit().await.unwrap();
        sealing.seal_all(&app).await;
        let after = verify(&app, &sealing, Tenant::Acme).await.unwrap();
        assert_eq!((after.rows, after.unsealed), (3 * round, 0));
    }
}

#[tokio::test]
async fn a_seal_holds_a_bounded_number_of_rows() {
    let (app, mut sealing) = start().await;
    sealing.plan.most_rows = 2;
    act(&app, 6).await;
    sealing.seal_all(&app).await;
    let verified = verify(&app, &sealing, Tenant::Acme).await.unwrap();
    assert_eq!(verified.rows, 7);
    assert!(verified.seals >= 4, "{verified:?}");
    assert!(sealing.stored().iter().flat_map(|document| &document.batches).all(|batch| batch.count <= 2));
}

#[tokio::test]
async fn of_two_schedules_that_overlap_the_second_is_busy_and_does_no_harm() {
    let (app, sealing) = start().await;
    act(&app, 1).await;
    let other = app.database.superuser().await;
    let class = i32::from_be_bytes(*b"hold");
    other.execute("SELECT pg_advisory_lock($1, 1)", &[&class]).await.unwrap();
    assert_eq!(sealing.run(&app, Task::Seal).await, Outcome::Busy);
    other.execute("SELECT pg_advisory_unlock($1, 1)", &[&class]).await.unwrap();
    let runs = (0..5).map(|_| sealing.run(&app, Task::Seal));
    for outcome in futures_util::future::join_all(runs).await {
        assert!(matches!(outcome, Outcome::Done(_) | Outcome::Busy), "{outcome:?}");
    }
    sealing.seal_all(&app).await;
    assert_eq!(verify(&app, &sealing, Tenant::Acme).await.unwrap().rows, 2);
}

#[tokio::test]
async fn what_could_not_be_stored_is_stored_by_the_next_run() {
    let (app, mut sealing) = start().await;
    // A file stands where the folder should be.
    let blocked = app.database.file("blocked", "");
    let folder = std::mem::replace(&mut sealing.plan.store, Store::Folder(blocked.join("seals")));
    act(&app, 1).await;
    let error = failure(sealing.run(&app, Task::Seal).await);
    assert!(error.starts_with("a seal cannot be stored in seals/0000000001/"), "{error}");
    act(&app, 1).await;
    failure(sealing.run(&app, Task::Seal).await);
    sealing.plan.store = folder;
    sealing.seal_all(&app).await;
    assert_eq!(verify(&app, &sealing, Tenant::Acme).await.unwrap().rows, 4);
}

#[tokio::test]
async fn nothing_is_sealed_on_top_of_what_somebody_changed() {
    let (app, sealing) = start().await;
    act(&app, 1).await;
    sealing.seal_all(&app).await;
    let superuser = app.database.superuser().await;
    act(&app, 1).await;
    for (change, mend, alarm) in [
        (
            "UPDATE audit_batches SET total = total + 1",
            "UPDATE audit_batches SET total = total - 1",
            "ALARM: the batches in the database do not add up to the newest seal",
        ),
        (
            "UPDATE audit_seals SET document = 'x' || document",
            "UPDATE audit_seals SET document = substr(document, 2)",
            "ALARM: the newest seal in the database is not genuine",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM audit_keys; ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_kid_fkey; DELETE FROM audit_keys",
            "INSERT INTO audit_keys SELECT * FROM kept",
            "ALARM: the newest seal in the database is not genuine",
        ),
    ] {
        superuser.batch_execute(change).await.unwrap();
        let error = failure(sealing.run(&app, Task::Seal).await);
        assert!(error.starts_with(alarm), "{change}: {error}");
        superuser.batch_execute(mend).await.unwrap();
    }
    sealing.seal_all(&app).await;
    assert_eq!(verify(&app, &sealing, Tenant::Acme).await.unwrap().rows, 4);
}

#[tokio::test]
async fn a_restored_database_alarms_until_its_owner_begins_a_new_epoch() {
    let (app, sealing) = start().await;
    let superuser = app.database.superuser().await;
    // A cluster that has come further: its transactions' numbers are higher than this one's will be for long.
    let shift = |by: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION audit_horizon() RETURNS TABLE (epoch integer, transaction_id xid8) LANGUAGE sql STABLE AS $$
                SELECT audit_epoch(), (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + {by})::text::xid8 $$;
             ALTER TABLE http_audit_log ALTER COLUMN transaction_id SET DEFAULT (pg_current_xact_id()::text::bigint + {by})::text::xid8"
        )
    };
    superuser.batch_execute(&shift("1000000000")).await.unwrap();
    act(&app, 2).await;
    sealing.seal_all(&app).await;
    act(&app, 1).await;
    superuser.batch_execute(&shift("0")).await.unwrap();
    act(&app, 1).await;

    let error = failure(sealing.run(&app, Task::Seal).await);
    assert!(error.starts_with("ALARM: transactions go back (now 1/"), "{error}");
    let rows = verify(&app, &sealing, Tenant::Acme).await.unwrap_err();
    assert!(rows.contains("it was sealed, and is gone") || rows.contains("it was not there"), "{rows}");
    superuser.batch_execute("DELETE FROM http_audit_log WHERE transaction_id < '1000000000'::xid8").await.unwrap();

    let role = "SET ROLE holdfast_owner; SELECT begin_audit_epoch(); RESET ROLE";
    superuser.batch_execute(role).await.unwrap();
    act(&app, 1).await;
    sealing.seal_all(&app).await;
    let verified = verify(&app, &sealing, Tenant::Acme).await.unwrap();
    assert_eq!((verified.rows, verified.unsealed), (7, 0), "what the old epoch had left is sealed too");
    let epochs = superuser.query("SELECT DISTINCT epoch FROM audit_seals ORDER BY 1", &[]).await.unwrap();
    assert_eq!(epochs.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [1, 2]);
}
