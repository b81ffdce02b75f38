//! The metrics for CloudWatch that the real functions write into their logs, in the embedded metric format.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_tests::deployment::{self, Deployment};
use holdfast_tests::emulator::Emulator;
use holdfast_tests::events::event;
use serde_json::Value;

/// Returns the log lines with metrics, each with the metrics' names and values.
fn metrics(function: &Emulator) -> Vec<(Value, BTreeMap<String, f64>)> {
    let lines = function.lines().into_iter().filter(|line| line.get("_aws").is_some());
    let read = |line: Value| {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Holdfast", "{line}");
        assert_eq!(directive["Dimensions"], serde_json::json!([["FunctionName"]]), "{line}");
        assert!(line["FunctionName"].is_string() && line["_aws"]["Timestamp"].is_u64(), "{line}");
        let names = directive["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap());
        let values = names.map(|name| (name.to_owned(), line[name].as_f64().unwrap())).collect();
        (line, values)
    };
    lines.map(read).collect()
}

fn names(function: &Emulator) -> BTreeSet<String> {
    metrics(function).into_iter().flat_map(|(_, values)| values.into_keys()).collect()
}

#[tokio::test]
async fn every_request_logs_one_line_of_metrics() {
    let deployment = Deployment::create().await;
    let migrate = deployment.instance("migrate").await;
    migrate.invoke(&event("migrate/migrate", &[])).await;
    let failed = metrics(&migrate).pop().unwrap().1;
    assert_eq!(failed, BTreeMap::from([("MigrationFailed".to_owned(), 0.0)]));

    let auth = deployment.instance("auth").await;
    deployment::body(&auth.invoke(&event("auth/login", &[("password", "not the password")])).await, 401);
    let tokens = auth.invoke(&event("auth/login", &[("password", deployment.password())])).await;
    let token = deployment::body(&tokens, 200)["access_token"].as_str().unwrap().to_owned();
    let lines = metrics(&auth);
    assert_eq!(lines.len(), 2, "{}", auth.log());
    assert_eq!(auth.lines().iter().filter(|line| line["message"] == "request").count(), 2, "one line a request");
    let (line, rejected) = &lines[0];
    assert_eq!(
        (&line["route"], &line["status"], &line["code"]),
        (&"/auth/login".into(), &401.into(), &"invalid_credentials".into())
    );
    assert!(line["request_id"].is_string() && line["level"] == "INFO", "{line}");
    assert_eq!((rejected["Requests"], rejected["ClientErrors"], rejected["ServerErrors"]), (1.0, 1.0, 0.0));
    assert_eq!(rejected.get("AuthFailures"), Some(&1.0));
    assert!(rejected["Duration"] > 1.0, "argon2 takes more than a millisecond: {rejected:?}");
    let (_, accepted) = &lines[1];
    assert_eq!((accepted["ClientErrors"], accepted.get("AuthFailures")), (0.0, None));

    let admin = deployment.instance("admin").await;
    deployment::body(&admin.invoke(&event("admin/users", &[("access_token", &token)])).await, 200);
    deployment::body(&admin.invoke(&event("admin/create-user", &[("access_token", &token)])).await, 201);
    let actions: Vec<_> = metrics(&admin).iter().map(|(_, values)| values.get("AdminActions").copied()).collect();
    assert_eq!(actions, [None, Some(1.0)], "a read is not an action");
}

#[tokio::test]
async fn maintenance_measures_what_alarms_use() {
    let deployment = Deployment::create().await;
    deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    let auth = deployment.instance("auth").await;
    deployment::body(&auth.invoke(&event("auth/login", &[("password", deployment.password())])).await, 200);
    let maintenance = deployment.instance("maintenance").await;
    maintenance.invoke(&event("maintenance/measure", &[])).await;
    maintenance.invoke(&event("maintenance/drift", &[])).await;
    maintenance.invoke(&event("maintenance/measure", &[])).await;
    let names: Vec<_> = names(&maintenance).into_iter().collect();
    assert_eq!(
        names,
        [
            "AuditSealAge",
            "BackupAge",
            "BackupFailures",
            "CountersAge",
            "DrillAge",
            "MigrationFailures",
            "SchemaCheckAge",
            "SchemaDifferences"
        ],
        "{}",
        maintenance.log()
    );
    let (_, values) = metrics(&maintenance).pop().unwrap();
    assert_eq!((values["SchemaDifferences"], values["MigrationFailures"], values["BackupFailures"]), (0.0, 0.0, 0.0));
    assert!(values["AuditSealAge"] > 0.0, "the sign-in's row waits for its seal: {values:?}");
    assert!(values["BackupAge"] > 0.0, "without a backup, the age is the installation's: {values:?}");
}

#[tokio::test]
async fn maintenance_reports_failed_backups_until_one_succeeds() {
    let deployment = Deployment::create().await;
    deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    let (backup, maintenance) = (deployment.instance("backup").await, deployment.instance("maintenance").await);
    let measure = async || {
        maintenance.invoke(&event("maintenance/measure", &[])).await;
        metrics(&maintenance).pop().unwrap().1["BackupFailures"]
    };
    // The drill fails: there is no backup yet.
    backup.invoke(&event("backup/drill", &[])).await;
    assert!((measure().await - 1.0).abs() < f64::EPSILON, "{}", backup.log());
    backup.invoke(&event("backup/backup", &[])).await;
    backup.invoke(&event("backup/drill", &[])).await;
    assert!(measure().await.abs() < f64::EPSILON, "{}", backup.log());
}
