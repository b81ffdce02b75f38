//! `make deploy` does its steps in their order, and none after one that failed. AWS, SAM and cargo are played by a script that
//! writes down how it was called.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use holdfast_tests::tools;

const PLAYED: &str = r#"#!/bin/sh
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

/// What each step calls, in order.
const STEPS: [&str; 7] = [
    "-- check --template infra/template.yaml",
    "lambda build",
    "digests write",
    "deploy --config-env",
    "lambda invoke",
    "digests verify",
    "nextest run",
];

fn run(script: &str, arguments: &[&str], failing: &str, invocation: &str) -> (Output, String) {
    run_with(script, arguments, failing, invocation, &[])
}

fn run_with(
    script: &str,
    arguments: &[&str],
    failing: &str,
    invocation: &str,
    more: &[(&str, &Path)],
) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    for program in ["cargo", "sam", "aws"] {
        let path = folder.path().join(program);
        std::fs::write(&path, PLAYED).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let calls = folder.path().join("calls");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(tools::workspace().join("infra").join(script));
    command
        .args(arguments)
        .env("PATH", path)
        .env("CALLS", &calls)
        .env("FAILING", failing)
        .env("INVOCATION", invocation);
    command.env("HOLDFAST_CREDENTIALS", Path::new("/dev/null")).env_remove("SIGNING_PROFILE").env_remove("STACK");
    command.env_remove("PACKAGES").env_remove("ARCH").envs(more.iter().copied());
    let output = command.output().unwrap();
    (output, std::fs::read_to_string(&calls).unwrap_or_default())
}

/// The steps that were begun.
fn begun(calls: &str) -> Vec<&'static str> {
    let at = |step: &str| calls.lines().position(|line| line.contains(step));
    let mut found: Vec<_> = STEPS.into_iter().filter_map(|step| Some((at(step)?, step))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, step)| step).collect()
}

#[test]
fn a_deployment_does_its_steps_in_their_order() {
    let (output, calls) = run("deploy", &["prod", "--parameter-overrides", "DomainName=api.example.com"], "", "{}");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(begun(&calls), STEPS, "{calls}");
    assert!(calls.contains("--parameter DomainName=api.example.com"), "{calls}");
    assert!(
        calls.contains("sam deploy --config-env prod --stack-name holdfast --parameter-overrides DomainName="),
        "{calls}"
    );
    assert!(calls.contains("--arm64"), "{calls}");
}

#[test]
fn a_release_is_deployed_as_it_was_built() {
    let packages = tempfile::tempdir().unwrap();
    for function in
        ["accounts", "admin", "auth", "backup", "console", "health", "maintenance", "metrics", "migrate", "rotation"]
    {
        std::fs::write(packages.path().join(format!("{function}-arm64.zip")), function).unwrap();
    }
    let given = [("PACKAGES", packages.path())];
    let (output, calls) = run_with("deploy", &["prod"], "", "{}", &given);
    assert!(output.status.success(), "{output:?}");
    let others = |step: &&str| *step != "lambda build";
    assert_eq!(begun(&calls), STEPS.into_iter().filter(others).collect::<Vec<_>>(), "{calls}");
    let deployed = tools::workspace().join("target/lambda/rotation/bootstrap.zip");
    assert_eq!(std::fs::read_to_string(deployed).unwrap(), "rotation");
    // One that is missing is not made up for.
    std::fs::remove_file(packages.path().join("metrics-arm64.zip")).unwrap();
    let (output, calls) = run_with("deploy", &["prod"], "", "{}", &given);
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(begun(&calls), [STEPS[0]], "{calls}");
}

#[test]
fn nothing_is_done_after_a_step_that_failed() {
    for (done, step) in STEPS.iter().enumerate() {
        let (output, calls) = run("deploy", &["prod"], step, "{}");
        assert!(!output.status.success(), "{step}");
        assert_eq!(begun(&calls), STEPS[..=done], "{calls}");
    }
    let (output, calls) = run("deploy", &["prod"], "", r#"{"FunctionError": "Unhandled"}"#);
    assert!(!output.status.success() && begun(&calls).last() == Some(&"lambda invoke"), "{calls}");
    let (output, calls) = run("deploy", &["staging"], "", "{}");
    assert!(!output.status.success() && calls.is_empty(), "{calls}");
}

#[test]
fn a_rollback_names_the_version_before_the_one_that_serves() {
    let (output, calls) = run("rollback", &["prod"], "", "{}");
    assert!(output.status.success(), "{output:?}");
    for function in ["accounts", "admin", "auth", "console", "health", "metrics"] {
        let call = format!("update-alias --function-name holdfast-{function} --name live --function-version 2");
        assert!(calls.contains(&call), "{calls}");
    }
}
