//! The source text of the workspace, for the tests that hold it to rules.

use std::path::{Path, PathBuf};

use crate::tools;

/// A file of the workspace.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path below the workspace's folder, with `/`.
    pub path: String,
    /// The contents.
    pub text: String,
}

impl SourceFile {
    /// Returns the name without its folder and extension.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// Returns the text without unit tests, which stand at the end of a file.
    pub fn without_tests(&self) -> &str {
        self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default()
    }
}

/// Returns the files of a folder of the workspace and all folders below it that have this extension, in order.
pub fn files(folder: &str, extension: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut folders = vec![tools::workspace().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.push(SourceFile { path: relative(&path), text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Returns the entries of a folder, none if it does not exist. Skips the output of builds and hidden folders.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let skipped = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.') || name == "target" || name == "node_modules"
    };
    let entries = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| !skipped(path)).collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(tools::workspace()).unwrap_or(path).to_string_lossy().into_owned()
}
