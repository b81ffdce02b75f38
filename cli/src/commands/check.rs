//! `holdfast check`: whether each line of the hardening checklist holds.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use holdfast::check::live::Target;
use holdfast::check::template::parameter;
use holdfast::check::{self, Targets, report};
use holdfast_shared::hardening;
use reqwest::Url;
use secrecy::SecretString;

use super::print;

/// Looks whether each line of the hardening checklist holds, and tells the evidence and the remediation
///
/// Without an option it looks at the configuration: the environment, and the secret of `SECRETS_ARN`. Exit code 1 where a line of
/// high severity fails; else 2 where something could not be looked at; else 0.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct Check {
    /// Look at the configuration, too
    #[arg(long)]
    configuration: bool,
    /// Look at the database of `DATABASE_URL`: with the owner's login, or that of `holdfast_metrics`
    #[arg(long)]
    database: bool,
    /// Look at this template, and at those that it nests
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Take its parameters from this environment of the samconfig.toml beside it
    #[arg(long, value_name = "NAME", requires = "template")]
    config_env: Option<String>,
    /// A parameter of the template, as NAME=VALUE
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter, requires = "template")]
    parameters: Vec<(String, String)>,
    /// Compare the live functions with this manifest of `holdfast digests write`
    #[arg(long, value_name = "FILE", requires = "live_functions")]
    manifest: Option<PathBuf>,
    /// The live functions, as `aws lambda list-functions` gives them
    #[arg(long, value_name = "FILE", requires = "manifest", group = "live_functions")]
    functions: Option<PathBuf>,
    /// Look at the stack of this name as AWS has it, through the AWS CLI; with --template, for each alarm of that
    #[arg(long, value_name = "NAME", group = "live_functions")]
    stack: Option<String>,
    /// Look at the service that answers here
    #[arg(long)]
    url: Option<Url>,
    /// The certificate authority that its certificate must be of, as a PEM file, in the place of the public ones
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// The port that must not answer without TLS; 80 where the URL names no port
    #[arg(long, value_name = "PORT", requires = "url")]
    http_port: Option<u16>,
    /// A tenant admin's access token, for what strangers do not see
    #[arg(long, env = "HOLDFAST_TOKEN", hide_env_values = true, requires = "url")]
    token: Option<SecretString>,
    /// An API token, to see that it opens nothing under /admin
    #[arg(long, env = "HOLDFAST_API_TOKEN", hide_env_values = true, requires = "url")]
    api_token: Option<SecretString>,
    /// Sign in wrongly until it is too much, which locks this address out for a while
    #[arg(long, requires = "url")]
    rate_probe: bool,
    /// How to tell it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Print the catalogue as docs/hardening.md, and look at nothing
    #[arg(long, exclusive = true)]
    catalogue: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Lines for people
    Table,
    /// What GET /admin/hardening answers
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Check {
    /// Gives the exit code.
    pub(super) async fn execute(self) -> anyhow::Result<u8> {
        if self.catalogue {
            print(&hardening::markdown())?;
            return Ok(0);
        }
        let Self { ca_file, http_port, token, api_token, rate_probe, .. } = self;
        let live = self.url.map(|url| Target { url, ca_file, http_port, token, api_token, rate_probe });
        let aws = self.functions.is_some() || self.stack.is_some();
        let alone = !aws && !self.database && self.template.is_none() && live.is_none();
        let targets = Targets {
            configuration: self.configuration || alone,
            database: self.database,
            template: self.template,
            parameters: self.parameters.into_iter().collect(),
            config_env: self.config_env,
            manifest: self.manifest,
            functions: self.functions,
            stack: self.stack,
            live,
        };
        let report = check::run(&targets).await;
        print(&match self.format {
            Format::Table => report::table(&report),
            Format::Json => format!("{:#}\n", report::json(&report)),
            Format::Sarif => format!("{:#}\n", report::sarif(&report)),
        })?;
        Ok(report.exit_code())
    }
}
