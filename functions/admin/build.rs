//! Passes the commit and its time to the build, for `GET /admin/status`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=HOLDFAST_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    let commit = std::env::var("HOLDFAST_COMMIT").ok().or_else(|| output("git", &["rev-parse", "HEAD"]));
    let time = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => output("date", &["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]),
        Err(_) => output("git", &["log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"]),
    };
    let unknown = || "unknown".to_owned();
    println!("cargo::rustc-env=HOLDFAST_COMMIT={}", commit.unwrap_or_else(unknown));
    println!("cargo::rustc-env=HOLDFAST_BUILD_TIME={}", time.unwrap_or_else(unknown));
}

/// Output of a command; none if the command is missing or fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("TZ", "UTC").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
