//! The checklist from inside: every fault of the settings or the database fails its own control, and no other.

use std::collections::BTreeMap;

use holdfast_backup::Task;
use holdfast_shared::clock::Clock;
use holdfast_shared::config::{Config, Needs, Settings};
use holdfast_shared::hardening::{self, CATALOGUE, Outcome};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::backups;
use holdfast_tests::client::Client;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::tools;
use serde_json::Value;

/// The result of each control.
type Results = BTreeMap<String, String>;

async fn check(operator: &Client) -> (Results, Value) {
    let response = operator.get("/admin/hardening").await;
    assert_eq!(response.status, 200, "{response:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = response.body["findings"].as_array().unwrap();
    let results = findings.iter().map(|finding| (text(&finding["id"]), text(&finding["result"]))).collect();
    (results, response.body)
}

/// Returns the controls whose results differ, with the new results.
fn changed(before: &Results, after: &Results) -> Vec<String> {
    let differs = |(id, result): &(&String, &String)| before[*id] != **result;
    after.iter().filter(differs).map(|(id, result)| format!("{id} {result}")).collect()
}

#[tokio::test]
async fn only_operators_get_the_findings_each_with_evidence() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let (results, body) = check(&operator).await;
    assert_eq!(results.len(), CATALOGUE.len());
    for finding in body["findings"].as_array().unwrap() {
        let (seen, elsewhere) = (finding["evidence"].as_array().unwrap(), finding["not_checked"].as_array().unwrap());
        assert!(!seen.is_empty() || !elsewhere.is_empty(), "{finding}");
        assert!(!seen.is_empty() || finding["result"] == "unknown", "no pass without evidence: {finding}");
        assert!(!finding["remediation"].as_str().unwrap().is_empty(), "{finding}");
    }
    let summary = &body["summary"];
    let counted: u64 = ["pass", "fail", "unknown"].iter().map(|result| summary[*result].as_u64().unwrap()).sum();
    assert_eq!(counted, CATALOGUE.len() as u64);
    for client in [app.sign_in(Tenant::Acme, Role::Admin).await, app.anonymous()] {
        assert!(client.get("/admin/hardening").await.status.is_client_error());
    }
}

/// A fault of the database, its repair, and the control that it fails.
struct Fault {
    apply: &'static str,
    repair: &'static str,
    control: &'static str,
    /// Whether it changes privileges, which SEC-4 compares as well.
    grants: bool,
}

const FAULTS: [Fault; 29] = [
    Fault {
        apply: "ALTER TABLE api_tokens ALTER COLUMN expires_at DROP NOT NULL",
        repair: "ALTER TABLE api_tokens ALTER COLUMN expires_at SET NOT NULL",
        control: "AUTH-6",
        grants: false,
    },
    Fault {
        apply: "UPDATE api_tokens SET created_at = created_at - interval '91 days'",
        repair: "UPDATE api_tokens SET created_at = created_at + interval '91 days'",
        control: "AUTH-6",
        grants: false,
    },
    Fault {
        apply: "UPDATE users SET status = 'suspended' WHERE username = 'admin'",
        repair: "UPDATE users SET status = 'active' WHERE username = 'admin'",
        control: "AUTH-6",
        grants: false,
    },
    Fault {
        apply:
            "CREATE OR REPLACE FUNCTION take_attempt(p_kinds text[], p_keys bytea[], p_now timestamptz) RETURNS integer
            LANGUAGE sql AS 'SELECT NULL::integer'",
        repair: include_str!("../../../migrations/functions/attempts/take.sql"),
        control: "AUTH-5",
        grants: false,
    },
    Fault {
        apply: "ALTER FUNCTION take_own_attempt SECURITY INVOKER",
        repair: "ALTER FUNCTION take_own_attempt SECURITY DEFINER",
        control: "AUTH-5",
        grants: false,
    },
    Fault {
        apply: "UPDATE signing_keys SET created_at = created_at - interval '400 days'",
        repair: "UPDATE signing_keys SET created_at = created_at + interval '400 days'",
        control: "SEC-1",
        grants: false,
    },
    Fault {
        apply: "GRANT UPDATE (path) ON http_audit_log_rest TO holdfast_admin",
        repair: "REVOKE UPDATE (path) ON http_audit_log_rest FROM holdfast_admin",
        control: "AUD-1",
        grants: true,
    },
    Fault {
        apply: "GRANT UPDATE ON audit_seals TO holdfast_maintenance",
        repair: "REVOKE UPDATE ON audit_seals FROM holdfast_maintenance",
        control: "AUD-1",
        grants: true,
    },
    Fault {
        apply: "ALTER TABLE secrets NO FORCE ROW LEVEL SECURITY",
        repair: "ALTER TABLE secrets FORCE ROW LEVEL SECURITY",
        control: "AUTH-3",
        grants: false,
    },
    Fault {
        apply: "ALTER TABLE users DROP CONSTRAINT users_password_hash_check",
        repair: "ALTER TABLE users ADD CONSTRAINT users_password_hash_check CHECK (password_hash LIKE '$argon2id$%')",
        control: "AUTH-1",
        grants: false,
    },
    Fault {
        apply: "GRANT DELETE ON http_audit_log TO holdfast_admin",
        repair: "REVOKE DELETE ON http_audit_log FROM holdfast_admin",
        control: "AUD-1",
        grants: true,
    },
    Fault {
        apply: "GRANT UPDATE (path) ON http_audit_log TO holdfast_maintenance",
        repair: "REVOKE UPDATE (path) ON http_audit_log FROM holdfast_maintenance",
        control: "AUD-1",
        grants: true,
    },
    Fault {
        apply: "GRANT TRUNCATE ON http_audit_log_rest TO holdfast_metrics",
        repair: "REVOKE TRUNCATE ON http_audit_log_rest FROM holdfast_metrics",
        control: "AUD-1",
        grants: true,
    },
    Fault {
        apply: "UPDATE audit_seals SET sealed_at = sealed_at - interval '2 days'",
        repair: "UPDATE audit_seals SET sealed_at = sealed_at + interval '2 days'",
        control: "AUD-1",
        grants: false,
    },
    Fault {
        apply: "GRANT INSERT ON http_audit_log TO holdfast_admin",
        repair: "REVOKE INSERT ON http_audit_log FROM holdfast_admin",
        control: "AUD-3",
        grants: true,
    },
    Fault {
        apply: "GRANT INSERT (path) ON http_audit_log_rest TO holdfast_backup",
        repair: "REVOKE INSERT (path) ON http_audit_log_rest FROM holdfast_backup",
        control: "AUD-3",
        grants: true,
    },
    Fault {
        apply: "ALTER FUNCTION record_audit OWNER TO holdfast_owner",
        repair: "ALTER FUNCTION record_audit OWNER TO holdfast_definer",
        control: "AUD-3",
        grants: true,
    },
    Fault {
        apply: "GRANT CREATE ON SCHEMA public TO holdfast_admin",
        repair: "REVOKE CREATE ON SCHEMA public FROM holdfast_admin",
        control: "DATA-1",
        grants: true,
    },
    Fault {
        apply: "ALTER TABLE schema_checks OWNER TO holdfast_maintenance",
        repair: "ALTER TABLE schema_checks OWNER TO holdfast_owner;
            GRANT DELETE, INSERT, SELECT ON schema_checks TO holdfast_maintenance",
        control: "DATA-1",
        grants: true,
    },
    Fault {
        apply: "UPDATE refinery_schema_history SET applied_on = (applied_on::timestamptz
            - make_interval(days => CASE WHEN version = 1 THEN 30 ELSE 20 END))::text",
        repair: "UPDATE refinery_schema_history SET applied_on = (applied_on::timestamptz
            + make_interval(days => CASE WHEN version = 1 THEN 30 ELSE 20 END))::text",
        control: "DATA-1",
        grants: false,
    },
    Fault {
        apply: "UPDATE schema_checks SET differences = 1",
        repair: "UPDATE schema_checks SET differences = 0",
        control: "DATA-2",
        grants: false,
    },
    Fault {
        apply: "UPDATE schema_checks SET at = at - interval '4 hours'",
        repair: "UPDATE schema_checks SET at = at + interval '4 hours'",
        control: "DATA-2",
        grants: false,
    },
    Fault {
        apply: "INSERT INTO migration_failures SELECT gen_random_uuid(), now(), max(version), 'x' FROM refinery_schema_history",
        repair: "DELETE FROM migration_failures",
        control: "DATA-2",
        grants: false,
    },
    Fault {
        apply: "UPDATE backup_runs SET finished_at = finished_at - interval '27 hours' WHERE kind = 'backup'",
        repair: "UPDATE backup_runs SET finished_at = finished_at + interval '27 hours' WHERE kind = 'backup'",
        control: "DR-1",
        grants: false,
    },
    Fault {
        apply: "UPDATE backup_runs SET finished_at = finished_at - interval '9 days' WHERE kind = 'drill'",
        repair: "UPDATE backup_runs SET finished_at = finished_at + interval '9 days' WHERE kind = 'drill'",
        control: "DR-1",
        grants: false,
    },
    Fault {
        apply: "UPDATE backup_runs SET canary = 'none' WHERE kind = 'drill'",
        repair: "UPDATE backup_runs SET canary = 'opened' WHERE kind = 'drill'",
        control: "SEC-2",
        grants: false,
    },
    Fault {
        apply: "GRANT SELECT (password_hash) ON users TO holdfast_admin",
        repair: "REVOKE SELECT (password_hash) ON users FROM holdfast_admin",
        control: "SEC-4",
        grants: true,
    },
    Fault {
        apply: "GRANT EXECUTE ON FUNCTION rotate_signing_key TO PUBLIC",
        repair: "REVOKE EXECUTE ON FUNCTION rotate_signing_key FROM PUBLIC",
        control: "SEC-4",
        grants: true,
    },
    Fault {
        apply: "REVOKE SELECT ON secrets FROM holdfast_accounts",
        repair: "GRANT SELECT ON secrets TO holdfast_accounts",
        control: "SEC-4",
        grants: true,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_database_fault_fails_only_its_own_control() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let sealing = Sealing::of(&app);
    sealing.seal_all(&app).await;
    sealing.run(&app, holdfast_maintenance::Task::Drift).await;
    let plan = backups::plan(&app, backups::folder(&app.database.folder().join("backups")));
    backups::run_successfully(&app, &plan, Task::Backup).await;
    backups::run_successfully(&app, &plan, Task::Drill).await;

    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let token = serde_json::json!({"name": "in use", "scopes": ["accounts:read"]});
    assert_eq!(admin.post("/auth/tokens", &token).await.status, 201);
    let (well, body) = check(&operator).await;
    // With settings from the environment of a developer's machine, these controls rightly fail.
    let failing: Vec<_> = well.iter().filter(|(_, result)| *result == "fail").map(|(id, _)| id.as_str()).collect();
    assert_eq!(failing, ["AUTH-1", "AUTH-4", "RUN-2", "SEC-1"], "{body:#}");
    let superuser = app.database.superuser().await;
    for Fault { apply, repair, control, grants } in FAULTS {
        superuser.batch_execute(apply).await.unwrap_or_else(|error| panic!("{apply}: {error}"));
        let (results, body) = check(&operator).await;
        // A control that already fails on a developer's machine gets one more piece of evidence.
        let failed = well[control] == "fail";
        let mut expected = if failed { vec![] } else { vec![format!("{control} fail")] };
        if grants && control != "SEC-4" {
            expected.push("SEC-4 fail".to_owned());
        }
        assert_eq!(changed(&well, &results), expected, "{apply}: {body:#}");
        if failed {
            let findings = body["findings"].as_array().unwrap();
            let evidence = &findings.iter().find(|finding| finding["id"] == control).unwrap()["evidence"];
            let seen = |seen: &Value| seen["source"] == "database" && seen["result"] == "fail";
            assert!(evidence.as_array().unwrap().iter().any(seen), "{apply}: {evidence}");
        }
        superuser.batch_execute(repair).await.unwrap_or_else(|error| panic!("{repair}: {error}"));
        assert_eq!(check(&operator).await.0, well, "{repair}");
    }
}

#[tokio::test]
async fn administrators_without_one_time_codes_are_counted_until_each_has_set_them_up() {
    let (app, operator) = TestApp::builder()
        .setting("REQUIRE_MFA_ROLES", "operator,admin")
        .start_as(Tenant::Platform, Role::Operator)
        .await;
    assert_eq!(operator.get("/admin/hardening").await.outcome(), "401 mfa_required");
    let mut clients = vec![operator];
    for tenant in [Tenant::Acme, Tenant::Globex] {
        clients.push(app.sign_in(tenant, Role::Admin).await);
    }
    for (enrolled, client) in clients.iter().enumerate() {
        let secret = client.post("/auth/mfa/totp", &app.own_password()).await.text_at("secret").to_owned();
        let confirm = serde_json::json!({"code": holdfast_tests::sample::code(&secret, app.clock.now(), 0)});
        assert_eq!(client.post("/auth/mfa/totp/confirm", &confirm).await.status, 204);
        let (_, body) = check(&clients[0]).await;
        let findings = body["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["id"] == "AUTH-4").unwrap();
        let expected = if enrolled == 2 { "pass" } else { "fail" };
        let seen = format!("of 3 active administrators {} have no one-time codes", 2 - enrolled);
        assert!(finding["result"] == expected && finding.to_string().contains(&seen), "{finding}");
    }
}

fn deployed(changes: &[(&'static str, &str)]) -> Vec<hardening::Observation> {
    let usual = [
        ("DATABASE_URL", "postgres://holdfast_admin:x@db.internal/holdfast?sslmode=verify-full"),
        ("SIGNING_KMS_KEY_ID", "arn:aws:kms:eu-central-1:123456789012:key/1"),
        ("VAULT_KMS_KEY_ID", "arn:aws:kms:eu-central-1:123456789012:key/2"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let settings = Settings::given(kept.chain(changes.iter().copied()).map(|(name, value)| (name, value.to_owned())));
    hardening::observe_settings(&Config::from_settings(&settings, Needs::DATABASE).unwrap())
}

#[test]
fn each_settings_fault_fails_only_its_own_control() {
    let results = |observations: &[hardening::Observation]| -> BTreeMap<&str, Outcome> {
        observations.iter().map(|observation| (observation.row, observation.outcome)).collect()
    };
    let well = results(&deployed(&[]));
    for (changes, control) in [
        (&[("APP_ENV", "local")][..], "AUTH-1"),
        (&[("REQUIRE_MFA_ROLES", "operator")], "AUTH-4"),
        (&[("REQUIRE_MFA_ROLES", "none")], "AUTH-4"),
        (&[("VAULT_KMS_KEY_ID", "")], "SEC-2"),
        (&[("APP_ENV", "local"), ("DATABASE_URL", "postgres://holdfast_admin:x@db.internal/holdfast")], "SEC-3"),
        (&[("DATABASE_POOL_SIZE", "8")], "RUN-2"),
        (&[("CORS_ORIGINS", "http://app.example.com")], "WEB-1"),
    ] {
        let found = results(&deployed(changes));
        assert_eq!(
            (well.get(control).copied(), found[control]),
            (Some(if control == "SEC-1" { Outcome::Fail } else { Outcome::Pass }), Outcome::Fail),
            "{changes:?}"
        );
        let others = |(id, outcome): &(&&str, &Outcome)| {
            **id != control
                && !(changes[0].1 == "local" && matches!(**id, "AUTH-1" | "AUTH-4"))
                && well[**id] != **outcome
        };
        assert_eq!(found.iter().filter(others).collect::<Vec<_>>(), [], "{changes:?}");
    }
    // All settings came from the environment, but DATABASE_URL belongs in Secrets Manager.
    assert_eq!(well["SEC-1"], Outcome::Fail);
}

#[test]
fn a_route_with_too_wide_access_fails_its_control() {
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
    assert_eq!(failing([routes.clone(), vec![&OPEN]].concat()), ["AUTH-2", "RUN-1"]);
    let without: Vec<_> = routes.iter().copied().filter(|route| route.path != "/metrics").collect();
    assert_eq!(failing([without, vec![&METRICS]].concat()), ["OBS-1"]);
}

#[test]
fn every_proof_in_the_catalogue_is_an_existing_test() {
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
        "docs/hardening.md is out of date: `cargo run -- admin document hardening > docs/hardening.md`"
    );
}

#[test]
fn every_document_in_a_remediation_exists() {
    for row in CATALOGUE {
        for word in row.remediation.split([' ', ';', ',', '(', ')']).filter(|word| word.starts_with("docs/")) {
            let path = word.trim_end_matches('.');
            assert!(tools::workspace().join(path).is_file(), "{}: {path}", row.id);
        }
    }
}
