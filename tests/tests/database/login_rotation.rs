//! The rotation of the database roles' passwords by the real function against a real server, while another function serves
//! requests.

use holdfast_shared::db::LOGINS;
use holdfast_tests::deployment::Deployment;
use holdfast_tests::emulator::Emulator;
use holdfast_tests::events::event;
use serde_json::{Value, json};

const STEPS: [&str; 4] = ["create-secret", "set-secret", "test-secret", "finish-secret"];

/// Runs a step of the rotation to this version.
async fn step(deployment: &Deployment, rotation: &Emulator, secret: &str, version: &str, step: &str) -> Value {
    let secret = deployment.secrets[secret].as_str();
    rotation.invoke(&event(&format!("rotation/{step}"), &[("secret_arn", secret), ("secret_version", version)])).await
}

fn version(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}

/// Ends every connection of a role, as a failover does: the next request has to log in again.
async fn end_connections(deployment: &Deployment, role: &str) {
    let superuser = deployment.database.superuser().await;
    let ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1";
    superuser.query(ended, &[&role]).await.unwrap();
}

async fn ready(function: &Emulator) -> Value {
    function.invoke(&event("health/readyz", &[])).await["statusCode"].clone()
}

#[tokio::test]
async fn no_request_fails_at_any_step_of_a_rotation() {
    let deployment = Deployment::apart().await;
    let (rotation, health) = (deployment.instance("rotation").await, deployment.instance("health").await);
    assert_eq!(ready(&health).await, 200, "{}", health.log());
    for step_name in STEPS {
        // Secrets Manager repeats a step after a lost response.
        for _ in 0..2 {
            let response = step(&deployment, &rotation, "health", &version(1), step_name).await;
            assert_eq!(response, Value::Null, "{step_name}: {}", rotation.log());
            end_connections(&deployment, "holdfast_health").await;
            assert_eq!(ready(&health).await, 200, "after {step_name}: {}", health.log());
        }
    }
    let has_reread = |stage: &str| {
        let lines = health.lines();
        lines.iter().any(|line| line["stage"] == stage && line["level"] == "INFO")
    };
    assert!(has_reread("AWSPENDING") && !has_reread("AWSCURRENT"), "{}", health.log());

    // The next rotation happens while the instance is frozen.
    for step_name in STEPS {
        assert_eq!(step(&deployment, &rotation, "health", &version(2), step_name).await, Value::Null);
    }
    end_connections(&deployment, "holdfast_health").await;
    // The instance rereads a secret at most every five seconds.
    let reread = async { while ready(&health).await != 200 {} };
    let outcome = tokio::time::timeout(std::time::Duration::from_mins(1), reread).await;
    assert!(outcome.is_ok(), "{}", health.log());
    assert!(has_reread("AWSCURRENT"), "{}", health.log());
}

#[tokio::test]
async fn every_roles_password_rotates_and_the_old_one_stops_working() {
    let deployment = Deployment::apart().await;
    let rotation = deployment.instance("rotation").await;
    let logins = LOGINS.map(|login| (login.function, deployment.database.url_of(login.function)));
    for (name, old) in logins.into_iter().chain([("owner", deployment.database.owner_url())]) {
        for step_name in STEPS {
            let response = step(&deployment, &rotation, name, &version(3), step_name).await;
            assert_eq!(response, Value::Null, "{name}, {step_name}: {}", rotation.log());
        }
        let rejected =
            holdfast_shared::db::connect_owner(&old.into(), Some(&deployment.database.ca_file())).await.unwrap_err();
        assert!(rejected.to_string().contains("password authentication failed"), "{name}: {rejected}");
    }
    // Newly started functions read the new secrets, and migrate leaves the new passwords unchanged.
    let migrated = deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["logins"], json!([]), "{migrated}");
    for (function, name) in
        [("maintenance", "maintenance/drift"), ("backup", "backup/backup"), ("health", "health/readyz")]
    {
        let instance = deployment.instance(function).await;
        let response = instance.invoke(&event(name, &[])).await;
        assert!(
            response["errorMessage"].is_null() && response["statusCode"] != 503,
            "{name}: {response} {}",
            instance.log()
        );
    }
}

#[tokio::test]
async fn migrate_resets_logins_that_fail_or_on_request() {
    let deployment = Deployment::apart().await;
    let superuser = deployment.database.superuser().await;
    let break_logins = "ALTER ROLE holdfast_auth NOLOGIN; ALTER ROLE holdfast_metrics PASSWORD 'as-restored'";
    superuser.batch_execute(break_logins).await.unwrap();
    let migrate = deployment.instance("migrate").await;
    let migrated = migrate.invoke(&event("migrate/migrate", &[])).await;
    assert_eq!(migrated["logins"], json!(["holdfast_auth"]), "{migrated}");
    deployment.database.login("auth").await;

    // The event of docs/runbooks/rotation.md.
    let mut request = event("migrate/migrate", &[]);
    request["reset_logins"] = true.into();
    let migrated = migrate.invoke(&request).await;
    let all = json!(LOGINS.map(|login| login.role));
    assert_eq!(migrated["logins"], all, "{migrated}");
    deployment.database.login("metrics").await;
}

#[tokio::test]
async fn a_failing_rotation_step_names_its_cause() {
    let deployment = Deployment::apart().await;
    let rotation = deployment.instance("rotation").await;
    let message = |response: Value| response["errorMessage"].as_str().unwrap_or_default().to_owned();
    for early in ["set-secret", "test-secret", "finish-secret"] {
        let response = message(step(&deployment, &rotation, "health", &version(4), early).await);
        assert!(response.contains("there is no pending version of this rotation"), "{early}: {response}");
    }
    assert_eq!(step(&deployment, &rotation, "health", &version(4), "create-secret").await, Value::Null);
    // The role does not have the new password yet.
    let response = message(step(&deployment, &rotation, "health", &version(4), "test-secret").await);
    assert!(response.contains("password authentication failed"), "{response}");
    // Neither the old nor the new password works after a change by hand.
    let superuser = deployment.database.superuser().await;
    superuser.batch_execute("ALTER ROLE holdfast_health PASSWORD 'by-hand'").await.unwrap();
    let response = message(step(&deployment, &rotation, "health", &version(4), "set-secret").await);
    assert!(response.contains("the database cannot be reached"), "{response}");

    let within = deployment.moto.secret(&[("DATABASE_URL", deployment.database.url_of("health"))]).await;
    let request = [("secret_arn", within.as_str()), ("secret_version", "00000000-0000-4000-8000-000000000005")];
    let response = message(rotation.invoke(&event("rotation/create-secret", &request)).await);
    assert!(response.contains("the secret has no DATABASE_PASSWORD"), "{response}");
    assert!(rotation.lines().iter().any(|line| line["level"] == "ERROR"), "{}", rotation.log());
}
