//! Backups in a folder that only its owner can enter, for local use. A file appears under its name when it is complete.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, lchown};
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::{ARCHIVE, BackupStore};
use crate::error::BackupError;

/// Suffix of a file that is not complete yet.
const UNFINISHED: &str = ".part";

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// A folder of backups.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    keep: usize,
}

/// A file that is being written.
pub(crate) struct Upload {
    folder: Folder,
    file: File,
    key: String,
}

/// A file that is being read.
pub(crate) struct Reader {
    file: File,
    path: PathBuf,
}

impl Folder {
    /// A folder that keeps this many backups.
    pub fn new(path: &Path, keep: usize) -> Self {
        Self { path: path.to_owned(), keep }
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn begin(&self, key: &str) -> Result<Upload, BackupError> {
        self.create().map_err(|error| BackupError::store(self.name(), &error))?;
        let path = self.unfinished(key);
        let mut options = OpenOptions::new();
        // Never through a symbolic link: in another user's folder it could lead root anywhere.
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
        let file = file.map_err(|error| BackupError::store(path.display().to_string(), &error))?;
        Ok(Upload { folder: self.clone(), file: File::from_std(file), key: key.to_owned() })
    }

    pub(super) fn clean_up(&self) -> Result<usize, BackupError> {
        let unfinished: Vec<_> = self.files()?.into_iter().filter(|name| name.ends_with(UNFINISHED)).collect();
        for name in &unfinished {
            self.remove(name)?;
        }
        Ok(unfinished.len())
    }

    pub(super) fn list(&self) -> Result<Vec<String>, BackupError> {
        self.files()
    }

    /// Deletes the oldest archives, each after its manifest: a manifest must never name an archive that is gone.
    pub(super) fn prune(&self) -> Result<usize, BackupError> {
        let mut archives: Vec<_> = self.files()?.into_iter().filter(|name| name.ends_with(ARCHIVE)).collect();
        archives.sort();
        archives.truncate(archives.len().saturating_sub(self.keep));
        for name in &archives {
            self.discard(name)?;
        }
        Ok(archives.len())
    }

    /// Deletes the files of an archive, its manifest first.
    pub(super) fn discard(&self, archive: &str) -> Result<(), BackupError> {
        self.remove(&BackupStore::manifest_of(archive))?;
        self.remove(&BackupStore::signature_of(archive))?;
        self.remove(archive)
    }

    pub(super) async fn read(&self, key: &str) -> Result<Reader, BackupError> {
        let path = self.path.join(key);
        let file = File::open(&path).await;
        let file = file.map_err(|error| BackupError::store(path.display().to_string(), &error))?;
        Ok(Reader { file, path })
    }

    fn unfinished(&self, key: &str) -> PathBuf {
        self.path.join(format!("{key}{UNFINISHED}"))
    }

    fn files(&self) -> Result<Vec<String>, BackupError> {
        let entries = match self.path.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BackupError::store(self.name(), &error)),
        };
        Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    fn remove(&self, name: &str) -> Result<(), BackupError> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::store(self.name(), &error)),
            _ => Ok(()),
        }
    }

    fn create(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        self.chown(&self.path)
    }

    /// Gives a file that root creates in another user's folder to that user.
    fn chown(&self, path: &Path) -> io::Result<()> {
        let above = self.path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (owner, now) = (above.metadata()?, path.symlink_metadata()?);
        if (owner.uid(), owner.gid()) == (now.uid(), now.gid()) {
            return Ok(());
        }
        if rustix::process::geteuid().is_root() { lchown(path, Some(owner.uid()), Some(owner.gid())) } else { Ok(()) }
    }
}

impl Upload {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(bytes).await.map_err(|error| BackupError::store(self.folder.name(), &error))
    }

    pub(super) async fn finish(mut self) -> Result<(), BackupError> {
        let finished = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            let path = self.folder.path.join(&self.key);
            fs::rename(self.folder.unfinished(&self.key), &path)?;
            self.folder.chown(&path)
        };
        finished.await.map_err(|error: io::Error| BackupError::store(self.folder.name(), &error))
    }
}

impl Reader {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BackupError> {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = self.file.read_buf(&mut chunk).await;
        let read = read.map_err(|error| BackupError::store(self.path.display().to_string(), &error))?;
        Ok((read > 0).then(|| chunk.freeze()))
    }

    pub(super) async fn again(mut self) -> Result<Self, BackupError> {
        let rewound = self.file.rewind().await;
        rewound.map_err(|error| BackupError::store(self.path.display().to_string(), &error))?;
        Ok(self)
    }
}
