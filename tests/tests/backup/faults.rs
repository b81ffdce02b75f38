//! Failures during a backup: the run is recorded as failed, leaves nothing behind, and the next one succeeds.

use std::time::Duration;

use holdfast_backup::{BackupError, BackupReport, Login, Plan, Task};
use holdfast_shared::rng::SystemRng;
use holdfast_tests::app::TestApp;
use holdfast_tests::backups::{folder, plan, run, run_successfully, runs, states};
use holdfast_tests::bucket::TestBucket;
use holdfast_tests::database::TestDatabase;
use holdfast_tests::proxy::Proxy;

/// 24 MB that do not compress: three parts of an upload.
const FILL: &str = "INSERT INTO idempotency_keys (tenant_id, actor_id, key, request_hash, status, headers, body, created_at)
    SELECT t.id, gen_random_uuid(), 'k', sha256(''), 200, '{}', (SELECT string_agg(sha256((n || '/' || i)::bytea), '') FROM generate_series(1, 32768) i), now()
      FROM tenants t, generate_series(1, 24) n WHERE t.slug = 'acme'";

async fn fill(app: &TestApp) {
    app.database.execute(FILL).await;
}

/// Stops every backup, which reads this table among the others, until the returned client commits.
async fn hold(app: &TestApp) -> tokio_postgres::Client {
    let holder = app.database.superuser().await;
    holder.batch_execute("BEGIN; LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_s3_rejects_midway_leaves_nothing() {
    let (app, bucket) = (TestApp::start().await, TestBucket::create().await);
    fill(&app).await;
    let plan = plan(&app, bucket.store(None));
    bucket.reject_parts();
    let failure = run(&app, &plan, Task::Backup).await.unwrap_err().to_string();
    assert!(failure.contains("SlowDown"), "{failure}");
    assert_eq!((bucket.uploads().await, bucket.keys().await.len()), (0, 0));
    assert_eq!(runs(&app).await[0].error.as_ref(), Some(&failure));

    bucket.repair();
    let summary = run_successfully(&app, &plan, Task::Backup).await;
    assert!(summary.compressed_bytes > 24 * 1000 * 1000, "{summary:?}");
    let objects = [".json", ".jws", ".tar"].map(|suffix| summary.object_key.replace(".tar", suffix));
    assert_eq!(bucket.keys().await, objects);
    assert_eq!(
        (bucket.uploads().await, states(&app).await),
        (0, vec!["backup failed".into(), "backup succeeded".into()])
    );
    // The backup is complete.
    assert_eq!(run_successfully(&app, &plan, Task::Drill).await.sha256, summary.sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upload_of_a_killed_run_is_removed_by_the_next_one() {
    let (app, bucket) = (TestApp::start().await, TestBucket::create().await);
    let leave = bucket.client.create_multipart_upload().bucket(&bucket.name).key("backups/leftover.tar");
    leave.send().await.unwrap();
    let stranger = bucket.client.create_multipart_upload().bucket(&bucket.name).key("elsewhere/upload");
    stranger.send().await.unwrap();
    run_successfully(&app, &plan(&app, bucket.store(None)), Task::Backup).await;
    assert_eq!(bucket.uploads().await, 1, "an upload elsewhere in the bucket is not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_locked_encrypted_and_checked_on_arrival() {
    let (app, bucket) = (TestApp::start().await, TestBucket::create().await);
    let moto = holdfast_tests::moto::Moto::of_the_run().await;
    let key = moto.vault_key().await;
    let summary = run_successfully(&app, &plan(&app, bucket.store(Some(&key))), Task::Backup).await;
    assert!(summary.object_key.starts_with("backups/"));
    // Moto does not keep all properties of a multipart upload as S3 does, so the requests are checked instead.
    let requests = bucket.take_requests();
    let sent = |request: &str| {
        let mut matching = requests.iter().filter(|(line, _)| line.starts_with(request));
        let (_, headers) = matching.next().unwrap_or_else(|| panic!("{request}: {requests:?}"));
        move |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    for request in ["POST uploads", "PUT x-id=PutObject"] {
        let header = sent(request);
        assert_eq!(header("x-amz-object-lock-mode"), "COMPLIANCE", "{request}");
        let until: jiff::Timestamp = header("x-amz-object-lock-retain-until-date").parse().unwrap();
        let days = until.duration_since(holdfast_shared::clock::Clock::now(&*app.clock)).as_hours() / 24;
        assert!((34..=35).contains(&days), "{request}: {days}");
        assert_eq!(header("x-amz-server-side-encryption"), "aws:kms", "{request}");
        assert_eq!(header("x-amz-server-side-encryption-aws-kms-key-id"), key, "{request}");
    }
    for request in ["PUT x-id=PutObject", "PUT x-id=UploadPart"] {
        assert_eq!(sent(request)("x-amz-checksum-sha256").len(), 44, "{request}");
    }
    assert_eq!(sent("POST uploads")("x-amz-checksum-algorithm"), "SHA256");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_midway_is_a_failed_run() {
    let proxy = Proxy::before(TestDatabase::address().await).await;
    let app = TestApp::start().await;
    fill(&app).await;
    let files = tempfile::tempdir().unwrap();
    let mut plan = plan(&app, folder(files.path()));
    let through = app.database.url_of("backup").replace(&TestDatabase::address().await, &proxy.address());
    plan.database = Login::new(through.into(), Some(app.database.ca_file())).unwrap();
    proxy.cut_after(4 << 20);
    let failure = run(&app, &plan, Task::Backup).await.unwrap_err();
    assert!(matches!(failure, BackupError::Database(_)), "{failure}");
    assert_eq!(files.path().read_dir().unwrap().count(), 0, "no unfinished file remains");
    assert_eq!(runs(&app).await[0].error, Some(failure.to_string()));

    proxy.repair();
    run_successfully(&app, &plan, Task::Backup).await;
    assert_eq!(states(&app).await, ["backup failed", "backup succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_recorded_as_failed_by_the_next_one() {
    let app = TestApp::start().await;
    fill(&app).await;
    let files = tempfile::tempdir().unwrap();
    let backups = files.path().join("backups");
    let plan = plan(&app, folder(&backups));
    let (copying, mut begun) = tokio::sync::watch::channel(false);
    let watch = move |_| {
        copying.send_replace(true);
    };
    tokio::select! {
        biased;
        _ = begun.changed() => {}
        ended = holdfast_backup::run(Task::Backup, &plan, &*app.clock, &SystemRng, &watch) => panic!("{ended:?}"),
    }
    assert_eq!((states(&app).await, backups.read_dir().unwrap().count()), (vec!["backup running".to_owned()], 1));

    // The server releases the lock as soon as it notices that the connection is closed.
    while run(&app, &plan, Task::Backup).await.unwrap() == BackupReport::Busy {
        tokio::task::yield_now().await;
    }
    let runs = runs(&app).await;
    assert!(runs[0].error.as_ref().unwrap().starts_with("it ended without a word"), "{runs:?}");
    assert_eq!((runs[1].state.as_str(), backups.read_dir().unwrap().count()), ("succeeded", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_concurrent_runs_is_busy() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = plan(&app, folder(files.path()));
    let holder = hold(&app).await;
    let first = run(&app, &plan, Task::Backup);
    let second = async {
        while states(&app).await != ["backup running"] {
            tokio::task::yield_now().await;
        }
        let second = run(&app, &plan, Task::Backup).await.unwrap();
        holder.batch_execute("COMMIT").await.unwrap();
        second
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second, BackupReport::Busy);
    assert!(matches!(first.unwrap(), BackupReport::Done { .. }));
    assert_eq!(states(&app).await, ["backup succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_out_of_time_is_stopped_and_leaves_nothing() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let backups = files.path().join("backups");
    let plan = Plan { time_limit: Duration::from_secs(2), ..plan(&app, folder(&backups)) };
    let holder = hold(&app).await;
    let failure = run(&app, &plan, Task::Backup).await.unwrap_err();
    assert!(matches!(failure, BackupError::OutOfTime), "{failure}");
    assert_eq!((states(&app).await, backups.exists()), (vec!["backup failed".to_owned()], false));
    drop(holder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_sign_is_a_failed_run() {
    let app = TestApp::start().await;
    let files = tempfile::tempdir().unwrap();
    let plan = Plan { signing_key: None, ..plan(&app, folder(files.path())) };
    let failure = run(&app, &plan, Task::Backup).await.unwrap_err();
    assert!(failure.to_string().contains("nothing is set that can sign backups"), "{failure}");
    assert_eq!(states(&app).await, ["backup failed"]);
    assert_eq!(files.path().read_dir().unwrap().count(), 0);
}
