//! The checklist on a deployed stack, with moto as AWS: a good stack passes, and each fault fails its own control.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use holdfast_shared::rng::{Rng, SystemRng};
use holdfast_tests::moto::Moto;
use holdfast_tests::tools;
use serde_json::{Value, json};

/// An account of AWS, used through AWS's own command line on moto.
struct Account {
    moto: Moto,
    /// The name of the stack, unique in this account.
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

    fn aws(&self, words: &str) -> Value {
        let words = words.replace("STACK", &self.stack);
        let output = self.command(&tools::aws()).args(words.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "aws {words}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Deploys two functions from the build, and an alarm with an action.
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
        self.key("signing", "");
        // Another stack of the account, with the name of this one as its prefix.
        self.aws(
            "lambda create-function --function-name STACK-dev-auth --runtime provided.al2023 --handler bootstrap \
             --role arn:aws:iam::123456789012:role/STACK --zip-file fileb://health/bootstrap.zip",
        );
        self.alarm("dev-server-errors", "--no-actions-enabled");
        self.alarm("server-errors", "--alarm-actions arn:aws:sns:eu-central-1:123456789012:alarms");
        self.aws("cloudwatch set-alarm-state --alarm-name STACK-server-errors --state-value OK --state-reason test");
    }

    /// Creates a KMS key of this purpose, with a policy that lets one role sign, and perhaps more tags. Returns its id.
    fn key(&self, purpose: &str, more: &str) -> String {
        let account = "arn:aws:iam::123456789012";
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": format!("{account}:root")}, "Action": "kms:PutKeyPolicy", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": format!("{account}:role/auth")}, "Action": "kms:Sign", "Resource": "*"},
        ]});
        std::fs::write(self.folder.path().join("policy.json"), policy.to_string()).unwrap();
        let created = self.aws(&format!(
            "kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY --policy file://policy.json \
             --tags TagKey=holdfast:stack,TagValue=STACK TagKey=holdfast:purpose,TagValue={purpose} {more}"
        ));
        created["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    fn alarm(&self, name: &str, more: &str) {
        self.aws(&format!(
            "cloudwatch put-metric-alarm --alarm-name STACK-{name} --alarm-description docs/runbooks/server-errors.md \
             --namespace Holdfast --metric-name ServerErrors --statistic Sum --period 60 --evaluation-periods 1 \
             --threshold 1 --comparison-operator GreaterThanThreshold {more}"
        ));
    }

    /// Runs the command. Returns the results of the checked controls, and the output.
    fn check(&self, more: &[&str]) -> (BTreeMap<String, String>, Output) {
        let mut check = self.command(&tools::binaries().join("holdfast"));
        check.args(["check", "--stack", &self.stack, "--format", "json"]).args(more);
        let output = check.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let checked = report["findings"].as_array().into_iter().flatten();
        let checked = checked.filter(|finding| finding["evidence"].as_array().is_some_and(|seen| !seen.is_empty()));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (checked.map(|finding| (text(&finding["id"]), text(&finding["result"]))).collect(), output)
    }
}

/// A fault of a stack as an AWS command, its repair, and the control that it fails.
struct Fault<'a> {
    control: &'static str,
    apply: &'a str,
    repair: &'a str,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_stack_passes_and_each_fault_fails_only_its_own_control() {
    let account = Account::new().await;
    account.deploy();
    let manifest = ["--manifest", "manifest.json"];
    let (well, output) = account.check(&manifest);
    let controls = ["AUD-2", "CI-2", "RUN-2", "SEC-5"].map(|control| (control.to_owned(), "pass".to_owned()));
    assert_eq!(well, controls.into(), "{output:?}");
    let actions = "--alarm-actions arn:aws:sns:eu-central-1:123456789012:alarms";
    let update = "lambda update-function-code --function-name STACK-auth --zip-file fileb://";
    let (other_code, own_code) = (format!("{update}health/bootstrap.zip"), format!("{update}auth/bootstrap.zip"));
    for Fault { control, apply, repair } in [
        Fault { control: "CI-2", apply: &other_code, repair: &own_code },
        Fault {
            control: "RUN-2",
            apply: "lambda delete-function-concurrency --function-name STACK-auth",
            repair: "lambda put-function-concurrency --function-name STACK-auth --reserved-concurrent-executions 2",
        },
        Fault {
            control: "AUD-2",
            apply: "cloudwatch set-alarm-state --alarm-name STACK-server-errors --state-value ALARM --state-reason test",
            repair: "cloudwatch set-alarm-state --alarm-name STACK-server-errors --state-value OK --state-reason test",
        },
        Fault {
            control: "AUD-2",
            apply: "cloudwatch disable-alarm-actions --alarm-names STACK-server-errors",
            repair: "cloudwatch enable-alarm-actions --alarm-names STACK-server-errors",
        },
    ] {
        account.aws(apply);
        let (after, output) = account.check(&manifest);
        let changed: Vec<_> = after.iter().filter(|(id, result)| well[*id] != **result).collect();
        assert_eq!(changed, [(&control.to_owned(), &"fail".to_owned())], "{apply}: {output:?}");
        account.aws(repair);
    }
    let rotated = account.key("signing", "TagKey=holdfast:made-by,TagValue=rotation");
    account.aws(&format!("kms schedule-key-deletion --key-id {rotated} --pending-window-in-days 30"));
    assert_eq!(account.check(&manifest).0, well, "a key of a rotation is as good as the first, and may end");
    let vault = account.key("vault", "");
    let open = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}"#;
    for apply in [
        "kms disable-key --key-id KEY",
        "kms schedule-key-deletion --key-id KEY",
        "kms put-key-policy --key-id KEY --policy-name default --policy OPEN",
    ] {
        account.aws(&apply.replace("KEY", &vault).replace("OPEN", open));
        assert_eq!(account.check(&manifest).0["SEC-5"], "fail", "{apply}");
        // A policy that lets everybody use the key stays: it is the last.
        if apply.contains("schedule") {
            account.aws(&format!("kms cancel-key-deletion --key-id {vault}"));
        }
        account.aws(&format!("kms enable-key --key-id {vault}"));
    }
    account.aws(&format!("kms untag-resource --key-id {vault} --tag-keys holdfast:stack"));
    let other = account.key("signing", "TagKey=holdfast:made-by,TagValue=rotation");
    let looser = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/admin"},"Action":"kms:Sign","Resource":"*"}]}"#;
    account.aws(&format!("kms put-key-policy --key-id {other} --policy-name default --policy {looser}"));
    assert_eq!(account.check(&manifest).0["SEC-5"], "fail", "another policy than the first signing key's");
    account.aws(&format!("kms untag-resource --key-id {other} --tag-keys holdfast:stack"));
    account.aws("cloudwatch delete-alarms --alarm-names STACK-server-errors");
    account.alarm("server-errors", "");
    assert_eq!(account.check(&manifest).0["AUD-2"], "fail", "an alarm without an action");
    account.alarm("server-errors", "--alarm-actions arn:aws:automate:eu-central-1:ec2:stop");
    assert_eq!(account.check(&manifest).0["AUD-2"], "fail", "an alarm that notifies nobody");
    account.alarm("server-errors", actions);
    assert_eq!(account.check(&manifest).0, well, "every fault is repaired");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_alarms_are_named_and_a_missing_stack_does_not_pass() {
    let account = Account::new().await;
    let (results, output) = account.check(&[]);
    assert_eq!((results.len(), output.status.code()), (0, Some(3)), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("no function "), "{output:?}");
    account.deploy();
    let template = tools::workspace().join("infra/template.yaml");
    let (results, output) = account.check(&["--template", template.to_str().unwrap(), "--config-env", "prod"]);
    assert_eq!(results["AUD-2"], "fail");
    let missing = format!("{}-failed-runs does not exist, or notifies nobody", account.stack);
    assert!(String::from_utf8_lossy(&output.stdout).contains(&missing), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&format!("{}-server-errors does not", account.stack)));
}
