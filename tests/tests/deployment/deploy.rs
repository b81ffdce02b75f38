//! `make deploy` runs its steps in order, and none after a failed one. A script replaces AWS, SAM and cargo and records its
//! calls.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use holdfast_tests::tools;
use tempfile::TempDir;

const FAKE: &str = r#"#!/bin/sh
call="$(basename "$0") $*"
echo "$call" >> "$CALLS"
case "$call" in *"$FAILING"*) [ -n "$FAILING" ] && exit 7 ;; esac
case "$call" in
    *FunctionVersion*) echo 3 ;;
    *list-versions-by-function*) printf '1\t2\t3\n' ;;
    *"OutputKey=='Url'"*) echo https://api.example.com ;;
    *describe-stacks*) echo holdfast-dev-migrate ;;
    *"lambda invoke"*) for last; do :; done; echo '{}' > "$last"; echo "$INVOCATION" ;;
    *list-functions*) echo '{"Functions": []}' ;;
esac
"#;

/// The call of each step, in order.
const STEPS: [&str; 7] = [
    "check --template infra/template.yaml",
    "lambda build",
    "digests write",
    "deploy --config-env",
    "lambda invoke",
    "digests verify",
    "nextest run",
];

/// Prepares a script of `infra` in a folder of its own, with fakes of all programs that it calls.
fn prepare(script: &str) -> (TempDir, Command) {
    let folder = tempfile::tempdir().unwrap();
    for program in ["aws", "cargo", "git", "holdfast", "sam"] {
        let path = folder.path().join(program);
        std::fs::write(&path, FAKE).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let copy = folder.path().join("infra").join(script);
    std::fs::create_dir(folder.path().join("infra")).unwrap();
    std::fs::copy(tools::workspace().join("infra").join(script), &copy).unwrap();
    let mut command = Command::new(copy);
    for variable in ["ARCH", "HOLDFAST", "PACKAGES", "SIGNING_PROFILE", "STACK"] {
        command.env_remove(variable);
    }
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).env("CALLS", folder.path().join("calls")).env("HOLDFAST_CREDENTIALS", "/dev/null");
    command.env("FAILING", "").env("INVOCATION", "{}");
    (folder, command)
}

fn run_prepared(folder: &TempDir, mut command: Command) -> (Output, String) {
    let output = command.output().unwrap();
    (output, std::fs::read_to_string(folder.path().join("calls")).unwrap_or_default())
}

fn run(script: &str, arguments: &[&str], failing: &str, invocation: &str) -> (Output, String) {
    let (folder, mut command) = prepare(script);
    command.args(arguments).env("FAILING", failing).env("INVOCATION", invocation);
    run_prepared(&folder, command)
}

/// Prepares `deploy prod` with the packages of a release and these digests. The fake command prints nothing.
fn release(digests: &str) -> (TempDir, Command) {
    let (folder, mut command) = prepare("deploy");
    let packages = folder.path().join("packages");
    std::fs::create_dir(&packages).unwrap();
    for function in
        ["accounts", "admin", "auth", "backup", "console", "health", "maintenance", "metrics", "migrate", "rotation"]
    {
        std::fs::write(packages.join(format!("{function}-arm64.zip")), function).unwrap();
    }
    std::fs::write(packages.join("digests-arm64.json"), digests).unwrap();
    command.arg("prod").env("PACKAGES", "packages").env("HOLDFAST", "holdfast");
    (folder, command)
}

/// Returns the steps that were started, in order.
fn started(calls: &str) -> Vec<&'static str> {
    let at = |step: &str| calls.lines().position(|line| line.contains(step));
    let mut found: Vec<_> = STEPS.into_iter().filter_map(|step| Some((at(step)?, step))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, step)| step).collect()
}

#[test]
fn a_deployment_runs_its_steps_in_order() {
    let (output, calls) = run("deploy", &["prod", "--parameter-overrides", "DomainName=api.example.com"], "", "{}");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(started(&calls), STEPS, "{calls}");
    assert!(calls.contains("--parameter DomainName=api.example.com"), "{calls}");
    assert!(
        calls.contains("sam deploy --config-env prod --stack-name holdfast --parameter-overrides DomainName="),
        "{calls}"
    );
    assert!(calls.contains("--arm64"), "{calls}");
}

#[test]
fn no_step_runs_after_a_failed_one() {
    for (done, step) in STEPS.iter().enumerate() {
        let (output, calls) = run("deploy", &["prod"], step, "{}");
        assert!(!output.status.success(), "{step}");
        assert_eq!(started(&calls), STEPS[..=done], "{calls}");
    }
    let (output, calls) = run("deploy", &["prod"], "", r#"{"FunctionError": "Unhandled"}"#);
    assert!(!output.status.success() && started(&calls).last() == Some(&"lambda invoke"), "{calls}");
    let (output, calls) = run("deploy", &["staging"], "", "{}");
    assert!(!output.status.success() && calls.is_empty(), "{calls}");
}

#[test]
fn a_release_is_deployed_unchanged_and_nothing_is_built() {
    let (folder, command) = release("");
    let (output, calls) = run_prepared(&folder, command);
    assert!(output.status.success(), "{output:?}");
    let steps: Vec<_> = STEPS.into_iter().filter(|step| *step != "lambda build").collect();
    assert_eq!(started(&calls), steps, "{calls}");
    assert!(!calls.contains("cargo run"), "{calls}");
    let installed =
        |function| std::fs::read_to_string(folder.path().join("target/lambda").join(function).join("bootstrap.zip"));
    assert_eq!((installed("auth").unwrap(), installed("backup").unwrap()), ("auth".to_owned(), "backup".to_owned()));
}

#[test]
fn packages_with_other_digests_than_their_release_are_not_deployed() {
    let (folder, command) = release("{}");
    let (output, calls) = run_prepared(&folder, command);
    assert!(!output.status.success() && started(&calls).last() == Some(&"digests write"), "{calls}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("from another commit"), "{output:?}");
}

#[test]
fn a_release_with_a_missing_package_is_not_deployed() {
    let (folder, command) = release("");
    std::fs::remove_file(folder.path().join("packages/migrate-arm64.zip")).unwrap();
    let (output, calls) = run_prepared(&folder, command);
    assert!(!output.status.success() && started(&calls) == STEPS[..1], "{calls}");
}

#[test]
fn a_rollback_switches_to_the_previous_version() {
    let (output, calls) = run("rollback", &["prod"], "", "{}");
    assert!(output.status.success(), "{output:?}");
    for function in ["accounts", "admin", "auth", "console", "health", "metrics"] {
        let call = format!("update-alias --function-name holdfast-{function} --name live --function-version 2");
        assert!(calls.contains(&call), "{calls}");
    }
}
