//! The size of the package that is uploaded to Lambda.

use std::process::Command;

use holdfast_tests::tools;

/// The sizes, in bytes.
pub(crate) struct Package {
    pub(crate) binary: u64,
    pub(crate) zipped: u64,
}

/// Zips at the highest level, as a release does.
const ZIP: &str = "import sys, zipfile
with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    archive.write(sys.argv[1], 'bootstrap')";

/// Zips the function's binary as `bootstrap`.
pub(crate) fn measure(function: &str) -> Package {
    let binary = tools::function(function);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("bootstrap.zip");
    let status = Command::new("python3").args(["-c", ZIP]).arg(&binary).arg(&archive).status().unwrap();
    assert!(status.success(), "{} cannot be zipped", binary.display());
    Package { binary: binary.metadata().unwrap().len(), zipped: archive.metadata().unwrap().len() }
}
