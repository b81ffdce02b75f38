//! The rotation of the database roles' passwords: by the real function against a real server, with functions that serve
//! requests meanwhile.

use holdfast_tests::deployment::Deployment;
use holdfast_tests::emulator::Emulator;
use holdfast_tests::events::event;
use serde_json::{Value, json};

const STEPS: [&str; 4] = ["create-secret", "set-secret", "test-secret", "finish-secret"];

/// A step of the rotation that makes this version.
async fn step(deployment: &Deployment, rotation: &Emulator, secret: &str, version: &str, step: &str) -> Value {
    let secret = deployment.secrets[secret].as_str();
    rotation.invoke(&event(&format!("rotation/{step}"), &[("secret_arn", secret), ("secret_version", version)])).await
}

fn version(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}

/// Ends every connection of a role, as a failover does: whoever asks next has to log in again.
async fn end_connections(deployment: &Deployment, role: &str) {
    let superuser = deployment.database.superuser().await;
    let ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1";
    superuser.query(ended, &[&role]).await.unwrap();
}

async fn ready(function: &Emulator) -> Value {
    function.invoke(&event("health/readyz", &[])).await["statusCode"].clone()
}

#[tokio::test]
async fn no_request_fails_whatever_step_a_rotation_is_at() {
    let deployment = Deployment::apart().await;
    let (rotation, health) = (deployment.instance("rotation").await, deployment.instance("health").await);
    assert_eq!(ready(&health).await, 200, "{}", health.log());
    for step_name in STEPS {
        // Twice: Secrets Manager repeats a step whose answer it did not get.
        for _ in 0..2 {
            let answer = step(&deployment, &rotation, "app", &version(1), step_name).await;
            assert_eq!(answer, Value::Null, "{step_name}: {}", rotation.log());
            end_connections(&deployment, "holdfast_app").await;
            assert_eq!(ready(&health).await, 200, "after {step_name}: {}", health.log());
        }
    }
    let read_anew = |stage: &str| {
        let lines = health.lines();
        lines.iter().any(|line| line["stage"] == stage && line["level"] == "INFO")
    };
    assert!(read_anew("AWSPENDING") && !read_anew("AWSCURRENT"), "{}", health.log());

    // An instance that slept through the whole of the next one.
    for step_name in STEPS {
        assert_eq!(step(&deployment, &rotation, "app", &version(2), step_name).await, Value::Null);
    }
    end_connections(&deployment, "holdfast_app").await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(ready(&health).await, 200, "{}", health.log());
    assert!(read_anew("AWSCURRENT"), "{}", health.log());
}

#[tokio::test]
async fn every_secret_of_a_role_can_be_rotated_and_the_old_password_opens_nothing() {
    let deployment = Deployment::apart().await;
    let rotation = deployment.instance("rotation").await;
    let logins = [
        ("app", deployment.database.app_url()),
        ("metrics", deployment.database.metrics_url()),
        ("maintenance", deployment.database.maintenance_url()),
        ("backup", deployment.database.backup_url()),
        ("owner", deployment.database.owner_url()),
    ];
    for (name, old) in logins {
        for step_name in STEPS {
            let answer = step(&deployment, &rotation, name, &version(3), step_name).await;
            assert_eq!(answer, Value::Null, "{name}, {step_name}: {}", rotation.log());
        }
        let refused =
            holdfast_shared::db::connect_owner(&old.into(), Some(&deployment.database.ca_file())).await.unwrap_err();
        assert!(refused.to_string().contains("password authentication failed"), "{name}: {refused}");
    }
    // What the schedules and the pipeline start reads the secrets anew, and migrate leaves the new passwords as they are.
    let migrated = deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["logins"], json!([]), "{migrated}");
    for (function, name) in
        [("maintenance", "maintenance/drift"), ("backup", "backup/backup"), ("health", "health/readyz")]
    {
        let instance = deployment.instance(function).await;
        let answer = instance.invoke(&event(name, &[])).await;
        assert!(answer["errorMessage"].is_null() && answer["statusCode"] != 503, "{name}: {answer} {}", instance.log());
    }
}

#[tokio::test]
async fn migrate_gives_a_role_its_secret_where_it_cannot_log_in_or_is_told_to() {
    let deployment = Deployment::apart().await;
    let superuser = deployment.database.superuser().await;
    superuser
        .batch_execute("ALTER ROLE holdfast_app NOLOGIN; ALTER ROLE holdfast_metrics PASSWORD 'as-restored'")
        .await
        .unwrap();
    let migrate = deployment.instance("migrate").await;
    let migrated = migrate.invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["logins"], json!(["holdfast_app"]), "{migrated}");
    deployment.database.as_app().await;

    // As docs/runbooks/rotation.md has it.
    let mut told = event("migrate/migrate", &[]);
    told["reset_logins"] = true.into();
    let migrated = migrate.invoke(&told).await;
    let all = json!(["holdfast_app", "holdfast_backup", "holdfast_maintenance", "holdfast_metrics"]);
    assert_eq!(migrated["logins"], all, "{migrated}");
    deployment.database.as_metrics().await;
}

#[tokio::test]
async fn a_step_that_cannot_be_done_fails_and_says_how_to_mend_it() {
    let deployment = Deployment::apart().await;
    let rotation = deployment.instance("rotation").await;
    let message = |answer: Value| answer["errorMessage"].as_str().unwrap_or_default().to_owned();
    for early in ["set-secret", "test-secret", "finish-secret"] {
        let answer = message(step(&deployment, &rotation, "app", &version(4), early).await);
        assert!(answer.contains("there is no pending version of this rotation"), "{early}: {answer}");
    }
    assert_eq!(step(&deployment, &rotation, "app", &version(4), "create-secret").await, Value::Null);
    // Nobody gave the new password to the role.
    let answer = message(step(&deployment, &rotation, "app", &version(4), "test-secret").await);
    assert!(answer.contains("password authentication failed"), "{answer}");
    // Somebody has changed the password by hand, and neither opens.
    let superuser = deployment.database.superuser().await;
    superuser.batch_execute("ALTER ROLE holdfast_app PASSWORD 'by-hand'").await.unwrap();
    let answer = message(step(&deployment, &rotation, "app", &version(4), "set-secret").await);
    assert!(answer.contains("the database cannot be reached"), "{answer}");

    let within = deployment.moto.secret(&[("DATABASE_URL", deployment.database.app_url())]).await;
    let request = [("secret_arn", within.as_str()), ("secret_version", "00000000-0000-4000-8000-000000000005")];
    let answer = message(rotation.invoke(&event("rotation/create-secret", &request)).await);
    assert!(answer.contains("the secret has no DATABASE_PASSWORD"), "{answer}");
    assert!(rotation.lines().iter().any(|line| line["level"] == "ERROR"), "{}", rotation.log());
}
