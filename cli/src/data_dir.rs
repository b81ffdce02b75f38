//! The data folder: one run at a time, and nothing in it that others could read. An ephemeral one is removed at the
//! end.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::cluster::is_root;

/// The lock's name in the folder. It holds the id of the process that has it.
const LOCK: &str = "lock";

/// A data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another run has it.
    #[error(
        "{} is in use by another run{}; stop that one (holdfast down --data-dir {}) or choose another --data-dir",
        path.display(), process.map(|id| format!(" (process {id})")).unwrap_or_default(), path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process of that run.
        process: Option<i32>,
    },
    /// An ephemeral run would remove what another run keeps there.
    #[error("{} holds what an earlier run keeps; choose another --data-dir, or leave out --ephemeral", .0.display())]
    Kept(PathBuf),
    /// The file system refuses.
    #[error("the data folder {} cannot be used ({cause}); choose another with --data-dir", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// A data folder that this process alone uses.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    ephemeral: bool,
    /// Locked; the lock ends with the process, however that ends.
    _lock: File,
}

impl DataDir {
    /// Opens a folder that stays, making it where there is none.
    ///
    /// # Errors
    /// One line with the mend, where another run has the folder or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        Self::lock(path, false)
    }

    /// Opens a folder that is removed when this value is dropped. Nothing that somebody keeps may be in it.
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

    /// A new folder in the system's temporary one, removed when this value is dropped.
    pub fn temporary() -> Result<Self, DataDirError> {
        let place = std::env::temp_dir();
        let made = tempfile::Builder::new().prefix("holdfast-").permissions(permissions()).tempdir_in(&place);
        let path = made.map_err(|cause| DataDirError::Io { path: place, cause })?.keep();
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

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder is removed at the end.
    pub fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file in it; none where there is no such file.
    pub fn read(&self, name: &str) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.file(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file that only its owner can read, whole or not at all.
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
            // What cannot be removed now is its owner's to see.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    let file = private().read(true).truncate(false).open(path.join(LOCK))?;
    belong_to_folder(path, LOCK)?;
    Ok(file)
}

/// For a file that only its owner reads, made where it is missing. Never through a link: in somebody else's folder it
/// could lead root anywhere.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// What root writes in another user's folder is that user's, who will want to run without root again.
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

/// The folder is its owner's alone. Root's lets others pass through, for its server runs as one of them.
fn mode() -> u32 {
    if is_root() { 0o711 } else { 0o700 }
}

fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode())
}
