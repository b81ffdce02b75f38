//! Makes a cluster, or checks that the one found can be used. A new one is made beside its place and moved there whole,
//! so that an interrupted start leaves nothing half made.

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

/// What unfinished clusters are called.
const UNFINISHED: &str = "postgres.new-";

/// The data folder's cluster, the programs to run it, and the superuser's password.
pub(super) fn prepare(
    dir: &DataDir,
    search: &Search,
    new_password: &SecretString,
) -> Result<(Home, Server, SecretString), ClusterError> {
    let Some(home) = home::find(dir)? else {
        let home = home::choose(dir)?;
        let server = Server::find(search, home.user, None)?;
        make(&home, &server, new_password)?;
        return Ok((home, server, new_password.clone()));
    };
    let made_by = home::made_by(&home.path)?;
    let server = Server::find(search, home.user, Some(made_by))
        .map_err(|_| ClusterError::OtherVersion { folder: home.path.clone(), made_by })?;
    let password = std::fs::read_to_string(home.password())
        .map_err(|_| ClusterError::Incomplete { folder: home.path.clone(), missing: "password" })?;
    postmaster::stop_orphan(&home)?;
    Ok((home, server, SecretString::from(password)))
}

fn make(home: &Home, server: &Server, password: &SecretString) -> Result<(), ClusterError> {
    let around = home.path.parent().unwrap_or(Path::new("/"));
    remove_unfinished(around);
    let unfinished = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(around)
        .map_err(ClusterError::io("cannot make a folder in", around))?;
    let place = unfinished.path();
    home.user.give(place).map_err(ClusterError::io("cannot hand over", place))?;
    let password_file = place.join("password");
    private()
        .open(&password_file)
        .and_then(|mut file| file.write_all(password.expose_secret().as_bytes()))
        .and_then(|()| home.user.give(&password_file))
        .map_err(ClusterError::io("cannot write", &password_file))?;

    let output = home
        .user
        .command(&server.program("initdb"), place)
        .args(["--username", SUPERUSER, "--pwfile", "password", "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "--pgdata", "data"])
        .output()
        .map_err(ClusterError::io("cannot run", &server.program("initdb")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let complaint = words.lines().rfind(|line| line.contains("error") || line.contains("FATAL"));
        return Err(ClusterError::Initdb(complaint.or(words.lines().last()).unwrap_or("initdb failed").to_owned()));
    }
    std::fs::rename(place, &home.path).map_err(ClusterError::io("cannot make", &home.path))?;
    // It has moved: there is nothing left to remove.
    let _: PathBuf = unfinished.keep();
    Ok(())
}

/// Removes what killed starts have left. The data folder's lock says that nobody is at it.
fn remove_unfinished(around: &Path) {
    let entries = std::fs::read_dir(around).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let _ = std::fs::remove_dir_all(entry.path());
    }
}
