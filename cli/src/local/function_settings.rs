//! Settings of functions that run in other processes during a local run (`make lambda`): environment files in the data folder,
//! readable by its owner only. They are removed at the end of the run, because its database stops then.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::database::Database;
use super::settings::LocalSettings;
use crate::data_dir::DataDir;

/// The functions that have a file, `NAME.env`, which `functions/NAME/Cargo.toml` names: each its own database login.
const FUNCTIONS: [&str; 7] = ["auth", "accounts", "admin", "health", "metrics", "console", "backup"];

/// The files, removed when this value is dropped.
pub(super) struct FunctionSettings(Arc<DataDir>);

impl FunctionSettings {
    /// Writes the files.
    pub(super) fn write(dir: Arc<DataDir>, settings: &LocalSettings, database: &Database) -> anyhow::Result<Self> {
        let files = Self(dir);
        for function in FUNCTIONS {
            let (name, url) = (file_of(function), settings.url(function, database)?);
            files
                .0
                .write_private(&name, &environment_file(&settings.apart(function, url.as_ref())))
                .with_context(|| format!("{} cannot be written; check the folder", files.0.file(&name).display()))?;
        }
        Ok(files)
    }
}

impl Drop for FunctionSettings {
    fn drop(&mut self) {
        for function in FUNCTIONS {
            // A remaining file names a stopped database; the next run replaces it.
            let _ = std::fs::remove_file(self.0.file(&file_of(function)));
        }
    }
}

fn file_of(function: &str) -> String {
    format!("{function}.env")
}

/// Reads the settings of the backup function of the run in a data folder; none if there is no run.
pub fn of_backups(data_dir: &Path) -> Option<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(data_dir.join(file_of("backup"))).ok()?;
    let setting = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.get(1..value.len().checked_sub(1)?)?;
        Some((name.to_owned(), value.to_owned()))
    };
    Some(text.lines().filter_map(setting).collect())
}

/// Formats one line for each setting, quoted for both a shell and cargo-lambda.
fn environment_file(settings: &BTreeMap<&str, &str>) -> String {
    let mut text = String::new();
    for (name, value) in settings {
        let quote = if value.contains('\'') { '"' } else { '\'' };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}={quote}{value}{quote}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted() {
        let settings = BTreeMap::from([("DATABASE_URL", "postgres://a:b@c/d?e=f#g"), ("AUDIT_LOG_PATH", "it's here")]);
        assert_eq!(
            environment_file(&settings),
            "AUDIT_LOG_PATH=\"it's here\"\nDATABASE_URL='postgres://a:b@c/d?e=f#g'\n"
        );
    }
}
