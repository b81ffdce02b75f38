//! The checklist from inside: every fault of the settings or of the database makes its own line fail, and no other.

use std::collections::BTreeMap;

use holdfast_backup::Task;
use holdfast_shared::config::{Config, Needs, Settings};
use holdfast_shared::hardening::{self, CATALOGUE, Outcome};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups;
use holdfast_tests::client::Client;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::tools;
use serde_json::Value;

/// Each line's result.
type Results = BTreeMap<String, String>;

async fn ask(operator: &Client) -> (Results, Value) {
    let reply = operator.get("/admin/hardening").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = reply.body["findings"].as_array().unwrap();
    let results = findings.iter().map(|finding| (text(&finding["id"]), text(&finding["result"]))).collect();
    (results, reply.body)
}

/// The lines whose results differ, with what they became.
fn changed(before: &Results, after: &Results) -> Vec<String> {
    let differs = |(id, result): &(&String, &String)| before[*id] != **result;
    after.iter().filter(differs).map(|(id, result)| format!("{id} {result}")).collect()
}

#[tokio::test]
async fn every_line_is_answered_with_evidence_to_operators_alone() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let (results, body) = ask(&operator).await;
    assert_eq!(results.len(), CATALOGUE.len());
    for finding in body["findings"].as_array().unwrap() {
        let (seen, elsewhere) = (finding["evidence"].as_array().unwrap(), finding["not_looked_at"].as_array().unwrap());
        assert!(!seen.is_empty() || !elsewhere.is_empty(), "{finding}");
        assert!(!seen.is_empty() || finding["result"] == "unknown", "no pass without evidence: {finding}");
        assert!(!finding["remediation"].as_str().unwrap().is_empty(), "{finding}");
    }
    let summary = &body["summary"];
    let counted: u64 = ["pass", "fail", "unknown"].iter().map(|result| summary[*result].as_u64().unwrap()).sum();
    assert_eq!(counted, 23);
    for client in [app.sign_in(Tenant::Acme, Role::Admin).await, app.anonymous()] {
        assert!(client.get("/admin/hardening").await.status.is_client_error());
    }
}

/// What somebody may do to the database, how it is undone, and the line that then fails.
const FAULTS: [(&str, &str, &str); 18] = [
    (
        "UPDATE signing_keys SET created_at = created_at - interval '400 days'",
        "UPDATE signing_keys SET created_at = created_at + interval '400 days'",
        "SEC-1 fail",
    ),
    (
        "GRANT UPDATE (path) ON http_audit_log_rest TO holdfast_app",
        "REVOKE UPDATE (path) ON http_audit_log_rest FROM holdfast_app",
        "AUD-1 fail",
    ),
    (
        "GRANT UPDATE ON audit_seals TO holdfast_maintenance",
        "REVOKE UPDATE ON audit_seals FROM holdfast_maintenance",
        "AUD-1 fail",
    ),
    ("ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY", "ALTER TABLE secrets FORCE ROW LEVEL SECURITY", "AUTH-3 fail"),
    (
        "ALTER TABLE users DROP CONSTRAINT users_password_hash_check",
        "ALTER TABLE users ADD CONSTRAINT users_password_hash_check CHECK (password_hash LIKE '$argon2id$%')",
        "AUTH-1 fail",
    ),
    (
        "GRANT DELETE ON http_audit_log TO holdfast_app",
        "REVOKE DELETE ON http_audit_log FROM holdfast_app",
        "AUD-1 fail",
    ),
    (
        "GRANT UPDATE (path) ON http_audit_log TO holdfast_maintenance",
        "REVOKE UPDATE (path) ON http_audit_log FROM holdfast_maintenance",
        "AUD-1 fail",
    ),
    (
        "GRANT TRUNCATE ON http_audit_log_rest TO holdfast_metrics",
        "REVOKE TRUNCATE ON http_audit_log_rest FROM holdfast_metrics",
        "AUD-1 fail",
    ),
    (
        "UPDATE audit_seals SET sealed_at = sealed_at - interval '2 days'",
        "UPDATE audit_seals SET sealed_at = sealed_at + interval '2 days'",
        "AUD-1 fail",
    ),
    (
        "GRANT CREATE ON SCHEMA public TO holdfast_app",
        "REVOKE CREATE ON SCHEMA public FROM holdfast_app",
        "DATA-1 fail",
    ),
    (
        "ALTER TABLE schema_checks OWNER TO holdfast_maintenance",
        "ALTER TABLE schema_checks OWNER TO holdfast_owner",
        "DATA-1 fail",
    ),
    (
        "UPDATE refinery_schema_history SET applied_on = (applied_on::timestamptz
            - make_interval(days => CASE WHEN version = 1 THEN 30 ELSE 20 END))::text",
        "UPDATE refinery_schema_history SET applied_on = (applied_on::timestamptz
            + make_interval(days => CASE WHEN version = 1 THEN 30 ELSE 20 END))::text",
        "DATA-1 fail",
    ),
    ("UPDATE schema_checks SET differences = 1", "UPDATE schema_checks SET differences = 0", "DATA-2 fail"),
    (
        "UPDATE schema_checks SET at = at - interval '4 hours'",
        "UPDATE schema_checks SET at = at + interval '4 hours'",
        "DATA-2 fail",
    ),
    (
        "INSERT INTO migration_failures SELECT gen_random_uuid(), now(), max(version), 'x' FROM refinery_schema_history",
        "DELETE FROM migration_failures",
        "DATA-2 fail",
    ),
    (
        "UPDATE backup_runs SET finished_at = finished_at - interval '27 hours' WHERE kind = 'backup'",
        "UPDATE backup_runs SET finished_at = finished_at + interval '27 hours' WHERE kind = 'backup'",
        "DR-1 fail",
    ),
    (
        "UPDATE backup_runs SET finished_at = finished_at - interval '9 days' WHERE kind = 'drill'",
        "UPDATE backup_runs SET finished_at = finished_at + interval '9 days' WHERE kind = 'drill'",
        "DR-1 fail",
    ),
    (
        "UPDATE backup_runs SET canary = 'none' WHERE kind = 'drill'",
        "UPDATE backup_runs SET canary = 'opened' WHERE kind = 'drill'",
        "SEC-2 fail",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_database_fails_its_own_line_and_no_other() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let sealing = Sealing::of(&app);
    sealing.seal_all(&app).await;
    sealing.run(&app, holdfast_maintenance::Task::Drift).await;
    let plan = backups::plan(&app, backups::folder(&app.database.folder().join("backups")));
    backups::done(&app, &plan, Task::Backup).await;
    backups::done(&app, &plan, Task::Drill).await;

    let (well, body) = ask(&operator).await;
    // On a developer's machine, with settings from the environment, two lines rightly fail.
    let failing: Vec<_> = well.iter().filter(|(_, result)| *result == "fail").map(|(id, _)| id.as_str()).collect();
    assert_eq!(failing, ["AUTH-1", "RUN-2", "SEC-1"], "{body:#}");
    let superuser = app.database.superuser().await;
    for (fault, remediation, expected) in FAULTS {
        superuser.batch_execute(fault).await.unwrap_or_else(|error| panic!("{fault}: {error}"));
        let (results, body) = ask(&operator).await;
        // What fails already, on a developer's machine, has one more reason to.
        let (line, _) = expected.split_once(' ').unwrap();
        let failed = well[line] == "fail";
        let expected = if failed { vec![] } else { vec![expected.to_owned()] };
        assert_eq!(changed(&well, &results), expected, "{fault}: {body:#}");
        if failed {
            let findings = body["findings"].as_array().unwrap();
            let evidence = &findings.iter().find(|finding| finding["id"] == line).unwrap()["evidence"];
            let seen = |seen: &Value| seen["source"] == "database" && seen["result"] == "fail";
            assert!(evidence.as_array().unwrap().iter().any(seen), "{fault}: {evidence}");
        }
        superuser.batch_execute(remediation).await.unwrap_or_else(|error| panic!("{remediation}: {error}"));
        assert_eq!(ask(&operator).await.0, well, "{remediation}");
    }
}

fn deployed(changes: &[(&'static str, &str)]) -> Vec<hardening::Observation> {
    let usual = [
        ("DATABASE_URL", "postgres://holdfast_app:x@db.internal/holdfast?sslmode=verify-full"),
        ("SIGNING_KMS_KEY_ID", "arn:aws:kms:eu-central-1:123456789012:key/1"),
        ("VAULT_KMS_KEY_ID", "arn:aws:kms:eu-central-1:123456789012:key/2"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let settings = Settings::given(kept.chain(changes.iter().copied()).map(|(name, value)| (name, value.to_owned())));
    hardening::observe_settings(&Config::from_settings(&settings, Needs::default()).unwrap())
}

#[test]
fn each_fault_of_the_settings_fails_its_own_line_and_no_other() {
    let results = |observations: &[hardening::Observation]| -> BTreeMap<&str, Outcome> {
        observations.iter().map(|observation| (observation.row, observation.outcome)).collect()
    };
    let well = results(&deployed(&[]));
    for (changes, line) in [
        (&[("APP_ENV", "local")][..], "AUTH-1"),
        (&[("VAULT_KMS_KEY_ID", "")], "SEC-2"),
        (&[("APP_ENV", "local"), ("DATABASE_URL", "postgres://holdfast_app:x@db.internal/holdfast")], "SEC-3"),
        (&[("DATABASE_POOL_SIZE", "8")], "RUN-2"),
        (&[("CORS_ORIGINS", "http://app.example.com")], "WEB-1"),
    ] {
        let found = results(&deployed(changes));
        assert_eq!(
            (well.get(line).copied(), found[line]),
            (Some(if line == "SEC-1" { Outcome::Fail } else { Outcome::Pass }), Outcome::Fail),
            "{changes:?}"
        );
        let others = |(id, outcome): &(&&str, &Outcome)| {
            **id != line && !(changes[0].1 == "local" && **id == "AUTH-1") && well[**id] != **outcome
        };
        assert_eq!(found.iter().filter(others).collect::<Vec<_>>(), [], "{changes:?}");
    }
    // All of these came from the environment, and DATABASE_URL belongs into Secrets Manager.
    assert_eq!(well["SEC-1"], Outcome::Fail);
}

#[test]
fn a_route_that_lets_too_many_in_fails_its_line() {
    use holdfast_shared::route::{Access, Route};
    static OPEN: Route = Route::get("/admin/open", "open").access(Access::Anyone);
    static METRICS: Route = Route::get("/metrics", "metrics").access(Access::Anyone);
    let endpoints = holdfast::gateway::endpoints();
    let routes: Vec<&Route> = endpoints.iter().map(|endpoint| endpoint.route).collect();
    let failing = |routes: Vec<&'static Route>| -> Vec<&str> {
        let observations = hardening::observe_routes(routes);
        observations.iter().filter(|seen| seen.outcome == Outcome::Fail).map(|seen| seen.row).collect()
    };
    assert_eq!(failing(routes.clone()), Vec::<&str>::new());
    assert_eq!(failing([routes.clone(), vec![&OPEN]].concat()), ["RUN-1"]);
    let without: Vec<_> = routes.iter().copied().filter(|route| route.path != "/metrics").collect();
    assert_eq!(failing([without, vec![&METRICS]].concat()), ["OBS-1"]);
}

#[test]
fn every_proof_of_the_catalogue_is_a_test_that_exists() {
    for row in CATALOGUE {
        for (file, test) in row.proofs {
            let text = std::fs::read_to_string(tools::workspace().join(file)).unwrap_or_default();
            assert!(text.contains(&format!("fn {test}(")), "{}: {file} has no {test}", row.id);
        }
    }
}

#[test]
fn the_page_on_hardening_is_current() {
    let kept = std::fs::read_to_string(tools::workspace().join("docs/hardening.md")).unwrap_or_default();
    assert!(
        kept == hardening::markdown(),
        "docs/hardening.md is out of date: `cargo run -- check --catalogue > docs/hardening.md`"
    );
}

#[test]
fn what_a_mend_names_exists() {
    for row in CATALOGUE {
        for word in row.remediation.split([' ', ';', ',', '(', ')']).filter(|word| word.starts_with("docs/")) {
            let path = word.trim_end_matches('.');
            assert!(tools::workspace().join(path).is_file(), "{}: {path}", row.id);
        }
    }
}
