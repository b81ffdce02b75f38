//! The data folder: used by one run at a time, and readable by its owner only. An ephemeral one is removed at the end.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::process::is_root;

/// Name of the lock file. It contains the id of the process that holds the lock.
const LOCK: &str = "lock";

/// A data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another run uses it.
    #[error(
        "{} is in use by another run{}; stop that one (holdfast down --data-dir {}) or choose another --data-dir",
        path.display(), process.map(|id| format!(" (process {id})")).unwrap_or_default(), path.display()
    )]
    InUse {
        /// Path of the folder.
        path: PathBuf,
        /// Process id of that run.
        process: Option<i32>,
    },
    /// The folder contains data of an earlier run, which an ephemeral run would remove.
    #[error("{} contains data of an earlier run; choose another --data-dir, or leave out --ephemeral", .0.display())]
    Kept(PathBuf),
    /// A file system operation failed.
    #[error("the data folder {} cannot be used ({cause}); choose another with --data-dir", path.display())]
    Io {
        /// Path of the folder.
        path: PathBuf,
        /// Error of the operating system.
        cause: io::Error,
    },
}

/// A data folder that this process has locked.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    ephemeral: bool,
    /// Locked; the lock is released when the process ends.
    _lock: File,
}

impl DataDir {
    /// Opens a permanent folder, creating it if it is missing.
    ///
    /// # Errors
    /// Another run uses the folder, or it cannot be written. The message is one line and names the fix.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        Self::lock(path, false)
    }

    /// Opens a folder that is removed when this value is dropped. It must be empty or missing.
    pub fn ephemeral(path: &Path) -> Result<Self, DataDirError> {
        match path.read_dir().map(|mut entries| entries.next()) {
            Ok(Some(_)) => return Err(DataDirError::Kept(path.to_owned())),
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(DataDirError::Io { path: path.to_owned(), cause });
            }
            _ => {}
        }
        Self::lock(path, true)
    }

    /// Creates a folder in the system's temporary folder, removed when this value is dropped.
    pub fn temporary() -> Result<Self, DataDirError> {
        let parent = std::env::temp_dir();
        let created = tempfile::Builder::new().prefix("holdfast-").permissions(permissions()).tempdir_in(&parent);
        let path = created.map_err(|cause| DataDirError::Io { path: parent, cause })?.keep();
        Self::lock(&path, true)
    }

    fn lock(path: &Path, ephemeral: bool) -> Result<Self, DataDirError> {
        let failed = |cause| DataDirError::Io { path: path.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(mode()).create(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let failed = |cause| DataDirError::Io { path: path.clone(), cause };
        let mut lock = lock_file(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { process: holder(&mut lock), path });
            }
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { path, ephemeral, _lock: lock })
    }

    /// Absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the folder is removed at the end.
    pub fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }

    /// Returns the path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file in the folder; none if there is no such file.
    pub fn read(&self, name: &str) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file atomically, readable by its owner only.
    pub fn write_private(&self, name: &str, text: &str) -> io::Result<()> {
        // A temporary file has mode 0600 from its first moment.
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.file(name))?;
        belong_to_folder(&self.path, name)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if self.ephemeral {
            // A drop cannot report an error; the folder stays.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    let file = private().read(true).truncate(false).open(path.join(LOCK))?;
    belong_to_folder(path, LOCK)?;
    Ok(file)
}

/// Returns options to open or create a file that only its owner can read. Never follows a link: in another user's folder
/// it could lead root anywhere.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// Gives a file that root wrote to the owner of the folder, who will run without root again.
fn belong_to_folder(path: &Path, name: &str) -> io::Result<()> {
    if is_root() {
        let owner = path.metadata()?;
        lchown(path.join(name), Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

fn holder(lock: &mut File) -> Option<i32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Mode of the folder: owner only. Root's folder can be traversed by others, because its server runs as another user.
fn mode() -> u32 {
    if is_root() { 0o711 } else { 0o700 }
}

fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode())
}
