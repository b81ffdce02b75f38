//! A given database: `DATABASE_URL` is used, and its users are never overwritten.

use std::sync::Arc;

use holdfast::cluster::{Cluster, ClusterOptions};
use holdfast::data_dir::DataDir;
use holdfast_shared::rng::SystemRng;
use secrecy::ExposeSecret;

use crate::program::{Run, holdfast, place};

async fn cluster() -> (Cluster, String) {
    let dir = Arc::new(DataDir::temporary().unwrap());
    let cluster = Cluster::start(dir, ClusterOptions::throw_away(), &SystemRng).await.unwrap();
    cluster.create_database("given", None).await.unwrap();
    let url = cluster.owner_url("given").expose_secret().to_owned();
    (cluster, url)
}

#[tokio::test]
async fn a_given_database_is_used_and_its_users_are_left_alone() {
    let (_cluster, url) = cluster().await;
    let [first, second] = [place(), place()];
    let run_in = |place: &tempfile::TempDir| {
        let mut command = holdfast(&["run", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
        command.env("DATABASE_URL", &url);
        command
    };
    let run = Run::start_as(run_in(&first));
    run.sign_in(first.path(), "admin");
    assert!(!first.path().join("postgres").exists());
    run.stop();

    let output = run_in(&second).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("the database has the users admin, editor, operator, viewer of another run"), "{text}");
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    Run::start_as(run_in(&first)).sign_in(first.path(), "admin");
}

#[tokio::test]
async fn a_database_that_serves_a_deployment_is_spared() {
    let (cluster, url) = cluster().await;
    let hash = holdfast_shared::identity::password::hash(&"correct horse battery".into(), &SystemRng).unwrap();
    let mut migrate = holdfast(&["admin", "migrate"]);
    migrate.env("APP_ENV", "local").env("DATABASE_URL", &url).env("AUTH_USERS", format!("acme:root:admin:{hash}"));
    assert!(migrate.output().unwrap().status.success());

    let place = place();
    let mut run = holdfast(&["run", "--listen", "127.0.0.1:0", "--data-dir", place.path().to_str().unwrap()]);
    let text = String::from_utf8(run.env("DATABASE_URL", &url).output().unwrap().stderr).unwrap();
    assert!(text.contains("it serves a deployment; use another"), "{text}");
    let client = cluster.connect("given").await.unwrap();
    let login = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'holdfast_auth'";
    assert!(!client.query_one(login, &[]).await.unwrap().get::<_, bool>("rolcanlogin"));
}

#[tokio::test]
async fn migrate_says_what_it_did_and_repeats_to_no_effect() {
    let (cluster, url) = cluster().await;
    let hash = holdfast_shared::identity::password::hash(&"correct horse battery".into(), &SystemRng).unwrap();
    let migrate = || {
        let output = holdfast(&["admin", "migrate"])
            .env("APP_ENV", "local")
            .env("DATABASE_URL", &url)
            .env("AUTH_DATABASE_PASSWORD", "b5sLTzB2fZt0oXwV3PpnqhMuIYKGl8jQ")
            .env("AUTH_USERS", format!("acme:root:admin:{hash};:ops:operator:{hash}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = migrate();
    let newest = holdfast_migrate::newest_version();
    assert!(first.starts_with("applied V1__roles\n"), "{first}");
    let end = format!(
        "holdfast_auth can log in\n1 tenants created\n2 users created\nThe schema is at version {newest} (was 0).\n"
    );
    assert!(first.ends_with(&end), "{first}");
    assert_eq!(migrate(), format!("holdfast_auth can log in\nThe schema is at version {newest} (was {newest}).\n"));

    let app = cluster.url("holdfast_auth", &"b5sLTzB2fZt0oXwV3PpnqhMuIYKGl8jQ".into(), "given");
    assert!(tokio_postgres::connect(app.expose_secret(), tokio_postgres::NoTls).await.is_ok());
    let client = cluster.connect("given").await.unwrap();
    let partitions = "SELECT count(*) AS count FROM pg_inherits WHERE inhparent = 'http_audit_log'::regclass";
    assert_eq!(client.query_one(partitions, &[]).await.unwrap().get::<_, i64>("count"), 14);
}

#[tokio::test]
async fn migrations_wait_for_each_other_and_refuse_a_newer_schema() {
    let (cluster, _) = cluster().await;
    let mut plan = holdfast_migrate::Plan::new(cluster.owner_url("given"));
    let run = |plan: holdfast_migrate::Plan| async move {
        holdfast_migrate::run(&plan, &holdfast_shared::clock::SystemClock, &SystemRng).await
    };
    let (one, other) = tokio::join!(run(plan.clone()), run(plan.clone()));
    let applied = [one.unwrap().applied.len(), other.unwrap().applied.len()];
    let steps = usize::try_from(holdfast_migrate::newest_version()).unwrap() + plan.functions.len();
    assert_eq!(applied.iter().sum::<usize>(), steps);

    let client = cluster.connect("given").await.unwrap();
    client.execute("SELECT pg_advisory_lock($1)", &[&i64::from_be_bytes(*b"holdfast")]).await.unwrap();
    plan.lock_wait = std::time::Duration::from_millis(50);
    assert!(matches!(run(plan.clone()).await, Err(holdfast_migrate::MigrateError::Busy(_))));
    client.execute("SELECT pg_advisory_unlock_all()", &[]).await.unwrap();

    client.batch_execute("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2").await.unwrap();
    let changed = run(plan.clone()).await.unwrap_err().to_string();
    assert!(changed.starts_with("migration V2__tenants_and_users was changed after it was applied; "), "{changed}");
    client.batch_execute("UPDATE refinery_schema_history SET version = 999 WHERE version = 2").await.unwrap();
    let newer = run(plan).await.unwrap_err().to_string();
    assert!(newer.starts_with("the schema is at version 999, this build knows"), "{newer}");
}
