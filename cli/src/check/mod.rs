//! `holdfast check`: looks at a deployment, before it is made and while it runs, line by line of the hardening checklist.

pub mod live;
pub mod report;
mod stack;
pub mod template;

use holdfast_shared::db::FromRow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::{Config, ConfigError, Needs, Settings};
use holdfast_shared::hardening::{self, EvidenceSource, Fact, Finding, Observation, Outcome, Severity};

use crate::digests;
use live::Target;
use template::{Stack, rows};

/// What is looked at.
#[derive(Debug, Default)]
pub struct Targets {
    /// The settings of the environment and of `SECRETS_ARN`.
    pub configuration: bool,
    /// The database of `DATABASE_URL`.
    pub database: bool,
    /// A stack's root template.
    pub template: Option<PathBuf>,
    /// Values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The environment in `samconfig.toml` whose parameters it takes.
    pub config_env: Option<String>,
    /// A digest manifest, to compare functions with.
    pub manifest: Option<PathBuf>,
    /// The functions as AWS has them, in a file.
    pub functions: Option<PathBuf>,
    /// The name of a stack that AWS is asked for.
    pub stack: Option<String>,
    /// A running service.
    pub live: Option<Target>,
}

/// What was found, and what could not be looked at.
#[derive(Debug)]
pub struct Report {
    /// A finding for each line of the checklist.
    pub findings: Vec<Finding>,
    /// Targets that could not be looked at, and why.
    pub blind: Vec<String>,
}

impl Report {
    /// 0 where nothing of high severity failed and all targets were looked at. 1 where something did, whatever else could not be
    /// seen. 2 where a target could not be looked at.
    pub fn exit_code(&self) -> u8 {
        let serious = |finding: &Finding| finding.result == Outcome::Fail && finding.severity == Severity::High;
        if self.findings.iter().any(serious) {
            1
        } else if self.blind.is_empty() {
            0
        } else {
            2
        }
    }
}

/// Looks at all targets.
pub async fn run(targets: &Targets) -> Report {
    let mut seen = Seen::default();
    if targets.configuration || targets.database {
        match Settings::from_environment().await {
            Ok(settings) => seen.settings(targets, &settings).await,
            Err(refusal) => seen.blind.push(refusal.to_string()),
        }
    }
    let mut template = None;
    if let Some(path) = &targets.template {
        match template::load(path, &targets.parameters, targets.config_env.as_deref()) {
            Ok(stack) => seen.template(template.insert(stack)),
            Err(error) => seen.blind.push(format!("--template: {error:#}")),
        }
    }
    if let (Some(manifest), Some(functions)) = (&targets.manifest, &targets.functions) {
        let compared = digests::listed(functions)
            .and_then(|functions| Ok(digests::judged(&digests::differences(manifest, &functions)?, &functions)));
        match compared {
            Ok(observation) => seen.observations.push(observation),
            Err(error) => seen.blind.push(format!("--manifest: {error:#}")),
        }
    }
    if let Some(name) = &targets.stack {
        match stack::observe(name, targets.manifest.as_deref(), template.as_ref()).await {
            Ok(observations) => seen.observations.extend(observations),
            Err(error) => seen.blind.push(format!("--stack: {error:#}")),
        }
    }
    if let Some(target) = &targets.live {
        match live::observe(target).await {
            Ok(observations) => seen.observations.extend(observations),
            Err(error) => seen.blind.push(format!("--url: {error:#}")),
        }
    }
    seen.budget();
    Report { findings: hardening::findings(&seen.observations), blind: seen.blind }
}

#[derive(Default)]
struct Seen {
    observations: Vec<Observation>,
    blind: Vec<String>,
    /// Connections that the functions can open, and those that the database takes.
    connections: (Option<u64>, Option<u64>),
}

impl Seen {
    async fn settings(&mut self, targets: &Targets, settings: &Settings) {
        let config = match Config::from_settings(settings, Needs::default()) {
            Ok(config) => config,
            Err(refusal) => {
                if targets.database {
                    self.blind.push("--database: the configuration that leads to it was refused".to_owned());
                }
                return self.refused(&refusal);
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
            self.blind.push(format!("--database: {error:#}"));
        }
    }

    /// A configuration that no function would start with fails the line that it breaks.
    fn refused(&mut self, refusal: &ConfigError) {
        let row = match refusal.setting {
            "API_TOKENS" | "AUTH_JWT_SECRET" | "AUTH_USERS" | "SIGNING_KEY_FILE" => "AUTH-1",
            "FORMER_SECRET_ENCRYPTION_KEY" | "SECRET_ENCRYPTION_KEY" => "SEC-2",
            "DATABASE_URL" => "SEC-3",
            "CORS_ORIGINS" => "WEB-1",
            _ => return self.blind.push(refusal.to_string()),
        };
        self.observations.push(Observation::judged(row, EvidenceSource::Configuration, false, refusal.to_string()));
    }

    async fn database(&mut self, config: &Config) -> anyhow::Result<()> {
        let client =
            holdfast_shared::db::connect_maintenance(&config.database_url, config.database_ca_file.as_deref()).await?;
        let rows = client.query(hardening::SELECT, &[&SystemClock.now()]).await?;
        let facts: Vec<Fact> = rows.iter().map(Fact::from_row).collect::<Result<_, _>>()?;
        self.observations.extend(hardening::observe_database(facts));
        let most: String = client.query_one("SHOW max_connections", &[]).await?.try_get(0)?;
        self.connections.1 = most.parse().ok();
        Ok(())
    }

    fn template(&mut self, stack: &Stack) {
        self.observations.extend(rows::observe(stack));
        self.connections.0 = rows::connections(stack);
    }

    /// Where both the template and the database were looked at: whether all instances find a connection.
    fn budget(&mut self) {
        if let (Some(needed), Some(most)) = self.connections {
            let evidence = format!("the functions may open {needed} connections, and the database takes {most}");
            self.observations.push(Observation::judged("RUN-2", EvidenceSource::Database, needed < most, evidence));
        }
    }
}
