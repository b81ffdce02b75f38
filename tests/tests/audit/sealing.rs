//! Sealing: complete in spite of late commits, one run at a time, and never after a tampered seal.

use std::time::{Duration, Instant};

use holdfast_maintenance::{Done, Outcome, SealStore, Sealed, Task};
use holdfast_shared::audit::{self, AuditRow, Verified};
use holdfast_shared::db::FromRow;
use holdfast_shared::id::TenantId;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::moto::Moto;
use holdfast_tests::sealing::{Sealing, s3};
use serde_json::json;

const ROWS: &str = concat!(
    "SELECT ",
    holdfast_shared::audit_columns!(),
    "
      FROM http_audit_log WHERE tenant_id = $1 ORDER BY epoch, http_audit_log.transaction_id, id"
);

/// Writes a row as a function does.
const RECORD: &str = "SELECT begin_anonymous_request((SELECT id FROM tenants WHERE slug = 'acme')),
    record_audit('late', true, 'account.create', 'POST', '/accounts', 201, NULL, NULL, '{}', '{}')";

async fn start() -> (TestApp, Sealing) {
    let app = TestApp::start().await;
    let sealing = Sealing::of(&app);
    (app, sealing)
}

async fn create_accounts(app: &TestApp, times: usize) {
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    for at in 0..times {
        editor.post("/accounts", &json!({"name": format!("a{at}")})).await;
    }
}

/// Verifies the tenant's rows against the stored seals.
async fn verify(app: &TestApp, sealing: &Sealing, tenant: Tenant) -> Result<Verified, String> {
    let tenant: TenantId = app.tenant_id(tenant).await.parse().unwrap();
    let rows = app.database.superuser().await.query(ROWS, &[&tenant.0]).await.unwrap();
    let rows = rows.iter().map(|row| Ok(AuditRow::from_row(row).unwrap()));
    audit::verify(&sealing.keys(), &sealing.stored(), tenant, rows).map_err(|failure| failure.to_string())
}

/// Runs the task until it fails: transactions of other tests may delay what is to be sealed.
async fn failure(app: &TestApp, sealing: &Sealing, task: Task) -> String {
    let started = Instant::now();
    loop {
        if let Outcome::Failed { error } = sealing.run(app, task).await {
            return error;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "the task does not fail");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_tenants_rows_are_sealed_and_the_seals_stored_in_order() {
    let (app, sealing) = start().await;
    create_accounts(&app, 3).await;
    app.sign_in(Tenant::Globex, Role::Viewer).await;
    sealing.seal_all(&app).await;
    create_accounts(&app, 1).await;
    sealing.seal_all(&app).await;
    let seals = sealing.stored().len() as u64;
    assert!(seals >= 2);
    for (tenant, rows) in [(Tenant::Acme, 6), (Tenant::Globex, 1)] {
        let found = verify(&app, &sealing, tenant).await.unwrap();
        assert_eq!((found.seals, found.rows, found.dropped, found.unsealed), (seals, rows, 0, 0));
        assert_eq!(found.through.map(|(number, _)| number), Some(seals));
    }
    assert_eq!(sealing.seal(&app).await, Sealed::default(), "nothing is new");
}

#[tokio::test]
async fn a_late_commit_is_sealed_by_the_next_seal() {
    let (app, sealing) = start().await;
    let mut long = app.database.superuser().await;
    for round in 1..=3 {
        let late = long.transaction().await.unwrap();
        late.execute(RECORD, &[]).await.unwrap();
        create_accounts(&app, 1).await;
        // Rows of later transactions have committed. Nothing from the open transaction on may be sealed.
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
    sealing.plan.max_rows = 2;
    create_accounts(&app, 6).await;
    sealing.seal_all(&app).await;
    let verified = verify(&app, &sealing, Tenant::Acme).await.unwrap();
    assert_eq!(verified.rows, 7);
    assert!(verified.seals >= 4, "{verified:?}");
    assert!(sealing.stored().iter().flat_map(|document| &document.batches).all(|batch| batch.count <= 2));
}

#[tokio::test]
async fn the_second_of_two_overlapping_runs_is_busy_and_harmless() {
    let (app, sealing) = start().await;
    create_accounts(&app, 1).await;
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
async fn a_seal_that_could_not_be_stored_is_stored_by_the_next_run() {
    let (app, mut sealing) = start().await;
    // The folder can be read, and nothing can be written to it: the epoch is a link to nowhere.
    let blocked = app.database.folder().join("blocked");
    std::fs::create_dir_all(blocked.join("seals")).unwrap();
    std::os::unix::fs::symlink("nowhere", blocked.join("seals/0000000001")).unwrap();
    let folder = std::mem::replace(&mut sealing.plan.store, SealStore::Folder(blocked));
    create_accounts(&app, 1).await;
    let error = failure(&app, &sealing, Task::Seal).await;
    assert!(error.starts_with("a seal cannot be stored in file:seals/0000000001/"), "{error}");
    create_accounts(&app, 1).await;
    failure(&app, &sealing, Task::Seal).await;
    sealing.plan.store = folder;
    sealing.seal_all(&app).await;
    assert_eq!(verify(&app, &sealing, Tenant::Acme).await.unwrap().rows, 4);
}

#[tokio::test]
async fn seals_are_locked_in_s3_after_an_outage() {
    let (app, mut sealing) = start().await;
    let moto = Moto::of_the_run().await;
    let bucket = moto.locking_bucket().await;
    // No server listens on the discard port.
    sealing.plan.store = SealStore::bucket(s3("http://127.0.0.1:9"), &bucket, 400);
    create_accounts(&app, 1).await;
    let error = failure(&app, &sealing, Task::Seal).await;
    assert!(error.starts_with(&format!("s3://{bucket}/seals/ cannot be read")), "{error}");
    create_accounts(&app, 1).await;
    sealing.plan.store = SealStore::bucket(s3(moto.url()), &bucket, 400);
    sealing.seal_all(&app).await;

    let seals = app.database.count("SELECT count(*) FROM audit_seals").await;
    let delivered = "SELECT count(*) FROM audit_seals s JOIN audit_deliveries d ON d.seal_number = s.number
        WHERE d.location LIKE 's3://%'";
    assert_eq!(app.database.count(delivered).await, seals);
    let mut documents = Vec::new();
    for number in 1..=seals {
        let object = moto.object(&format!("{bucket}/seals/0000000001/{number:020}.json")).await;
        assert_eq!(object.headers()["x-amz-object-lock-mode"], "COMPLIANCE");
        documents.push(serde_json::from_slice(object.body()).unwrap());
    }
    let acme: TenantId = app.tenant_id(Tenant::Acme).await.parse().unwrap();
    let rows = app.database.superuser().await.query(ROWS, &[&acme.0]).await.unwrap();
    let rows = rows.iter().map(|row| Ok(AuditRow::from_row(row).unwrap()));
    assert_eq!(audit::verify(&sealing.keys(), &documents, acme, rows).unwrap().rows, 4);
}

/// A change to the seals in the database, its repair, and the alarm that it raises.
struct Fault {
    change: &'static str,
    repair: &'static str,
    alarm: &'static str,
}

#[tokio::test]
async fn nothing_is_sealed_after_a_tampered_seal() {
    let (app, sealing) = start().await;
    create_accounts(&app, 1).await;
    sealing.seal_all(&app).await;
    let superuser = app.database.superuser().await;
    create_accounts(&app, 1).await;
    for Fault { change, repair, alarm } in [
        Fault {
            change: "UPDATE audit_batches SET total = total + 1",
            repair: "UPDATE audit_batches SET total = total - 1",
            alarm: "ALARM: the batches in the database do not add up to the newest seal",
        },
        Fault {
            change: "UPDATE audit_seals SET document = 'x' || document",
            repair: "UPDATE audit_seals SET document = substr(document, 2)",
            alarm: "ALARM: the newest seal in the database is not genuine",
        },
        Fault {
            change: "CREATE TABLE kept AS SELECT * FROM audit_keys;
                ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_kid_fkey; DELETE FROM audit_keys",
            repair: "INSERT INTO audit_keys SELECT * FROM kept",
            alarm: "ALARM: the newest seal in the database is not genuine",
        },
    ] {
        superuser.batch_execute(change).await.unwrap();
        let error = failure(&app, &sealing, Task::Seal).await;
        assert!(error.starts_with(alarm), "{change}: {error}");
        superuser.batch_execute(repair).await.unwrap();
    }
    sealing.seal_all(&app).await;
    assert_eq!(verify(&app, &sealing, Tenant::Acme).await.unwrap().rows, 4);
}

#[tokio::test]
async fn a_restored_database_raises_an_alarm_until_a_new_epoch_begins() {
    let (app, sealing) = start().await;
    let superuser = app.database.superuser().await;
    // Simulates the cluster that was backed up: its transaction ids are far ahead of this one's.
    let shift = |by: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION audit_horizon() RETURNS TABLE (epoch integer, transaction_id xid8) LANGUAGE sql STABLE AS $$
                SELECT audit_epoch(), (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + {by})::text::xid8 $$;
             ALTER TABLE http_audit_log ALTER COLUMN transaction_id SET DEFAULT (pg_current_xact_id()::text::bigint + {by})::text::xid8"
        )
    };
    superuser.batch_execute(&shift("1000000000")).await.unwrap();
    create_accounts(&app, 2).await;
    sealing.seal_all(&app).await;
    create_accounts(&app, 1).await;
    superuser.batch_execute(&shift("0")).await.unwrap();
    create_accounts(&app, 1).await;

    let error = failure(&app, &sealing, Task::Seal).await;
    assert!(error.starts_with("ALARM: transactions go back (now 1/"), "{error}");
    let rows = verify(&app, &sealing, Tenant::Acme).await.unwrap_err();
    assert!(rows.contains("it was sealed, and is missing") || rows.contains("it did not exist"), "{rows}");
    superuser.batch_execute("DELETE FROM http_audit_log WHERE transaction_id < '1000000000'::xid8").await.unwrap();

    let role = "SET ROLE holdfast_owner; SELECT begin_audit_epoch(); RESET ROLE";
    superuser.batch_execute(role).await.unwrap();
    create_accounts(&app, 1).await;
    sealing.seal_all(&app).await;
    let verified = verify(&app, &sealing, Tenant::Acme).await.unwrap();
    assert_eq!((verified.rows, verified.unsealed), (7, 0), "the unsealed rows of the old epoch are sealed, too");
    let epochs = superuser.query("SELECT DISTINCT epoch FROM audit_seals ORDER BY epoch", &[]).await.unwrap();
    assert_eq!(epochs.iter().map(|row| row.get("epoch")).collect::<Vec<i32>>(), [1, 2]);
}

#[tokio::test]
async fn an_expired_month_is_dropped_after_a_stored_seal_names_it() {
    let (app, mut sealing) = start().await;
    create_accounts(&app, 1).await;
    let superuser = app.database.superuser().await;
    // An old month with three rows.
    superuser
        .batch_execute(
            "SET ROLE holdfast_owner;
             CREATE TABLE http_audit_log_2025_01 PARTITION OF http_audit_log FOR VALUES FROM ('2025-01-01T00:00:00Z') TO ('2025-02-01T00:00:00Z');
             RESET ROLE;
             INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status)
             SELECT ('01946000-0000-7000-8000-00000000000' || n)::uuid, '2025-01-13T12:00:00Z', 'old', t.id, 'anonymous', 'auth.login', 'POST', '/auth/login', 401
               FROM generate_series(1, 3) n, tenants t WHERE t.slug = 'acme'",
        )
        .await
        .unwrap();
    let count = async || app.database.count("SELECT count(*) FROM http_audit_log WHERE request_id = 'old'").await;
    let partitions = async |sealing: &Sealing| match sealing.run(&app, Task::Partitions).await {
        Outcome::Done(Done::Partitions(done)) => (done.named, done.dropped),
        other => panic!("{other:?}"),
    };
    assert_eq!((partitions(&sealing).await, count().await), ((0, 0), 3), "not sealed yet");
    sealing.seal_all(&app).await;

    let blocked = app.database.file("blocked", "");
    let folder = std::mem::replace(&mut sealing.plan.store, SealStore::Folder(blocked.join("seals")));
    let error = failure(&app, &sealing, Task::Partitions).await;
    assert!(error.ends_with("nothing is sealed before it can"), "{error}");
    assert_eq!(count().await, 3, "no seal that names it is stored");
    sealing.plan.store = folder;
    sealing.seal_all(&app).await;
    assert_eq!((partitions(&sealing).await, count().await), ((1, 1), 0));
    assert_eq!(partitions(&sealing).await, (0, 0));

    let verified = verify(&app, &sealing, Tenant::Acme).await.unwrap();
    assert_eq!((verified.rows, verified.dropped), (5, 3));
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    assert_eq!(admin.get("/admin/audit/verify").await.body["ok"], true);
    // Rows that are missing without a seal that drops them are reported as removed.
    superuser.batch_execute("DELETE FROM http_audit_log WHERE action = 'account.create'").await.unwrap();
    let removed = verify(&app, &sealing, Tenant::Acme).await.unwrap_err();
    assert!(removed.ends_with("it was sealed, and is missing"), "{removed}");
}

#[tokio::test]
async fn no_month_is_dropped_unless_a_seal_names_it_and_it_is_old() {
    let (app, sealing) = start().await;
    create_accounts(&app, 1).await;
    sealing.seal_all(&app).await;
    let maintenance = app.database.login("maintenance").await;
    let month = "SELECT 'http_audit_log_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')";
    let month: String = maintenance.query_one(month, &[]).await.unwrap().get(0);
    let drop_partition = async |name: &str| {
        let rejected = maintenance.execute("SELECT drop_audit_partition($1)", &[&name]).await.unwrap_err();
        rejected.as_db_error().unwrap().message().to_owned()
    };
    assert_eq!(drop_partition(&month).await, format!("no seal names {month} as dropped"));
    assert_eq!(drop_partition("http_audit_log_rest").await, "no seal names http_audit_log_rest as dropped");
    assert_eq!(drop_partition("tenants").await, "no seal names tenants as dropped");
    // The role can forge such a record, but the age of the month is checked as well.
    let forged = "INSERT INTO audit_drops SELECT $1, now() - interval '1 month', now(), 1, 1";
    maintenance.execute(forged, &[&month]).await.unwrap();
    assert_eq!(drop_partition(&month).await, format!("{month} is younger than 90 days"));
}
