//! An auditor: downloads the files that a tenant's admin may read, and verifies them with the real command.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use holdfast_shared::permission::Role;
use serde_json::{Value, json};

use crate::app::{Tenant, TestApp};
use crate::client::{Client, Response};
use crate::sealing::Sealing;
use crate::tools;

/// A log of two tenants under three seals, and its auditor.
pub struct Audited {
    /// The application.
    pub app: TestApp,
    /// The maintenance that seals the log.
    pub sealing: Sealing,
    /// The admin of the tenant `acme`.
    pub admin: Client,
    /// The tenant's id.
    pub acme: String,
}

impl Audited {
    /// Creates a log: three times, both tenants act and their rows are sealed.
    pub async fn new() -> Self {
        let app = TestApp::start().await;
        let sealing = Sealing::of(&app);
        let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
        for round in 0..3 {
            for tenant in [Tenant::Acme, Tenant::Globex] {
                let editor = app.sign_in(tenant, Role::Editor).await;
                let created = editor.post("/accounts", &json!({"name": format!("a{round}")})).await;
                editor.patch(created.header("location"), &json!({"owner": "ops"})).await;
            }
            sealing.seal_all(&app).await;
        }
        let acme = app.tenant_id(Tenant::Acme).await;
        Self { app, sealing, admin, acme }
    }

    /// Runs statements as the superuser, with `ACME` replaced by the tenant's id.
    pub async fn tamper(&self, sql: &str) {
        self.app.database.execute(&sql.replace("ACME", &format!("'{}'", self.acme))).await;
    }

    /// Returns the result of `GET /admin/audit/verify`.
    pub async fn verify(&self) -> Value {
        let response = self.admin.get("/admin/audit/verify").await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body
    }

    /// Downloads all pages into a file.
    pub async fn fetch(&self, name: &str, path: &str) -> PathBuf {
        let (mut text, mut path) = (String::new(), path.to_owned());
        loop {
            let page = self.admin.get(&path).await;
            assert_eq!(page.status, 200, "{page:?}");
            text.push_str(&page.text);
            let link = page.header("link");
            let Some(target) = link.strip_suffix("; rel=\"next\"") else { break };
            target.trim_matches(['<', '>']).clone_into(&mut path);
        }
        self.app.database.file(name, &text)
    }

    /// Downloads all files that an auditor needs: the seals before the rows.
    pub async fn files(&self) -> Files {
        let jwks = self.fetch("jwks.json", "/.well-known/audit-jwks.json").await;
        let seals = self.fetch("seals.ndjson", "/admin/audit/seals").await;
        let export = self.fetch("export.ndjson", "/admin/audit/export?limit=5").await;
        Files { export, seals, jwks }
    }
}

/// The files of an auditor.
pub struct Files {
    /// The export.
    pub export: PathBuf,
    /// The seals.
    pub seals: PathBuf,
    /// The key set.
    pub jwks: PathBuf,
}

impl Files {
    /// Verifies the files with the real command. Returns its output, or the line with which it failed.
    pub fn verify(&self) -> Result<String, String> {
        let file = |path: &PathBuf| path.display().to_string();
        let arguments = ["--export", &file(&self.export), "--seals", &file(&self.seals), "--jwks", &file(&self.jwks)];
        outcome(&holdfast(&[&["verify"][..], &arguments].concat()))
    }

    /// Returns the same files with the lines of the export or of the seals changed.
    #[must_use]
    pub fn with(&self, export: bool, change: impl FnOnce(&mut Vec<String>)) -> Self {
        let path = if export { &self.export } else { &self.seals };
        let mut lines: Vec<String> = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
        change(&mut lines);
        let new = path.with_extension("changed");
        std::fs::write(&new, lines.join("\n") + "\n").unwrap();
        let Self { export: rows, seals, jwks } = self;
        let (rows, seals) = if export { (&new, seals) } else { (rows, &new) };
        Self { export: rows.clone(), seals: seals.clone(), jwks: jwks.clone() }
    }
}

/// Runs `holdfast audit` offline, without any settings.
pub fn holdfast(arguments: &[&str]) -> Output {
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.env_clear().arg("audit").args(arguments).output().unwrap()
}

/// Returns the output of a command, or the line with which it failed.
pub fn outcome(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    Err(text(&output.stderr))
}

/// Waits until an export has this many rows: transactions of other tests, on the same cluster, delay its end.
pub async fn export_of(admin: &Client, query: &str, rows: usize) -> Response {
    let started = Instant::now();
    loop {
        let response = admin.get(&format!("/admin/audit/export?{query}")).await;
        if response.text.lines().count() >= rows {
            return response;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{rows} rows are not exported: {response:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
