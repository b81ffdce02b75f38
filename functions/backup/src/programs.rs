//! Finds `pg_dump` and `pg_restore`: on `PATH`, in a Lambda layer's `/opt/bin`, then where packages install them. Skips
//! programs that are older than the server: they would leave out what they do not know.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::error::BackupError;
use crate::folders;

/// Folder in which Lambda puts a layer's programs.
const LAYER: &str = "/opt/bin";

/// Folders to search.
#[derive(Debug, Clone)]
pub struct Programs {
    folders: Vec<PathBuf>,
}

/// A program that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Version as the program prints it, such as `15.18`.
    pub(crate) version: String,
}

impl Programs {
    /// `PATH`, then the usual folders.
    pub fn system() -> Self {
        let path: OsString = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        Self {
            folders: on_path
                .chain([PathBuf::from(LAYER)])
                .chain(folders::USUAL.iter().flat_map(|folder| folders::expand(Path::new(folder))))
                .collect(),
        }
    }

    /// Only these folders.
    pub fn only(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().collect() }
    }

    /// These folders first.
    #[must_use]
    pub fn or_rather(mut self, folder: PathBuf) -> Self {
        self.folders.insert(0, folder);
        self
    }

    /// The first program of this name that is at least of this major version.
    pub(crate) async fn find(&self, program: &'static str, wanted: u32) -> Result<Program, BackupError> {
        let mut newest = None;
        for path in self.folders.iter().map(|folder| folder.join(program)).filter(|path| path.is_file()) {
            let Some(version) = version(&path).await else { continue };
            match major(&version) {
                Some(major) if major >= wanted => return Ok(Program { path, version }),
                found => newest = newest.max(found),
            }
        }
        Err(BackupError::NoProgram { program, wanted, found: newest })
    }
}

/// The major version of texts such as `15.18`, `17` or `18beta1`.
pub(crate) fn major(version: &str) -> Option<u32> {
    let end = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

/// The version in a program's output: `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
async fn version(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = text.split_once("(PostgreSQL) ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_the_first_number() {
        for (version, expected) in [("15.18", Some(15)), ("17", Some(17)), ("18beta1", Some(18)), ("devel", None)] {
            assert_eq!(major(version), expected, "{version}");
        }
    }

    #[tokio::test]
    async fn programs_older_than_the_server_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let program = |version: &str| {
            let bin = folder.path().join(version);
            std::fs::create_dir(&bin).unwrap();
            let script = format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}.1 (fake)'\n");
            std::fs::write(bin.join("pg_dump"), script).unwrap();
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(bin.join("pg_dump"), executable).unwrap();
            bin
        };
        let programs = Programs::only([program("14"), program("16")]);
        assert_eq!(programs.find("pg_dump", 15).await.unwrap().version, "16.1");
        let error = programs.find("pg_dump", 17).await.unwrap_err().to_string();
        assert!(error.starts_with("pg_dump of PostgreSQL 17 or newer is needed, and there is only 16;"), "{error}");
        let error = Programs::only([]).find("pg_dump", 17).await.unwrap_err().to_string();
        assert!(error.contains("there is none on PATH"), "{error}");
    }
}
