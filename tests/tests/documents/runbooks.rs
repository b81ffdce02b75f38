//! The runbooks, followed: each test creates a situation, runs the commands of its page unchanged, and expects the results
//! on the page. And every command, route, metric and setting on a page exists.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use holdfast_backup::Task;
use holdfast_maintenance::SealStore;
use holdfast_shared::permission::Role;
use holdfast_shared::telemetry::gauges::GAUGES;
use holdfast_shared::telemetry::metrics::FAMILIES;
use holdfast_tests::app::{Tenant, TestApp, VAULT_KEY};
use holdfast_tests::backups;
use holdfast_tests::client::Client;
use holdfast_tests::database::TestDatabase;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::{secrets, tools};
use regex::Regex;
use serde_json::json;
use tokio::process::Command;

fn folder() -> PathBuf {
    tools::workspace().join("docs/runbooks")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.md"))).unwrap()
}

fn pages() -> Vec<(String, String)> {
    let files = folder().read_dir().unwrap().flatten().map(|file| file.path());
    let names = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    names.map(|name| (name.clone(), page(&name))).collect()
}

/// Returns the shell blocks of a page that need no AWS, in order.
fn blocks(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| !block.contains("aws ") && !block.contains("make ")).map(str::to_owned).collect()
}

/// A shell beside a running gateway: `holdfast` with the settings of the functions, `$url`, and a `$token`.
struct Shell {
    app: TestApp,
    url: String,
    tokens: Vec<(&'static str, String)>,
    key: PathBuf,
}

impl Shell {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let url = format!("http://{}", app.listen().await);
        let key = app.database.file("audit-key.pem", &app.audit_key);
        Self { app, url, tokens: Vec::new(), key }
    }

    async fn with_operator(mut self) -> Self {
        let client = self.app.sign_in(Tenant::Platform, Role::Operator).await;
        self.tokens.push(("token", client.access_token.unwrap()));
        self
    }

    async fn with_admin(mut self) -> Self {
        let client = self.app.sign_in(Tenant::Acme, Role::Admin).await;
        self.tokens.push(("token", client.access_token.unwrap()));
        self
    }

    /// Runs a block of a page, with its placeholders replaced. Returns the output.
    async fn run(&self, block: &str, placeholders: &[(&str, &str)]) -> String {
        let mut block = block.to_owned();
        for (name, value) in placeholders {
            block = block.replace(name, value);
        }
        let database = &self.app.database;
        let mut command = Command::new("bash");
        command.args([
            "-c",
            &format!("holdfast() {{ {} \"$@\"; }}\n{block}", tools::binaries().join("holdfast").display()),
        ]);
        command.current_dir(database.folder()).env("url", &self.url).env("APP_ENV", "local");
        command.envs(self.tokens.iter().map(|(name, value)| (*name, value.as_str())));
        command.env("DATABASE_URL", database.owner_url()).env("DATABASE_CA_FILE", database.ca_file());
        command.env("SECRET_ENCRYPTION_KEY", VAULT_KEY).env("DRILL_DATABASE_URL", database.owner_url());
        command.env("BACKUP_SIGNING_KEY_FILE", backups::key_file(&self.app));
        command.env("BACKUP_FOLDER", database.folder().join("backups"));
        command.env("AUDIT_KEY_FILE", &self.key).env("AUDIT_SEALS_FOLDER", database.folder().join("seals"));
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    async fn metric(&self, operator: &Client, name: &str) -> f64 {
        let text = operator.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_drift_is_shown_undone_and_settled() {
    let shell = Shell::start().await;
    let [diagnose, verify] = <[String; 2]>::try_from(blocks(&page("schema-drift"))).unwrap();
    let superuser = shell.app.database.superuser().await;
    superuser.batch_execute("ALTER TABLE accounts DISABLE ROW LEVEL SECURITY").await.unwrap();
    assert!(
        shell.run(&diagnose, &[]).await.contains("changed     table accounts"),
        "{}",
        shell.run(&diagnose, &[]).await
    );
    superuser.batch_execute("ALTER TABLE accounts ENABLE ROW LEVEL SECURITY").await.unwrap();
    let output = shell.run(&verify, &[]).await;
    assert!(
        output.starts_with("The schema is what the migrations create.\n") && output.contains("\"done\""),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_migration_is_diagnosed_and_fixed() {
    let shell = Shell::start().await;
    let [diagnose, verify] = <[String; 2]>::try_from(blocks(&page("failed-migration"))).unwrap();
    let superuser = shell.app.database.superuser().await;
    superuser
        .batch_execute(
            "DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)",
        )
        .await
        .unwrap();
    assert!(shell.run(&diagnose, &[]).await.starts_with("would apply V"), "{}", shell.run(&diagnose, &[]).await);
    // The step fails and is recorded: its objects already exist.
    let failed = shell.run(&verify, &[]).await;
    assert!(failed.contains("already exists"), "{failed}");
    let operator = shell.app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(shell.metric(&operator, "holdfast_migration_failures").await > 0.0);
    superuser
        .batch_execute(
            "DROP INDEX http_audit_log_by_status, http_audit_log_by_path, http_audit_log_by_role, attempts_by_age",
        )
        .await
        .unwrap();
    let fixed = shell.run(&verify, &[]).await;
    assert!(fixed.contains("The schema is at version"), "{fixed}");
    assert!(shell.metric(&operator, "holdfast_migration_failures").await.abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_is_diagnosed_and_repeated() {
    let shell = Shell::start().await.with_operator().await;
    let [diagnose, mitigate] = <[String; 2]>::try_from(blocks(&page("backups"))).unwrap();
    let plan = backups::plan(&shell.app, backups::folder(&shell.app.database.folder().join("empty")));
    backups::run(&shell.app, &plan, Task::Drill).await.unwrap_err();
    let shown = shell.run(&diagnose, &[]).await;
    assert!(shown.contains("\"state\":\"failed\"") && shown.contains("\"error\":\""), "{shown}");
    let operator = shell.app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(shell.metric(&operator, "holdfast_backup_failures").await > 0.0);
    let output = shell.run(&mitigate, &[]).await;
    assert!(output.contains("Backed up ") && output.contains(" restores: "), "{output}");
    assert!(shell.metric(&operator, "holdfast_backup_failures").await.abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsealed_rows_are_sealed_by_hand() {
    let shell = Shell::start().await.with_admin().await;
    let [seal] = <[String; 1]>::try_from(blocks(&page("audit-unsealed"))).unwrap();
    // A file blocks the path of the folder.
    let seals = shell.app.database.folder().join("seals");
    std::fs::write(&seals, "in the way").unwrap();
    // Transactions of other tests, on the same cluster, may delay what is to be sealed.
    let started = std::time::Instant::now();
    loop {
        let failed = shell.run(&seal, &[]).await;
        if failed.contains("seals/ cannot be read") {
            break;
        }
        assert!(started.elapsed().as_secs() < 60, "{failed}");
    }
    std::fs::remove_file(&seals).unwrap();
    let output = shell.run(&seal, &[]).await;
    assert!(output.contains("\"done\""), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_tasks_are_run_by_hand() {
    let shell = Shell::start().await.with_operator().await;
    assert!(page("schedules").contains("`holdfast admin maintain` reports no `failed`"));
    let output = shell.run("holdfast admin maintain", &[]).await;
    assert_eq!(
        (output.matches("\"done\"").count(), output.contains("failed")),
        (holdfast_maintenance::Task::ALL.len(), false),
        "{output}"
    );
    let operator = shell.app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(shell.metric(&operator, "holdfast_schema_check_age_seconds").await < 3600.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_leaves_evidence_that_verifies() {
    let shell = Shell::start().await.with_admin().await;
    let mut sealing = Sealing::of(&shell.app);
    sealing.plan.store = SealStore::Folder(shell.app.database.folder().join("seals"));
    sealing.seal_all(&shell.app).await;
    let [diagnose, compare, evidence] = <[String; 3]>::try_from(blocks(&page("incident"))).unwrap();
    let subject =
        shell.app.sign_in(Tenant::Acme, Role::Admin).await.get("/auth/whoami").await.text_at("subject").to_owned();
    let account = "01900000-0000-7000-8000-000000000000";
    let shown = shell.run(&diagnose, &[("USER_ID", &subject), ("ACCOUNT_ID", account)]).await;
    assert!(shown.matches("\"next_cursor\":").count() == 3 && shown.contains("auth.login"), "{shown}");
    let compared = shell.run(&compare, &[("s3://BUCKET", "seals")]).await;
    assert!(compared.contains("The database agrees with the"), "{compared}");
    let output = shell.run(&evidence, &[]).await;
    assert!(output.contains("rows in") && output.contains("are as they were sealed"), "{output}");
    // A row that is changed afterwards is named by the same command, and by the page that it leads to.
    let change = "UPDATE http_audit_log SET path = '/' WHERE action = 'auth.login'";
    shell.app.database.execute(change).await;
    let [tampered] = <[String; 1]>::try_from(blocks(&page("audit-tampered"))).unwrap();
    let compared = shell.run(&tampered, &[("s3://BUCKET", "seals")]).await;
    assert!(compared.contains("altered: row ") && compared.contains("follow the runbook audit-tampered"), "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_admin_gets_back_in() {
    let shell = Shell::start().await;
    let [diagnose, mitigate] = <[String; 2]>::try_from(blocks(&page("lost-admin"))).unwrap();
    let names = [("SLUG", "acme"), ("NAME", "admin")];
    let listed = shell.run(&diagnose, &names).await;
    assert!(listed.contains("admin") && listed.contains("operator"), "{listed}");
    let output = shell.run(&mitigate, &names).await;
    let password = output.split_whitespace().find(|word| word.len() >= 20).unwrap_or_else(|| panic!("{output}"));
    let password = password.trim_end_matches(['.', ',']);
    secrets::keep(password);
    let login = json!({"tenant": "acme", "username": "admin", "password": password});
    assert_eq!(shell.app.anonymous().post("/auth/login", &login).await.status, 200, "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_metrics_token_is_replaced() {
    let mut shell = Shell::start().await.with_operator().await;
    let [diagnose, mitigate] = <[String; 2]>::try_from(blocks(&page("stale-metrics"))).unwrap();
    shell.tokens.push(("metrics_token", "hfk_revoked".to_owned()));
    assert_eq!(shell.run(&diagnose, &[]).await.lines().last(), Some("401"));
    let created = shell.run(&mitigate, &[]).await;
    let created: serde_json::Value =
        serde_json::from_str(created.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    let token = created["token"].as_str().unwrap().to_owned();
    secrets::keep(&token);
    shell.tokens.push(("metrics_token", token));
    assert_eq!(shell.run(&diagnose, &[]).await.lines().last(), Some("200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_attack_capacity_and_readiness_are_diagnosed() {
    let shell = Shell::start().await.with_operator().await;
    let mut wrong = shell.app.credentials(Tenant::Platform, Role::Operator);
    wrong["password"] = json!("not the password");
    shell.app.anonymous().post("/auth/login", &wrong).await;
    let [attack] = <[String; 1]>::try_from(blocks(&page("sign-in-attack"))).unwrap();
    let shown = shell.run(&attack, &[]).await;
    assert!(shown.contains("\"status\":401") && shown.contains("\"source_ip\""), "{shown}");
    // What was not evaluated for an existing user is aggregated.
    wrong["tenant"] = json!("nowhere");
    shell.app.anonymous().post("/auth/login", &wrong).await;
    shell.app.clock.advance(180);
    Sealing::of(&shell.app).seal(&shell.app).await;
    let shown = shell.run(&attack, &[]).await;
    assert!(shown.contains("\"rejections\":1") && shown.contains("\"203.0.113.0/24\""), "{shown}");

    let [capacity] = <[String; 1]>::try_from(blocks(&page("capacity"))).unwrap();
    let template = tools::workspace().join("infra/template.yaml").display().to_string();
    let output = shell.run(&capacity, &[("infra/template.yaml", &template)]).await;
    assert!(output.contains("connections") && output.contains("RUN-2"), "{output}");

    for name in ["server-errors", "database", "restart"] {
        let ready = blocks(&page(name)).pop().unwrap();
        assert_eq!(shell.run(&ready, &[]).await, "{\"status\":\"ready\"}", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_found_and_restored() {
    let shell = Shell::start().await.with_operator().await;
    let plan = backups::plan(&shell.app, backups::folder(&shell.app.database.folder().join("backups")));
    backups::run_successfully(&shell.app, &plan, Task::Backup).await;
    let [diagnose, restore] = <[String; 2]>::try_from(blocks(&page("restore"))).unwrap();
    assert!(shell.run(&diagnose, &[]).await.contains("\"state\":\"succeeded\""));
    let empty = TestDatabase::empty().await;
    let into = "postgres://holdfast_owner:...@host:5432/holdfast_restored?sslmode=verify-full";
    let output = shell.run(&restore, &[(into, &empty.owner_url())]).await;
    assert!(output.contains("The rows are those of the backup, the schema is that of this build."), "{output}");
}

#[test]
fn every_route_metric_and_setting_on_a_page_exists() {
    let endpoints = holdfast::gateway::endpoints();
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let matches = |found: &str, route: &str| {
        let (found, route) = (segments(found), segments(route));
        found.len() == route.len()
            && found.iter().zip(&route).all(|(one, other)| one == other || other.starts_with('{'))
    };
    let routes = Regex::new(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?\s]*)").unwrap();
    let metrics = Regex::new("holdfast_[a-z_]+").unwrap();
    let settings = Regex::new("`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)").unwrap();
    let known: BTreeSet<&str> =
        FAMILIES.iter().map(|family| family.name).chain(GAUGES.iter().map(|(name, _)| *name)).collect();
    let others = [
        "holdfast_accounts",
        "holdfast_drill",
        "holdfast_maintenance",
        "holdfast_metrics",
        "holdfast_owner",
        "holdfast_restored",
    ];
    for (name, text) in pages() {
        for found in routes.captures_iter(&text) {
            let known = endpoints
                .iter()
                .any(|endpoint| endpoint.route.method.as_str() == &found[1] && matches(&found[2], endpoint.route.path));
            assert!(known, "{name}: {}", &found[0]);
        }
        for found in metrics.find_iter(&text) {
            let bare = found.as_str().trim_end_matches("_total");
            assert!(known.contains(bare) || others.contains(&bare), "{name}: {}", found.as_str());
        }
        for found in settings.captures_iter(&text) {
            assert!(holdfast_shared::config::find(&found[1]).is_some(), "{name}: {}", &found[1]);
        }
    }
}

#[test]
fn every_command_on_a_page_exists() {
    let commands = Regex::new(r"(?m)(?:`|^)holdfast ((?:[a-z-]+ ?)+)").unwrap();
    for (name, text) in pages() {
        for found in commands.captures_iter(&text) {
            let words: Vec<_> = found[1].split_whitespace().take(3).collect();
            let help = |words: &[&str]| {
                let mut command = std::process::Command::new(tools::binaries().join("holdfast"));
                command.args(words).arg("--help").output().unwrap().status.success()
            };
            assert!(help(&words) || help(&words[..words.len().min(2)]), "{name}: holdfast {}", &found[1]);
        }
    }
}

#[test]
fn every_page_is_in_the_table_and_has_all_sections() {
    let table = page("README");
    for (name, text) in pages().into_iter().filter(|(name, _)| name != "README") {
        assert!(table.contains(&format!("]({name}.md)")), "{name}");
        for part in ["**What it means.**", "## Diagnose", "## Mitigate", "## Verify"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
}
