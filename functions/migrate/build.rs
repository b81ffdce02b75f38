//! The migrations are part of the program: a new file there makes a new program. The SQL functions are listed here, each
//! with its path below `migrations/functions` as its name.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=../../migrations");
    let root = Path::new("../../migrations/functions").canonicalize()?;
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).with_extension("");
        // Writing to a string does not fail.
        let _ = writeln!(list, "    ({:?}, include_str!({:?})),", name.to_string_lossy(), file.to_string_lossy());
    }
    list.push(']');
    let out = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    std::fs::write(Path::new(&out).join("functions.rs"), list)
}

/// The SQL files below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    Ok(())
}
