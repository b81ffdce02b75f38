//! `holdfast check`: checks every hardening control, before a deployment and while it runs.

mod key_policy;
pub mod live;
pub mod report;
mod stack;
pub mod template;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::{Config, ConfigError, Needs, Settings};
use holdfast_shared::db::FromRow;
use holdfast_shared::db::privileges::{self, Privilege};
use holdfast_shared::hardening::{self, EvidenceSource, Fact, Finding, Observation, Outcome, Severity};
use holdfast_shared::schema::{self, SchemaObject};

use crate::digests;
use live::Target;
use template::{Stack, rows};

/// Targets of a check.
#[derive(Debug, Default)]
pub struct Targets {
    /// Settings of the environment and of `SECRETS_ARN`.
    pub configuration: bool,
    /// Database of `DATABASE_URL`.
    pub database: bool,
    /// Root template of a stack.
    pub template: Option<PathBuf>,
    /// Root templates of stacks that are deployed beside it.
    pub beside: Vec<PathBuf>,
    /// Values of the template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Environment in `samconfig.toml` that sets the other parameters.
    pub config_env: Option<String>,
    /// Digest manifest to compare functions with.
    pub manifest: Option<PathBuf>,
    /// File with the live functions: the output of `aws lambda list-functions`.
    pub functions: Option<PathBuf>,
    /// Name of a deployed stack.
    pub stack: Option<String>,
    /// Running service.
    pub live: Option<Target>,
}

/// Result of a check.
#[derive(Debug)]
pub struct Report {
    /// One finding for each row of the catalogue.
    pub findings: Vec<Finding>,
    /// Targets that could not be checked, each with the reason.
    pub not_checked: Vec<String>,
}

impl Report {
    /// Returns the exit code: 1 if a finding of at least this severity failed, whatever could not be checked; else 3 if a target
    /// could not be checked; else 0.
    pub fn exit_code(&self, fail_on: Severity) -> u8 {
        let serious = |finding: &Finding| finding.result == Outcome::Fail && finding.severity >= fail_on;
        if self.findings.iter().any(serious) {
            1
        } else if self.not_checked.is_empty() {
            0
        } else {
            3
        }
    }
}

/// Checks all targets.
pub async fn run(targets: &Targets) -> Report {
    let mut seen = Seen::default();
    if targets.configuration || targets.database {
        match Settings::from_environment().await {
            Ok(settings) => seen.settings(targets, &settings).await,
            Err(error) => seen.not_checked.push(error.to_string()),
        }
    }
    let mut template = None;
    if let Some(path) = &targets.template {
        match load(path, targets) {
            Ok(stack) => seen.template(template.insert(stack)),
            Err(error) => seen.not_checked.push(format!("--template: {error:#}")),
        }
    }
    if let (Some(manifest), Some(functions)) = (&targets.manifest, &targets.functions) {
        let compared = digests::listed(functions)
            .and_then(|functions| Ok(digests::judged(&digests::differences(manifest, &functions)?, &functions)));
        match compared {
            Ok(observation) => seen.observations.push(observation),
            Err(error) => seen.not_checked.push(format!("--manifest: {error:#}")),
        }
    }
    if let Some(name) = &targets.stack {
        match stack::observe(name, targets.manifest.as_deref(), template.as_ref()).await {
            Ok(observations) => seen.observations.extend(observations),
            Err(error) => seen.not_checked.push(format!("--stack: {error:#}")),
        }
    }
    if let Some(target) = &targets.live {
        match live::observe(target).await {
            Ok(observations) => seen.observations.extend(observations),
            Err(error) => seen.not_checked.push(format!("--url: {error:#}")),
        }
    }
    seen.budget();
    Report { findings: hardening::findings(&seen.observations), not_checked: seen.not_checked }
}

/// Loads the template, together with those beside it.
fn load(path: &Path, targets: &Targets) -> anyhow::Result<Stack> {
    let stack = template::load(path, &targets.parameters, targets.config_env.as_deref())?;
    targets.beside.iter().try_fold(stack, |stack, path| {
        let other = template::load(path, &BTreeMap::new(), None)?;
        Ok(stack.beside(&other))
    })
}

#[derive(Default)]
struct Seen {
    observations: Vec<Observation>,
    not_checked: Vec<String>,
    /// Connections that the functions can open, and that the database accepts.
    connections: (Option<u64>, Option<u64>),
}

impl Seen {
    async fn settings(&mut self, targets: &Targets, settings: &Settings) {
        let config = match Config::from_settings(settings, Needs::DATABASE) {
            Ok(config) => config,
            Err(error) => {
                if targets.database {
                    self.not_checked.push("--database: the configuration is invalid".to_owned());
                }
                return self.rejected(&error);
            }
        };
        if targets.configuration {
            self.observations.extend(hardening::observe_settings(&config));
            let endpoints = crate::gateway::endpoints();
            self.observations.extend(hardening::observe_routes(endpoints.iter().map(|endpoint| endpoint.route)));
        }
        if targets.database
            && let Err(error) = self.database(&config).await
        {
            self.not_checked.push(format!("--database: {error:#}"));
        }
    }

    /// Fails the row that an invalid setting violates: no function would start with this configuration.
    fn rejected(&mut self, error: &ConfigError) {
        let Some(row) = error.checklist_row() else { return self.not_checked.push(error.to_string()) };
        self.observations.push(Observation::judged(row, EvidenceSource::Configuration, false, error.to_string()));
    }

    async fn database(&mut self, config: &Config) -> anyhow::Result<()> {
        let client =
            holdfast_shared::db::connect_maintenance(config.database_url()?, config.database_ca_file.as_deref())
                .await?;
        let rows = client.query(hardening::SELECT.text(), &[&SystemClock.now()]).await?;
        let facts: Vec<Fact> = rows.iter().map(Fact::from_row).collect::<Result<_, _>>()?;
        self.observations.extend(hardening::observe_database(facts));
        let rows = client.query(schema::CATALOGUE.text(), &[]).await?;
        let objects: Vec<SchemaObject> = rows.iter().map(SchemaObject::from_row).collect::<Result<_, _>>()?;
        self.observations.push(hardening::observe_attempts(&objects));
        let rows = client.query(privileges::EFFECTIVE.text(), &[]).await?;
        let found: Vec<Privilege> = rows.iter().map(Privilege::from_row).collect::<Result<_, _>>()?;
        self.observations.push(hardening::observe_privileges(found));
        let max_connections: String =
            client.query_one("SHOW max_connections", &[]).await?.try_get("max_connections")?;
        self.connections.1 = max_connections.parse().ok();
        Ok(())
    }

    fn template(&mut self, stack: &Stack) {
        self.observations.extend(rows::observe(stack));
        self.connections.0 = rows::connections(stack);
    }

    /// Checks that every instance finds a connection, if both the template and the database were checked.
    fn budget(&mut self) {
        if let (Some(needed), Some(max)) = self.connections {
            let evidence = format!("the functions may open {needed} connections, and the database accepts {max}");
            self.observations.push(Observation::judged("RUN-2", EvidenceSource::Database, needed < max, evidence));
        }
    }
}
