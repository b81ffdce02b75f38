//! Digests of a build, compared with the live functions: Lambda reports the SHA-256 of each function's zip.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_shared::hardening::{EvidenceSource, Observation};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Functions that run the artifact of another function.
const SHARED: [(&str, &str); 2] = [("drill", "backup"), ("verifier", "maintenance")];

/// Manifest of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Hash of the built commit.
    pub commit: String,
    /// Artifacts by function.
    pub artifacts: BTreeMap<String, Artifact>,
}

/// A zip as uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 in base64, as Lambda reports it.
    pub code_sha256: String,
}

/// A function in the output of `aws lambda list-functions`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Live {
    /// Name.
    pub function_name: String,
    /// SHA-256 of the zip of its code, in base64.
    pub code_sha256: String,
    /// Profile of the signature that Lambda verified at deployment. Signing changes the zip, and so its digest.
    pub signing_profile_version_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    functions: Vec<Live>,
}

/// Computes the manifest of a folder with `FUNCTION/bootstrap.zip`, the output of `cargo lambda build --output-format zip`.
///
/// # Errors
/// The folder or a zip cannot be read, or there is no zip.
pub fn manifest(folder: &Path, commit: String) -> anyhow::Result<Manifest> {
    let mut artifacts = BTreeMap::new();
    for entry in folder.read_dir().with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let zip = entry.path().join("bootstrap.zip");
        if zip.is_file() {
            let bytes = std::fs::read(&zip).with_context(|| format!("{} cannot be read", zip.display()))?;
            let code_sha256 = STANDARD.encode(digest(&SHA256, &bytes));
            let name = entry.file_name().to_string_lossy().into_owned();
            artifacts.insert(name, Artifact { size: bytes.len() as u64, code_sha256 });
        }
    }
    if artifacts.is_empty() {
        bail!(
            "{} has no FUNCTION/bootstrap.zip; build with `cargo lambda build --output-format zip`",
            folder.display()
        );
    }
    Ok(Manifest { commit, artifacts })
}

/// Reads a file with the output of `aws lambda list-functions`.
///
/// # Errors
/// The file cannot be read, or has another form.
pub fn listed(path: &Path) -> anyhow::Result<Vec<Live>> {
    live(&read(path)?).with_context(|| path.display().to_string())
}

/// Parses the output of `aws lambda list-functions`.
///
/// # Errors
/// The text has another form.
pub fn live(text: &str) -> anyhow::Result<Vec<Live>> {
    let Listed { functions } = serde_json::from_str(text).context("not a list of functions")?;
    Ok(functions)
}

/// Selects the functions of a stack by their names `STACK-FUNCTION`. `holdfast-dev-auth` does not belong to `holdfast`.
pub fn of_stack(mut functions: Vec<Live>, stack: &str) -> Vec<Live> {
    let short = |name: &str| name.strip_prefix(stack)?.strip_prefix('-').map(|short| !short.contains('-'));
    functions.retain(|function| short(&function.function_name) == Some(true));
    functions
}

/// Judges the live functions by their differences from the manifest.
pub fn judged(differences: &[String], functions: &[Live]) -> Observation {
    let signed = functions.iter().filter(|function| function.signing_profile_version_arn.is_some()).count();
    let evidence = match signed {
        _ if !differences.is_empty() => differences.join("; "),
        0 => "every function runs the code whose digest is in the manifest".to_owned(),
        signed => format!(
            "{signed} functions run code whose signature Lambda verified, all others code whose digest is in the manifest"
        ),
    };
    Observation::judged("CI-2", EvidenceSource::Stack, differences.is_empty(), evidence)
}

/// Compares a manifest file with the live functions and returns the differences.
///
/// # Errors
/// The file cannot be read, or is not a manifest.
pub fn differences(manifest: &Path, functions: &[Live]) -> anyhow::Result<Vec<String>> {
    let manifest: Manifest =
        serde_json::from_str(&read(manifest)?).with_context(|| format!("{} is not a manifest", manifest.display()))?;
    let mut differences = Vec::new();
    for (name, artifact) in &manifest.artifacts {
        let runs = |function: &&Live| {
            let short = function.function_name.rsplit('-').next().unwrap_or_default();
            SHARED.iter().find(|(other, _)| *other == short).map_or(short, |(_, artifact)| artifact) == name
        };
        let mut found = functions.iter().filter(runs).peekable();
        if found.peek().is_none() {
            differences.push(format!("{name} is not deployed"));
        }
        let unsigned = found.filter(|function| function.signing_profile_version_arn.is_none());
        let others = unsigned.filter(|function| function.code_sha256 != artifact.code_sha256);
        differences.extend(others.map(|function| {
            let Live { function_name, code_sha256, .. } = function;
            format!("{function_name} runs {code_sha256}, and {} was built", artifact.code_sha256)
        }));
    }
    Ok(differences)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
