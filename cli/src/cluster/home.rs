//! Where a data folder's cluster lives: in its `postgres/`, or, where the server's user cannot reach that (root's data
//! folder below /root), in a temporary folder that a note in the data folder remembers.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::ClusterError;
use super::server_user::ServerUser;
use crate::data_dir::DataDir;

/// The note's name in the data folder.
const NOTE: &str = "postgres-elsewhere";

/// A cluster's folder: `data/` (the server's), `password` (the superuser's) and `server.log`.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// The folder.
    pub(crate) path: PathBuf,
    /// Whom its programs run as.
    pub(super) user: ServerUser,
    /// The folder around it, where it is not the data folder.
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

    /// What the end of an ephemeral run removes.
    pub(super) fn leftovers(&self, dir: &DataDir) -> Vec<PathBuf> {
        if !dir.is_ephemeral() {
            return Vec::new();
        }
        self.elsewhere.iter().cloned().chain([dir.path().to_owned()]).collect()
    }
}

/// The folder of the cluster that exists, if one does.
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

/// A place for a new cluster; nothing is there yet.
pub(super) fn choose(dir: &DataDir) -> Result<Home, ClusterError> {
    let user = ServerUser::owner_of(dir.path())?;
    if user.can_enter(dir.path()) {
        return Ok(Home { path: dir.path().join("postgres"), user, elsewhere: None });
    }
    let folder = temporary_folder(user)?;
    dir.write_private(NOTE, &folder.to_string_lossy()).map_err(ClusterError::io("cannot write", &dir.file(NOTE)))?;
    Ok(Home { path: folder.join("postgres"), user, elsewhere: Some(folder) })
}

/// A new folder of root's that the user can pass through, preferably where it outlives a restart of the machine. Its
/// name cannot be guessed, and only root writes in it, so that no other user can put a cluster there.
fn temporary_folder(user: ServerUser) -> Result<PathBuf, ClusterError> {
    let places = [PathBuf::from("/var/tmp"), std::env::temp_dir()];
    let place = places.iter().find(|place| user.can_enter(place)).ok_or(ClusterError::NoUser)?;
    let folder = tempfile::Builder::new()
        .prefix("holdfast-")
        .permissions(passable())
        .tempdir_in(place)
        .map_err(ClusterError::io("cannot make a folder in", place))?;
    Ok(folder.keep())
}

/// Others may pass through, and see nothing.
fn passable() -> Permissions {
    Permissions::from_mode(0o711)
}

/// The major version that made a cluster.
pub(super) fn made_by(home: &Path) -> Result<u32, ClusterError> {
    let incomplete = |missing| ClusterError::Incomplete { folder: home.to_owned(), missing };
    let version = std::fs::read_to_string(home.join("data/PG_VERSION")).map_err(|_| incomplete("data/PG_VERSION"))?;
    version.trim().parse().map_err(|_| incomplete("data/PG_VERSION"))
}
