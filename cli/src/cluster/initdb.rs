//! Creates a cluster, or checks that the existing one can be used. A new one is created beside its final location and renamed,
//! so that an interrupted start leaves no partial cluster.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::SUPERUSER;
use super::binaries::{Search, Server};
use super::error::ClusterError;
use super::home::{self, Home};
use super::postmaster;
use crate::data_dir::{DataDir, private};

/// Prefix of the names of unfinished clusters.
const UNFINISHED: &str = "postgres.new-";

/// Prepares the data folder's cluster: returns its home, the programs to run it, and the superuser's password.
pub(super) fn prepare(
    dir: &DataDir,
    search: &Search,
    new_password: &SecretString,
) -> Result<(Home, Server, SecretString), ClusterError> {
    let Some(home) = home::find(dir)? else {
        let home = home::choose(dir)?;
        let server = Server::find(search, home.user, None)?;
        create(&home, &server, new_password)?;
        return Ok((home, server, new_password.clone()));
    };
    let created_by = home::created_by(&home.path)?;
    let server = Server::find(search, home.user, Some(created_by))
        .map_err(|_| ClusterError::OtherVersion { folder: home.path.clone(), created_by })?;
    let password = std::fs::read_to_string(home.password())
        .map_err(|_| ClusterError::Incomplete { folder: home.path.clone(), missing: "password" })?;
    postmaster::stop_orphan(&home)?;
    Ok((home, server, SecretString::from(password)))
}

fn create(home: &Home, server: &Server, password: &SecretString) -> Result<(), ClusterError> {
    let parent = home.path.parent().unwrap_or(Path::new("/"));
    remove_unfinished(parent);
    let unfinished = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(ClusterError::io("cannot create a folder in", parent))?;
    let folder = unfinished.path();
    home.user.give(folder).map_err(ClusterError::io("cannot hand over", folder))?;
    let password_file = folder.join("password");
    private()
        .open(&password_file)
        .and_then(|mut file| file.write_all(password.expose_secret().as_bytes()))
        .and_then(|()| home.user.give(&password_file))
        .map_err(ClusterError::io("cannot write", &password_file))?;

    let output = home
        .user
        .command(&server.program("initdb"), folder)
        .args(["--username", SUPERUSER, "--pwfile", "password", "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "--pgdata", "data"])
        .output()
        .map_err(ClusterError::io("cannot run", &server.program("initdb")))?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr);
        let error = output.lines().rfind(|line| line.contains("error") || line.contains("FATAL"));
        return Err(ClusterError::Initdb(error.or(output.lines().last()).unwrap_or("initdb failed").to_owned()));
    }
    std::fs::rename(folder, &home.path).map_err(ClusterError::io("cannot create", &home.path))?;
    // Renamed: there is nothing left to remove.
    let _: PathBuf = unfinished.keep();
    Ok(())
}

/// Removes the unfinished clusters of killed starts. The data folder's lock excludes a concurrent start.
fn remove_unfinished(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let _ = std::fs::remove_dir_all(entry.path());
    }
}
