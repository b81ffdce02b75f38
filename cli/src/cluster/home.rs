//! Location of a data folder's cluster: its `postgres/`, or, if the server's user cannot reach that (root's data folder below
//! /root), a temporary folder, which a note in the data folder names.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::ClusterError;
use super::server_user::ServerUser;
use crate::data_dir::DataDir;

/// Name of the note in the data folder.
const NOTE: &str = "postgres-elsewhere";

/// A cluster's folder: `data/` (the server's), `password` (the superuser's) and `server.log`.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// Path of the folder.
    pub(crate) path: PathBuf,
    /// User that its programs run as.
    pub(super) user: ServerUser,
    /// Parent folder, if it is not the data folder.
    elsewhere: Option<PathBuf>,
}

impl Home {
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn password(&self) -> PathBuf {
        self.path.join("password")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Returns the folders to remove at the end of an ephemeral run.
    pub(super) fn leftovers(&self, dir: &DataDir) -> Vec<PathBuf> {
        if !dir.is_ephemeral() {
            return Vec::new();
        }
        self.elsewhere.iter().cloned().chain([dir.path().to_owned()]).collect()
    }
}

/// Finds an existing cluster.
pub(crate) fn find(dir: &DataDir) -> Result<Option<Home>, ClusterError> {
    let elsewhere = dir.read(NOTE).map_err(ClusterError::io("cannot read", &dir.file(NOTE)))?;
    let elsewhere = elsewhere.map(|note| PathBuf::from(note.trim_end()));
    let path = elsewhere.clone().unwrap_or_else(|| dir.path().to_owned()).join("postgres");
    if !path.try_exists().map_err(ClusterError::io("cannot read", &path))? {
        return Ok(None);
    }
    let user = ServerUser::owner_of(&path)?;
    Ok(Some(Home { path, user, elsewhere }))
}

/// Chooses the location of a new cluster.
pub(super) fn choose(dir: &DataDir) -> Result<Home, ClusterError> {
    let user = ServerUser::owner_of(dir.path())?;
    if user.can_enter(dir.path()) {
        return Ok(Home { path: dir.path().join("postgres"), user, elsewhere: None });
    }
    let folder = temporary_folder(user)?;
    dir.write_private(NOTE, &folder.to_string_lossy()).map_err(ClusterError::io("cannot write", &dir.file(NOTE)))?;
    Ok(Home { path: folder.join("postgres"), user, elsewhere: Some(folder) })
}

/// Creates a folder of root's that the user can traverse, preferably one that survives a reboot. Its name cannot be guessed
/// and only root can write to it, so that no other user can plant a cluster there.
fn temporary_folder(user: ServerUser) -> Result<PathBuf, ClusterError> {
    let parents = [PathBuf::from("/var/tmp"), std::env::temp_dir()];
    let parent = parents.iter().find(|parent| user.can_enter(parent)).ok_or(ClusterError::NoUser)?;
    let folder = tempfile::Builder::new()
        .prefix("holdfast-")
        .permissions(passable())
        .tempdir_in(parent)
        .map_err(ClusterError::io("cannot create a folder in", parent))?;
    Ok(folder.keep())
}

/// Mode of a folder that others can traverse but not list.
fn passable() -> Permissions {
    Permissions::from_mode(0o711)
}

/// Reads the major version that created a cluster.
pub(super) fn created_by(home: &Path) -> Result<u32, ClusterError> {
    let incomplete = |missing| ClusterError::Incomplete { folder: home.to_owned(), missing };
    let version = std::fs::read_to_string(home.join("data/PG_VERSION")).map_err(|_| incomplete("data/PG_VERSION"))?;
    version.trim().parse().map_err(|_| incomplete("data/PG_VERSION"))
}
