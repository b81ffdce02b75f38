//! The digests of what was built, and whether that is what runs: Lambda tells of each function the SHA-256 of its code's zip.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdfast_shared::hardening::{EvidenceSource, Observation};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Functions that run another's artifact.
const SHARED: [(&str, &str); 1] = [("drill", "backup")];

/// What a build made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The commit that it was made from, as git names it.
    pub commit: String,
    /// Each function's artifact.
    pub artifacts: BTreeMap<String, Artifact>,
}

/// A zip as it is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256 in base64, as Lambda gives it.
    pub code_sha256: String,
}

/// A function as `aws lambda list-functions` tells of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Live {
    /// Its name.
    pub function_name: String,
    /// The SHA-256 of its code's zip, in base64.
    pub code_sha256: String,
    /// The profile of the signature that Lambda verified when it took the code. What is signed has another zip than was built.
    pub signing_profile_version_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    functions: Vec<Live>,
}

/// The manifest of a folder with `FUNCTION/bootstrap.zip`, as `cargo lambda build --output-format zip` leaves it.
///
/// # Errors
/// The folder or a zip cannot be read, or there is none.
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

/// The functions of a file with what `aws lambda list-functions` says.
///
/// # Errors
/// The file cannot be read, or is not that.
pub fn listed(path: &Path) -> anyhow::Result<Vec<Live>> {
    live(&read(path)?).with_context(|| path.display().to_string())
}

/// The functions in what `aws lambda list-functions` says.
///
/// # Errors
/// It is not that.
pub fn live(text: &str) -> anyhow::Result<Vec<Live>> {
    let Listed { functions } = serde_json::from_str(text).context("this is no list of functions")?;
    Ok(functions)
}

/// Those of a stack, by their names: `STACK-FUNCTION`. `holdfast-dev-auth` is none of the stack `holdfast`.
pub fn of_stack(mut functions: Vec<Live>, stack: &str) -> Vec<Live> {
    let short = |name: &str| name.strip_prefix(stack)?.strip_prefix('-').map(|short| !short.contains('-'));
    functions.retain(|function| short(&function.function_name) == Some(true));
    functions
}

/// What the live functions say about the checklist, by what differs.
pub fn judged(differences: &[String], functions: &[Live]) -> Observation {
    let signed = functions.iter().filter(|function| function.signing_profile_version_arn.is_some()).count();
    let evidence = match signed {
        _ if !differences.is_empty() => differences.join("; "),
        0 => "every function runs the code whose digest is in the manifest".to_owned(),
        signed => format!(
            "{signed} functions run code whose signature Lambda verified, all others that whose digest is in the manifest"
        ),
    };
    Observation::judged("CI-2", EvidenceSource::Stack, differences.is_empty(), evidence)
}

/// What differs between a manifest's file and the live functions.
///
/// # Errors
/// The file cannot be read, or is no manifest.
pub fn differences(manifest: &Path, functions: &[Live]) -> anyhow::Result<Vec<String>> {
    let manifest: Manifest =
        serde_json::from_str(&read(manifest)?).with_context(|| format!("{} is no manifest", manifest.display()))?;
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
