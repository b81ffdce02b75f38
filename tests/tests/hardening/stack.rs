//! The checklist on a stack as AWS has it, played by moto: it passes as it should be, and each fault fails its own line.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_tests::moto::Moto;
use holdfast_tests::tools;
use serde_json::Value;

/// AWS's own command line, pointed at moto.
struct Account {
    moto: Moto,
    /// The stack's name; nobody else in this account has it.
    stack: String,
    folder: tempfile::TempDir,
}

impl Account {
    async fn new() -> Self {
        let rng: &dyn Rng = &SystemRng;
        let stack = format!("stack{}", rng.base62(12).to_lowercase());
        let (moto, folder) = (Moto::of_the_run().await, tempfile::tempdir().unwrap());
        Self { moto, stack, folder }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", tools::aws().parent().unwrap().display(), std::env::var("PATH").unwrap());
        command.env_clear().envs(self.moto.environment()).env("PATH", path);
        command.env("AWS_DEFAULT_REGION", holdfast_tests::moto::REGION).current_dir(self.folder.path());
        command
    }

    fn aws(&self, words: &str) {
        let words = words.replace("STACK", &self.stack);
        let said = self.command(&tools::aws()).args(words.split_whitespace()).output().unwrap();
        assert!(said.status.success(), "aws {words}: {}", String::from_utf8_lossy(&said.stderr));
    }

    /// Two functions that run what was built, and an alarm that tells somebody.
    fn deploy(&self) {
        let zip = "import zipfile\nfor name in ('auth', 'health'):\n  \
                   zipfile.ZipFile(f'{name}/bootstrap.zip', 'w').writestr('bootstrap', name)";
        for name in ["auth", "health"] {
            std::fs::create_dir(self.folder.path().join(name)).unwrap();
        }
        assert!(self.command(Path::new("python3")).args(["-c", zip]).status().unwrap().success());
        let manifest = holdfast::digests::manifest(self.folder.path(), "0123abc".to_owned()).unwrap();
        std::fs::write(self.folder.path().join("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
        self.aws("iam create-role --role-name STACK --assume-role-policy-document {}");
        for name in ["auth", "health"] {
            self.aws(&format!(
                "lambda create-function --function-name STACK-{name} --runtime provided.al2023 --handler bootstrap \
                 --role arn:aws:iam::123456789012:role/STACK --zip-file fileb://{name}/bootstrap.zip"
            ));
            self.aws(&format!(
                "lambda put-function-concurrency --function-name STACK-{name} --reserved-concurrent-executions 2"
            ));
        }
        // Another stack of the account, whose name begins as this one's does.
        self.aws(
            "lambda create-function --function-name STACK-dev-auth --runtime provided.al2023 --handler bootstrap \
             --role arn:aws:iam::123456789012:role/STACK --zip-file fileb://health/bootstrap.zip",
        );
        self.alarm("dev-server-errors", "--no-actions-enabled");
        self.alarm("server-errors", "--alarm-actions arn:aws:sns:eu-central-1:123456789012:alarms");
        self.aws("cloudwatch set-alarm-state --alarm-name STACK-server-errors --state-value OK --state-reason test");
    }

    fn alarm(&self, name: &str, more: &str) {
        self.aws(&format!(
            "cloudwatch put-metric-alarm --alarm-name STACK-{name} --alarm-description docs/runbooks/server-errors.md \
             --namespace Holdfast --metric-name ServerErrors --statistic Sum --period 60 --evaluation-periods 1 \
             --threshold 1 --comparison-operator GreaterThanThreshold {more}"
        ));
    }

    /// The results of the lines that were looked at, and all that was said.
    fn check(&self, more: &[&str]) -> (BTreeMap<String, String>, Output) {
        let mut check = self.command(&tools::binaries().join("holdfast"));
        check.args(["check", "--stack", &self.stack, "--format", "json"]).args(more);
        let said = check.output().unwrap();
        let report: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
        let looked_at = report["findings"].as_array().into_iter().flatten();
        let looked_at = looked_at.filter(|finding| finding["evidence"].as_array().is_some_and(|seen| !seen.is_empty()));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (looked_at.map(|finding| (text(&finding["id"]), text(&finding["result"]))).collect(), said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_as_it_should_be_passes_and_each_fault_fails_its_own_line() {
    let account = Account::new().await;
    account.deploy();
    let manifest = ["--manifest", "manifest.json"];
    let (well, said) = account.check(&manifest);
    let lines = ["AUD-2", "CI-2", "RUN-2"].map(|line| (line.to_owned(), "pass".to_owned()));
    assert_eq!(well, lines.into(), "{said:?}");
    let actions = "--alarm-actions arn:aws:sns:eu-central-1:123456789012:alarms";
    let update = "lambda update-function-code --function-name STACK-auth --zip-file fileb://";
    for (line, fault, remediation) in [
        ("CI-2", format!("{update}health/bootstrap.zip"), format!("{update}auth/bootstrap.zip")),
        (
            "RUN-2",
            "lambda delete-function-concurrency --function-name STACK-auth".to_owned(),
            "lambda put-function-concurrency --function-name STACK-auth --reserved-concurrent-executions 2".to_owned(),
        ),
        (
            "AUD-2",
            "cloudwatch set-alarm-state --alarm-name STACK-server-errors --state-value ALARM --state-reason test"
                .to_owned(),
            "cloudwatch set-alarm-state --alarm-name STACK-server-errors --state-value OK --state-reason test"
                .to_owned(),
        ),
        (
            "AUD-2",
            "cloudwatch disable-alarm-actions --alarm-names STACK-server-errors".to_owned(),
            "cloudwatch enable-alarm-actions --alarm-names STACK-server-errors".to_owned(),
        ),
    ] {
        account.aws(&fault);
        let (after, said) = account.check(&manifest);
        let changed: Vec<_> = after.iter().filter(|(id, result)| well[*id] != **result).collect();
        assert_eq!(changed, [(&line.to_owned(), &"fail".to_owned())], "{fault}: {said:?}");
        account.aws(&remediation);
    }
    account.aws("cloudwatch delete-alarms --alarm-names STACK-server-errors");
    account.alarm("server-errors", "");
    assert_eq!(account.check(&manifest).0["AUD-2"], "fail", "an alarm that tells nobody");
    account.alarm("server-errors", "--alarm-actions arn:aws:automate:eu-central-1:ec2:stop");
    assert_eq!(account.check(&manifest).0["AUD-2"], "fail", "an alarm that only does something");
    account.alarm("server-errors", actions);
    assert_eq!(account.check(&manifest).0, well, "all is mended");
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_of_the_template_that_are_not_there_are_named_and_a_stack_that_is_not_there_is_no_pass() {
    let account = Account::new().await;
    let (results, said) = account.check(&[]);
    assert_eq!((results.len(), said.status.code()), (0, Some(2)), "{said:?}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("there is no function"), "{said:?}");
    account.deploy();
    let template = tools::workspace().join("infra/template.yaml");
    let (results, said) = account.check(&["--template", template.to_str().unwrap(), "--config-env", "prod"]);
    assert_eq!(results["AUD-2"], "fail");
    let missing = format!("{}-failed-runs is not there, or tells nobody", account.stack);
    assert!(String::from_utf8_lossy(&said.stdout).contains(&missing), "{said:?}");
    assert!(!String::from_utf8_lossy(&said.stdout).contains(&format!("{}-server-errors is not", account.stack)));
}
