//! Folders of PostgreSQL's programs: expands patterns such as `/usr/lib/postgresql/*/bin`.

use std::path::{Path, PathBuf};

/// Folders in which packages install the programs. `*` stands for the rest of a folder's name, mostly a version.
pub(super) const USUAL: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// The folders that match a pattern, newest version first.
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern {
        let prefix = component.to_str().and_then(|name| name.strip_suffix('*'));
        found = match prefix {
            None => found.into_iter().map(|folder| folder.join(component)).collect(),
            Some(prefix) => found.iter().flat_map(|folder| children(folder, prefix)).collect(),
        };
    }
    found.sort_by_key(|folder| std::cmp::Reverse(last_number(folder)));
    found
}

fn children(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).map(|entry| entry.path()).collect()
}

fn last_number(folder: &Path) -> u32 {
    let text = folder.to_string_lossy();
    let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| !digits.is_empty());
    numbers.next_back().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
