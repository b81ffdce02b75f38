//! The deployed functions are the built ones: Lambda's digests equal the manifest's.

use std::path::Path;
use std::process::Command;

use holdfast::check::{self, Targets};
use holdfast::digests::{self, Manifest};
use holdfast_shared::hardening::Outcome;
use serde_json::json;

const ZIP: &str = "import sys, zipfile
with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('bootstrap', sys.argv[1])";

/// Creates the zips of functions as a build does.
fn build(folder: &Path, functions: &[&str]) {
    for function in functions {
        let folder = folder.join(function);
        std::fs::create_dir_all(&folder).unwrap();
        let code = format!("the code of {function}");
        let status = Command::new("python3").args(["-c", ZIP, &code]).arg(folder.join("bootstrap.zip")).status();
        assert!(status.unwrap().success());
    }
}

/// Returns Lambda's list of functions that run the artifacts of the manifest.
fn deployed(manifest: &Manifest) -> serde_json::Value {
    let functions = manifest.artifacts.iter().flat_map(|(name, artifact)| {
        let other = match name.as_str() {
            "backup" => Some("drill"),
            "maintenance" => Some("verifier"),
            _ => None,
        };
        [Some(name.as_str()), other].into_iter().flatten().map(|name| {
            json!({"FunctionName": format!("holdfast-{name}"), "CodeSha256": artifact.code_sha256, "Runtime": "provided.al2023"})
        })
    });
    json!({"Functions": functions.collect::<Vec<_>>()})
}

#[tokio::test]
async fn one_flipped_byte_is_reported_with_its_function() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), &["auth", "backup", "maintenance"]);
    let manifest = digests::manifest(folder.path(), "0123abc".to_owned()).unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
    let live = deployed(&manifest);
    std::fs::write(path("live.json"), live.to_string()).unwrap();
    let verify = || {
        let live = digests::listed(&path("live.json")).unwrap();
        digests::differences(&path("manifest.json"), &digests::of_stack(live, "holdfast")).unwrap()
    };
    assert_eq!(verify(), Vec::<String>::new());

    // Another program computes the same digest as Lambda does.
    let zip = path("auth/bootstrap.zip");
    let digest = "import base64, hashlib, sys; print(base64.b64encode(hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()).decode())";
    let output = Command::new("python3").args(["-c", digest]).arg(&zip).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), manifest.artifacts["auth"].code_sha256);

    let mut bytes = std::fs::read(&zip).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&zip, bytes).unwrap();
    let altered = digests::manifest(folder.path(), "0123abc".to_owned()).unwrap();
    std::fs::write(path("live.json"), deployed(&altered).to_string()).unwrap();
    let [difference] = <[String; 1]>::try_from(verify()).unwrap();
    assert!(difference.starts_with("holdfast-auth runs ") && difference.ends_with(" was built"), "{difference}");

    let (manifest, functions) = (Some(path("manifest.json")), Some(path("live.json")));
    let report = check::run(&Targets { manifest, functions, ..Targets::default() }).await;
    let finding = report.findings.iter().find(|found| found.id == "CI-2").unwrap();
    assert_eq!((finding.result, &finding.evidence[0].seen), (Outcome::Fail, &difference));
}

#[test]
fn a_missing_function_is_named_and_functions_that_share_code_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), &["auth", "backup"]);
    let manifest = digests::manifest(folder.path(), "0123abc".to_owned()).unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
    let mut live = deployed(&manifest);
    let functions = live["Functions"].as_array_mut().unwrap();
    functions.retain(|function| function["FunctionName"] != "holdfast-auth");
    functions.iter_mut().find(|function| function["FunctionName"] == "holdfast-drill").unwrap()["CodeSha256"] =
        json!("other");
    std::fs::write(path("live.json"), live.to_string()).unwrap();
    let differences =
        digests::differences(&path("manifest.json"), &digests::listed(&path("live.json")).unwrap()).unwrap();
    assert_eq!(differences[0], "auth is not deployed");
    assert!(differences[1].starts_with("holdfast-drill runs other, and "), "{differences:?}");
    assert!(digests::manifest(&path("nothing"), String::new()).is_err());
}
