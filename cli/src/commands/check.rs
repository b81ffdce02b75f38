//! `holdfast check`: checks every hardening control.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use holdfast::check::live::Target;
use holdfast::check::template::parameter;
use holdfast::check::{self, Targets, report};
use holdfast_shared::hardening::Severity;
use reqwest::Url;
use secrecy::SecretString;

use super::print;

/// Check every hardening control and report evidence and remediation
///
/// Without options, checks the configuration: the environment, and the secret of `SECRETS_ARN`. Exit code 1 if a control fails
/// whose severity is at least --fail-on; else 3 if a target could not be checked; else 0.
#[derive(Args)]
pub(super) struct Check {
    /// Check the configuration, too
    #[arg(long)]
    configuration: bool,
    /// Check the database of `DATABASE_URL`, with the login of the owner or of `holdfast_metrics`
    #[arg(long)]
    database: bool,
    /// Check this template and the templates nested in it
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Check this template together with --template: a stack of its own, deployed beside it
    #[arg(long = "beside", value_name = "FILE", requires = "template")]
    beside: Vec<PathBuf>,
    /// Take the template's parameters from this environment of the samconfig.toml beside it
    #[arg(long, value_name = "NAME", requires = "template")]
    config_env: Option<String>,
    /// Parameter of the template, as NAME=VALUE
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter, requires = "template")]
    parameters: Vec<(String, String)>,
    /// Compare the live functions with this manifest of `holdfast admin digests write`
    #[arg(long, value_name = "FILE", requires = "live_functions")]
    manifest: Option<PathBuf>,
    /// Live functions: the output of `aws lambda list-functions`
    #[arg(long, value_name = "FILE", requires = "manifest", group = "live_functions")]
    functions: Option<PathBuf>,
    /// Check the deployed stack of this name through the AWS CLI; with --template, each alarm of the template
    #[arg(long, value_name = "NAME", group = "live_functions")]
    stack: Option<String>,
    /// Check the service at this URL
    #[arg(long)]
    url: Option<Url>,
    /// Certificate authority to trust instead of the public ones, as a PEM file
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
    /// Port that must not serve content without TLS; default: 80 if the URL has no port
    #[arg(long, value_name = "PORT", requires = "url")]
    http_port: Option<u16>,
    /// Access token of a tenant admin, for controls that need authentication
    #[arg(long, env = "HOLDFAST_TOKEN", hide_env_values = true, requires = "url")]
    token: Option<SecretString>,
    /// API token, to check that /admin rejects it
    #[arg(long, env = "HOLDFAST_API_TOKEN", hide_env_values = true, requires = "url")]
    api_token: Option<SecretString>,
    /// Fail sign-ins until they are throttled; this locks the client's address out for a while
    #[arg(long, requires = "url")]
    rate_probe: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Severity from which on a failed control makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "high")]
    fail_on: FailOn,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Text, one line a control
    Table,
    /// JSON, the form of GET /admin/hardening
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Clone, Copy, ValueEnum)]
enum FailOn {
    /// Any failed control
    Low,
    /// Failed controls of medium or high severity
    Medium,
    /// Failed controls of high severity
    High,
}

impl FailOn {
    const fn severity(self) -> Severity {
        match self {
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
        }
    }
}

impl Check {
    /// Returns the exit code.
    pub(super) async fn execute(self) -> anyhow::Result<u8> {
        let Self { ca_file, http_port, token, api_token, rate_probe, .. } = self;
        let live = self.url.map(|url| Target { url, ca_file, http_port, token, api_token, rate_probe });
        let aws = self.functions.is_some() || self.stack.is_some();
        let alone = !aws && !self.database && self.template.is_none() && live.is_none();
        let targets = Targets {
            configuration: self.configuration || alone,
            database: self.database,
            template: self.template,
            beside: self.beside,
            parameters: self.parameters.into_iter().collect(),
            config_env: self.config_env,
            manifest: self.manifest,
            functions: self.functions,
            stack: self.stack,
            live,
        };
        let fail_on = self.fail_on.severity();
        let report = check::run(&targets).await;
        print(&match self.format {
            Format::Table => report::table(&report),
            Format::Json => format!("{:#}\n", report::json(&report)),
            Format::Sarif => format!("{:#}\n", report::sarif(&report)),
        })?;
        Ok(report.exit_code(fail_on))
    }
}
