//! Reads the parameters of an environment from `samconfig.toml`, as `sam deploy --config-env` does.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use toml::Value;

/// Returns the parameter overrides of an environment.
///
/// # Errors
/// The file cannot be read or has no such environment.
pub(super) fn parameters(path: &Path, environment: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let config: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    let Some(found) = config.get(environment) else { bail!("{} has no environment {environment}", path.display()) };
    let overrides = found.get("deploy").and_then(|deploy| deploy.get("parameters")?.get("parameter_overrides"));
    Ok(match overrides {
        Some(Value::Array(pairs)) => pairs.iter().filter_map(Value::as_str).filter_map(pair).collect(),
        Some(Value::String(pairs)) => pairs.split_whitespace().filter_map(pair).collect(),
        _ => BTreeMap::new(),
    })
}

/// Splits `Name=value`; the value may be quoted.
pub(crate) fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('"').to_owned()))
}
