//! The runbooks, followed: each test brings a situation about, runs the commands of its page as they stand there, and expects
//! what the page says. And no page names a command, a route, a metric or a setting that does not exist.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use holdfast_backup::Task;
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

/// The shell blocks of a page that need no AWS, in their order.
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
        let key = app.database.file("audit-key.pem", &holdfast_tests::app::signing_key());
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

    /// Runs a block as it stands in the page, but for the stand-ins, and gives what it says.
    async fn run(&self, block: &str, stand_ins: &[(&str, &str)]) -> String {
        let mut block = block.to_owned();
        for (name, value) in stand_ins {
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
        command.env("SECRET_ENCRYPTION_KEY", VAULT_KEY).env("DRILL_DATABASE_URL", database.superuser_url());
        command.env("BACKUP_FOLDER", database.folder().join("backups"));
        command.env("AUDIT_KEY_FILE", &self.key).env("AUDIT_SEALS_FOLDER", database.folder().join("seals"));
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap()
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
    let [look, sure] = <[String; 2]>::try_from(blocks(&page("schema-drift"))).unwrap();
    let superuser = shell.app.database.superuser().await;
    superuser.batch_execute("ALTER TABLE accounts DISABLE ROW LEVEL SECURITY").await.unwrap();
    assert!(shell.run(&look, &[]).await.contains("changed     table accounts"), "{}", shell.run(&look, &[]).await);
    superuser.batch_execute("ALTER TABLE accounts ENABLE ROW LEVEL SECURITY").await.unwrap();
    let said = shell.run(&sure, &[]).await;
    assert!(said.starts_with("The schema is as the migrations make it.\n") && said.contains("\"done\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_migration_is_looked_at_and_got_past() {
    let shell = Shell::start().await;
    let [look, sure] = <[String; 2]>::try_from(blocks(&page("failed-migration"))).unwrap();
    let superuser = shell.app.database.superuser().await;
    superuser
        .batch_execute(
            "DELETE FROM refinery_schema_history WHERE version = (SELECT max(version) FROM refinery_schema_history)",
        )
        .await
        .unwrap();
    assert!(shell.run(&look, &[]).await.starts_with("would apply V"), "{}", shell.run(&look, &[]).await);
    // What it would make is there already, so it fails, and is told of.
    let failed = shell.run(&sure, &[]).await;
    assert!(failed.contains("already exists"), "{failed}");
    let operator = shell.app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(shell.metric(&operator, "holdfast_migration_failures").await > 0.0);
    superuser
        .batch_execute(
            "DROP INDEX login_throttles_by_age; DROP POLICY maintenance ON backup_runs;
             REVOKE SELECT ON metric_instances, backup_runs FROM holdfast_maintenance",
        )
        .await
        .unwrap();
    let mended = shell.run(&sure, &[]).await;
    assert!(mended.contains("The schema is at version"), "{mended}");
    assert!(shell.metric(&operator, "holdfast_migration_failures").await.abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_backup_says_why_and_the_next_ones_settle_it() {
    let shell = Shell::start().await.with_operator().await;
    let [look, repair] = <[String; 2]>::try_from(blocks(&page("backups"))).unwrap();
    let plan = backups::plan(&shell.app, backups::folder(&shell.app.database.folder().join("empty")));
    backups::run(&shell.app, &plan, Task::Drill).await.unwrap_err();
    let shown = shell.run(&look, &[]).await;
    assert!(shown.contains("\"state\":\"failed\"") && shown.contains("\"error\":\""), "{shown}");
    let operator = shell.app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(shell.metric(&operator, "holdfast_backup_failures").await > 0.0);
    let said = shell.run(&repair, &[]).await;
    assert!(said.contains("Backed up ") && said.contains(" restores: "), "{said}");
    assert!(shell.metric(&operator, "holdfast_backup_failures").await.abs() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sealed_is_sealed_by_hand() {
    let shell = Shell::start().await.with_admin().await;
    let [seal] = <[String; 1]>::try_from(blocks(&page("audit-unsealed"))).unwrap();
    // A folder in the place of the store's file cannot be written to.
    let seals = shell.app.database.folder().join("seals");
    std::fs::write(&seals, "in the way").unwrap();
    // Other tests' transactions, on the same cluster, may hold up what is sealed.
    let started = std::time::Instant::now();
    loop {
        let failed = shell.run(&seal, &[]).await;
        if failed.contains("a seal cannot be stored") {
            break;
        }
        assert!(started.elapsed().as_secs() < 60, "{failed}");
    }
    std::fs::remove_file(&seals).unwrap();
    let said = shell.run(&seal, &[]).await;
    assert!(said.contains("\"done\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_schedules_do_is_done_by_hand() {
    let shell = Shell::start().await.with_operator().await;
    assert!(page("schedules").contains("`holdfast maintain` reports no `failed`"));
    let said = shell.run("holdfast maintain", &[]).await;
    assert_eq!(
        (said.matches("\"done\"").count(), said.contains("failed")),
        (holdfast_maintenance::Task::ALL.len(), false),
        "{said}"
    );
    let operator = shell.app.sign_in(Tenant::Platform, Role::Operator).await;
    assert!(shell.metric(&operator, "holdfast_schema_check_age_seconds").await < 3600.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_leaves_evidence_that_verifies() {
    let shell = Shell::start().await.with_admin().await;
    let sealing = Sealing::of(&shell.app);
    sealing.seal_all(&shell.app).await;
    let [look, evidence] = <[String; 2]>::try_from(blocks(&page("incident"))).unwrap();
    let subject =
        shell.app.sign_in(Tenant::Acme, Role::Admin).await.get("/auth/whoami").await.text_at("subject").to_owned();
    let account = "01900000-0000-7000-8000-000000000000";
    let shown = shell.run(&look, &[("USER_ID", &subject), ("ACCOUNT_ID", account)]).await;
    assert!(shown.matches("\"next_cursor\":").count() == 3 && shown.contains("auth.login"), "{shown}");
    let said = shell.run(&evidence, &[]).await;
    assert!(said.contains("rows in") && said.contains("are as they were sealed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_admin_gets_back_in() {
    let shell = Shell::start().await;
    let [look, repair] = <[String; 2]>::try_from(blocks(&page("lost-admin"))).unwrap();
    let names = [("SLUG", "acme"), ("NAME", "admin")];
    let listed = shell.run(&look, &names).await;
    assert!(listed.contains("admin") && listed.contains("operator"), "{listed}");
    let said = shell.run(&repair, &names).await;
    let password = said.split_whitespace().find(|word| word.len() >= 20).unwrap_or_else(|| panic!("{said}"));
    let password = password.trim_end_matches(['.', ',']);
    secrets::keep(password);
    let login = json!({"tenant": "acme", "username": "admin", "password": password});
    assert_eq!(shell.app.anonymous().post("/auth/login", &login).await.status, 200, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_metrics_token_is_replaced() {
    let mut shell = Shell::start().await.with_operator().await;
    let [look, repair] = <[String; 2]>::try_from(blocks(&page("stale-metrics"))).unwrap();
    shell.tokens.push(("metrics_token", "hfk_revoked".to_owned()));
    assert_eq!(shell.run(&look, &[]).await.lines().last(), Some("401"));
    let made = shell.run(&repair, &[]).await;
    let made: serde_json::Value =
        serde_json::from_str(made.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    let token = made["token"].as_str().unwrap().to_owned();
    secrets::keep(&token);
    shell.tokens.push(("metrics_token", token));
    assert_eq!(shell.run(&look, &[]).await.lines().last(), Some("200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_attack_is_seen_and_capacity_and_readiness_are_looked_at() {
    let shell = Shell::start().await.with_operator().await;
    let mut wrong = shell.app.credentials(Tenant::Platform, Role::Operator);
    wrong["password"] = json!("not the password");
    shell.app.anonymous().post("/auth/login", &wrong).await;
    let [attack] = <[String; 1]>::try_from(blocks(&page("sign-in-attack"))).unwrap();
    let shown = shell.run(&attack, &[]).await;
    assert!(shown.contains("\"status\":401") && shown.contains("\"source_ip\""), "{shown}");

    let [capacity] = <[String; 1]>::try_from(blocks(&page("capacity"))).unwrap();
    let template = tools::workspace().join("infra/template.yaml").display().to_string();
    let said = shell.run(&capacity, &[("infra/template.yaml", &template)]).await;
    assert!(said.contains("connections") && said.contains("RUN-2"), "{said}");

    for name in ["server-errors", "database", "restart"] {
        let ready = blocks(&page(name)).pop().unwrap();
        assert_eq!(shell.run(&ready, &[]).await, "{\"status\":\"ready\"}", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_found_and_restored() {
    let shell = Shell::start().await.with_operator().await;
    let plan = backups::plan(&shell.app, backups::folder(&shell.app.database.folder().join("backups")));
    backups::done(&shell.app, &plan, Task::Backup).await;
    let [look, restore] = <[String; 2]>::try_from(blocks(&page("restore"))).unwrap();
    assert!(shell.run(&look, &[]).await.contains("\"state\":\"succeeded\""));
    let empty = TestDatabase::empty().await;
    let into = "postgres://holdfast_owner:...@host:5432/holdfast_restored?sslmode=verify-full";
    let said = shell.run(&restore, &[(into, &empty.owner_url())]).await;
    assert!(said.contains("Rows, constraints, policies and grants are those of the backup."), "{said}");
}

#[test]
fn no_page_names_a_route_a_metric_or_a_setting_that_does_not_exist() {
    let endpoints = holdfast::gateway::endpoints();
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let is_of = |found: &str, route: &str| {
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
        "holdfast_app",
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
                .any(|endpoint| endpoint.route.method.as_str() == &found[1] && is_of(&found[2], endpoint.route.path));
            assert!(known, "{name}: {}", &found[0]);
        }
        for found in metrics.find_iter(&text) {
            let bare = found.as_str().trim_end_matches("_total");
            assert!(known.contains(bare) || others.contains(&bare), "{name}: {}", found.as_str());
        }
        for found in settings.captures_iter(&text) {
            assert!(holdfast_shared::config::NAMES.contains(&&found[1]), "{name}: {}", &found[1]);
        }
    }
}

#[test]
fn every_command_of_a_page_is_one_of_holdfasts() {
    let commands = Regex::new(r"(?m)(?:`|^)holdfast ((?:[a-z-]+ ?)+)").unwrap();
    for (name, text) in pages() {
        for found in commands.captures_iter(&text) {
            let words: Vec<_> = found[1].split_whitespace().take(2).collect();
            let help = |words: &[&str]| {
                let mut command = std::process::Command::new(tools::binaries().join("holdfast"));
                command.args(words).arg("--help").output().unwrap().status.success()
            };
            assert!(help(&words) || help(&words[..1]), "{name}: holdfast {}", &found[1]);
        }
    }
}

#[test]
fn every_page_is_in_the_table_and_has_its_parts() {
    let table = page("README");
    for (name, text) in pages().into_iter().filter(|(name, _)| name != "README") {
        assert!(table.contains(&format!("]({name}.md)")), "{name}");
        for part in ["**What it means.**", "## Look first", "## Mend", "## Make sure"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
}
