//! Seals in a folder, for local use.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use holdfast_shared::audit::Seal;

use super::NotAdded;

pub(super) fn add(folder: &Path, name: &str, document: &str) -> Result<(), NotAdded> {
    match write(folder, name, document) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(NotAdded::Exists),
        Err(error) => Err(NotAdded::Failed(error.to_string())),
    }
}

pub(super) fn read(folder: &Path, name: &str) -> Result<Option<String>, String> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn names_after(folder: &Path, after: Option<&str>, limit: usize) -> Result<Vec<String>, String> {
    let entries = |path: &Path| match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let mut names = Vec::new();
    for epoch in entries(&folder.join(Seal::FOLDER)).map_err(|error| error.to_string())? {
        for seal in entries(&epoch).map_err(|error| error.to_string())? {
            let name = seal.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned);
            names.extend(name.filter(|name| is_seal(name) && after.is_none_or(|after| name.as_str() > after)));
        }
    }
    names.sort();
    names.truncate(limit);
    Ok(names)
}

/// False for a file that is still being written.
fn is_seal(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "json")
}

/// Writes a new file atomically. A file that root writes into another user's folder belongs to that user.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner = above.metadata().map(|above| (above.uid(), above.gid()))?;
    for created in
        parent.ancestors().take_while(|above| above.starts_with(folder)).collect::<Vec<_>>().into_iter().rev()
    {
        match fs::create_dir(created) {
            Ok(()) => chown(created, owner)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path)?;
    chown(&path, owner)
}

fn chown(path: &Path, (user, group): (u32, u32)) -> io::Result<()> {
    let now = path.symlink_metadata()?;
    if (now.uid(), now.gid()) == (user, group) { Ok(()) } else { lchown(path, Some(user), Some(group)) }
}
