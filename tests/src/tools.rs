//! The paths of the programs that tests start: AWS's stand-ins, and the functions themselves.

use std::path::{Path, PathBuf};

/// Returns the Runtime Interface Emulator: `HOLDFAST_RIE`, or the one that `make test` installs.
pub fn runtime_emulator() -> PathBuf {
    let program = if cfg!(target_arch = "aarch64") { "aws-lambda-rie-arm64" } else { "aws-lambda-rie-x86_64" };
    tool("HOLDFAST_RIE", || {
        let libraries = workspace().join(".venv/emulators/lib").read_dir().ok()?;
        let inside = format!("site-packages/samcli/local/rapid/{program}");
        libraries.flatten().map(|python| python.path().join(&inside)).find(|path| path.is_file())
    })
}

/// Returns the server of moto: `HOLDFAST_MOTO`, or the one that `make test` installs.
pub fn moto_server() -> PathBuf {
    tool("HOLDFAST_MOTO", || Some(workspace().join(".venv/emulators/bin/moto_server")).filter(|path| path.is_file()))
}

/// Returns the Python interpreter of moto's environment.
pub fn python_of_moto() -> PathBuf {
    moto_server().with_file_name("python")
}

/// Returns the program that generates requests from an OpenAPI document: `HOLDFAST_SCHEMATHESIS`, or the one that `make test` installs.
pub fn schemathesis() -> PathBuf {
    tool("HOLDFAST_SCHEMATHESIS", || {
        Some(workspace().join(".venv/generated/bin/schemathesis")).filter(|path| path.is_file())
    })
}

/// Returns AWS's command line: `HOLDFAST_AWS`, or the one that `make test` installs.
pub fn aws() -> PathBuf {
    tool("HOLDFAST_AWS", || Some(workspace().join(".venv/aws/bin/aws")).filter(|path| path.is_file()))
}

/// Returns a program of Debian's: the machine's own, or the one that `make test` unpacks.
pub fn program(name: &str) -> PathBuf {
    let path = programs().join("bin").join(name);
    assert!(path.is_file(), "{name} is missing: run `make test`, which installs it");
    path
}

/// Returns the folder of those programs, with the libraries that the machine lacks in `lib`.
pub fn programs() -> PathBuf {
    workspace().join(".venv/programs")
}

/// Returns a function's binary: in `HOLDFAST_BIN_DIR`, or in the folder of this build.
pub fn function(name: &str) -> PathBuf {
    let path = binaries().join(name);
    assert!(path.is_file(), "{} is missing: run `make test`, or `cargo build --workspace --bins`", path.display());
    path
}

/// Returns the folder of this build's binaries.
pub fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("HOLDFAST_BIN_DIR") {
        return folder.into();
    }
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    // Test programs are one folder further down.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
    folder.to_owned()
}

/// Returns the folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn tool(variable: &str, installed: impl FnOnce() -> Option<PathBuf>) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => installed()
            .unwrap_or_else(|| panic!("the test tools are not installed: run `make test`, or set {variable}")),
    }
}
