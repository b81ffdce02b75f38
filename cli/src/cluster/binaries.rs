//! Finds PostgreSQL's server programs: on `PATH`, then in the folders of packages.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::error::{ClusterError, OLDEST_VERSION};
use super::folders;
use super::server_user::ServerUser;

/// Search for the server's programs.
#[derive(Debug, Clone)]
pub struct Search {
    /// Folders in the form of `PATH`.
    pub path: Option<OsString>,
    /// Folders searched after those, newest version first; `*` stands for any name.
    pub folders: Vec<PathBuf>,
    /// Permits a download of PostgreSQL into the data folder if none is found.
    pub download: bool,
}

impl Search {
    /// Searches `PATH` and the usual folders, then downloads.
    pub fn system() -> Self {
        Self {
            path: std::env::var_os("PATH"),
            folders: folders::USUAL.iter().map(PathBuf::from).collect(),
            download: true,
        }
    }

    /// Searches only these folders.
    pub fn only(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { path: None, folders: folders.into_iter().collect(), download: false }
    }

    /// Returns the folders that contain both programs, in order.
    fn candidates(&self) -> Vec<PathBuf> {
        let on_path = self.path.iter().flat_map(std::env::split_paths).filter(|folder| folder.is_absolute());
        let usual = self.folders.iter().flat_map(|pattern| folders::expand(pattern));
        on_path
            .chain(usual)
            .filter(|folder| ["postgres", "initdb"].iter().all(|program| folder.join(program).is_file()))
            .collect()
    }

    /// Checks whether there are any programs, of any version.
    pub(super) fn finds_any(&self) -> bool {
        !self.candidates().is_empty()
    }
}

/// The programs of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Folder of the programs.
    pub(super) bin: PathBuf,
    /// Major version.
    pub(super) major: u32,
}

impl Server {
    /// Finds the first that can run: for a new cluster, any supported version; for an existing one, its version.
    pub(super) fn find(search: &Search, user: ServerUser, wanted: Option<u32>) -> Result<Self, ClusterError> {
        let mut too_old = None;
        for bin in search.candidates() {
            let Some(major) = version_of(&bin.join("postgres"), user) else { continue };
            if major < OLDEST_VERSION {
                too_old = Some(major);
            } else if wanted.is_none_or(|wanted| wanted == major) {
                return Ok(Self { bin, major });
            }
        }
        let note = too_old.map(|major| format!(" but version {major}, which is too old")).unwrap_or_default();
        Err(ClusterError::NoServer(note))
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Runs the program as the server's user to read its major version.
fn version_of(program: &Path, user: ServerUser) -> Option<u32> {
    let output = user.command(program, Path::new("/")).arg("--version").stderr(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Parses output such as `postgres (PostgreSQL) 17.5 (Debian 17.5-1)` or `postgres (PostgreSQL) 18beta1`.
fn parse_version(words: &str) -> Option<u32> {
    let version = words.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_from_the_programs_output() {
        for (words, version) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) 17\n", Some(17)),
            ("postgres (EnterpriseDB) x", None),
            ("", None),
        ] {
            assert_eq!(parse_version(words), version, "{words}");
        }
    }

    #[test]
    fn newer_folders_come_first_by_number_not_by_letter() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "14", "17"] {
            let bin = root.path().join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            for program in ["postgres", "initdb"] {
                std::fs::write(bin.join(program), "").unwrap();
            }
        }
        std::fs::create_dir_all(root.path().join("20/bin")).unwrap();
        let found = Search::only([root.path().join("*/bin")]).candidates();
        let names: Vec<_> =
            found.iter().map(|bin| bin.strip_prefix(root.path()).unwrap().display().to_string()).collect();
        assert_eq!(names, ["17/bin", "14/bin", "9/bin"]);
    }

    #[test]
    fn a_missing_server_is_reported_in_one_line_with_the_fix() {
        let none = Search::only([]);
        let line = Server::find(&none, ServerUser::Myself, None).unwrap_err().to_string();
        assert!(line.starts_with("no PostgreSQL server was found; install PostgreSQL 14 or newer"), "{line}");
        assert!(!line.contains('\n'));
    }
}
