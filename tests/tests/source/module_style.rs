//! A module with submodules is a folder with a `mod.rs`: one style everywhere.

use holdfast_tests::source;
use holdfast_tests::tools;

#[test]
fn no_module_has_a_file_beside_its_folder() {
    let mut found = Vec::new();
    for file in ["shared", "functions", "cli", "tests"].iter().flat_map(|folder| source::files(folder, "rs")) {
        // A program's folder of modules stands beside its main file.
        let path = file.path.trim_end_matches(".rs");
        let is_root = matches!(file.stem(), "lib" | "main" | "mod" | "suite");
        if !is_root && tools::workspace().join(path).is_dir() {
            found.push(format!("{} stands beside {path}/", file.path));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
