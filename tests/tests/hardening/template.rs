//! The checklist before a deployment: the templates pass, and each fault in them fails its own control and no other.

use std::collections::BTreeMap;

use holdfast::check::template::{self, Resource, Stack, rows};
use holdfast_shared::hardening::{self, Outcome};
use holdfast_tests::tools;
use serde_json::{Value, json};

/// The parameters that an operator supplies.
pub(super) const GIVEN: [(&str, &str); 4] = [
    ("DomainName", "api.example.com"),
    ("CertificateArn", "arn:aws:acm:eu-central-1:123456789012:certificate/1"),
    ("CodeSigningConfigArn", "arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-1"),
    ("S3PrefixListId", "pl-6ea54007"),
];

fn load(environment: &str, given: &[(&str, &str)]) -> Stack {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut stack = template::load(&tools::workspace().join("infra/template.yaml"), &given, Some(environment)).unwrap();
    // Code signing is a stack of its own, deployed before any function.
    let signing = template::load(&tools::workspace().join("infra/signing.yaml"), &BTreeMap::new(), None).unwrap();
    stack.resources.extend(signing.resources);
    stack
}

/// Returns the results of the controls that a template has evidence of.
pub(super) fn results(stack: &Stack) -> BTreeMap<&'static str, Outcome> {
    let observations = rows::observe(stack);
    let findings = hardening::findings(&observations).into_iter();
    findings.filter(|finding| !finding.evidence.is_empty()).map(|finding| (finding.id, finding.result)).collect()
}

fn resource<'a>(stack: &'a mut Stack, name: &str) -> &'a mut Resource {
    stack.resources.iter_mut().find(|resource| resource.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn set(stack: &mut Stack, name: &str, path: &str, value: Value) {
    let found = resource(stack, name).properties.pointer_mut(path).unwrap_or_else(|| panic!("no {name}{path}"));
    *found = value;
}

fn unset(stack: &mut Stack, name: &str, property: &str) {
    resource(stack, name)
        .properties
        .as_object_mut()
        .unwrap()
        .remove(property)
        .unwrap_or_else(|| panic!("no {name}/{property}"));
}

fn remove(stack: &mut Stack, name: &str) {
    resource(stack, name);
    stack.resources.retain(|resource| resource.name != name);
}

/// Returns a statement of the policy of the bucket of seals.
fn statement<'a>(stack: &'a mut Stack, sid: &str) -> &'a mut Value {
    let policy = resource(stack, "Buckets/AuditSealsBucketPolicy");
    let statements = policy.properties["PolicyDocument"]["Statement"].as_array_mut().unwrap();
    statements.iter_mut().find(|statement| statement["Sid"] == sid).unwrap_or_else(|| panic!("no {sid}"))
}

/// Returns a statement of the policy of a KMS key.
fn key_statement<'a>(stack: &'a mut Stack, key: &str, sid: &str) -> &'a mut Value {
    let statements = resource(stack, key).properties["KeyPolicy"]["Statement"].as_array_mut().unwrap();
    statements.iter_mut().find(|statement| statement["Sid"] == sid).unwrap_or_else(|| panic!("no {sid}"))
}

/// A fault of the templates, and the control that it fails.
struct Fault {
    control: &'static str,
    name: &'static str,
    apply: fn(&mut Stack),
}

const fn fault(control: &'static str, name: &'static str, apply: fn(&mut Stack)) -> Fault {
    Fault { control, name, apply }
}

const FAULTS: &[Fault] = &[
    fault("AUTH-4", "no second factor", |stack| {
        set(stack, "Functions/AuthFunction", "/Environment/Variables/REQUIRE_MFA_ROLES", json!("none"));
    }),
    fault("AUTH-4", "no second factor of operators", |stack| {
        set(stack, "Functions/AdminFunction", "/Environment/Variables/REQUIRE_MFA_ROLES", json!("admin,editor"));
    }),
    fault("EDGE-1", "an old TLS policy", |stack| set(stack, "Edge/Domain", "/SecurityPolicy", json!("TLS_1_0"))),
    fault("EDGE-1", "the default address", |stack| set(stack, "Edge/Api", "/DisableExecuteApiEndpoint", json!(false))),
    fault("EDGE-1", "no domain", |stack| remove(stack, "Edge/Domain")),
    fault("EDGE-3", "no association", |stack| remove(stack, "Firewall/FirewallAssociation")),
    fault("EDGE-3", "a rate that only counts", |stack| {
        set(stack, "Firewall/Firewall", "/Rules/0/Action", json!({"Count": {}}));
    }),
    fault("EDGE-3", "no managed rules", |stack| {
        let rules = resource(stack, "Firewall/Firewall").properties["Rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule.pointer("/Statement/ManagedRuleGroupStatement").is_none());
    }),
    fault("EDGE-3", "no throttles", |stack| unset(stack, "Edge/Api", "MethodSettings")),
    fault("EDGE-3", "one throttle for the sign-in and the refresh", |stack| {
        let paths = &mut resource(stack, "Edge/Api").properties["DefinitionBody"]["paths"];
        assert!(paths.as_object_mut().unwrap().remove("/auth/login").is_some());
    }),
    fault("EDGE-3", "no throttle for second factors", |stack| {
        let settings = resource(stack, "Edge/Api").properties["MethodSettings"].as_array_mut().unwrap();
        settings.retain(|setting| setting["ResourcePath"] != "/~1auth~1mfa~1{proxy+}");
    }),
    fault("EDGE-3", "no rate for the sign-in", |stack| {
        let rules = resource(stack, "Firewall/Firewall").properties["Rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["Name"] != "sign-in-rate");
    }),
    fault("SEC-1", "a secret in the environment", |stack| {
        set(stack, "Functions/AuthFunction", "/Environment/Variables/CORS_ORIGINS", json!(""));
        let variables = &mut resource(stack, "Functions/AuthFunction").properties["Environment"]["Variables"];
        variables["AUTH_JWT_SECRET"] = json!("${JwtSecret}");
    }),
    fault("SEC-1", "a password that stays", |stack| remove(stack, "Rotation/MaintenanceRotation")),
    fault("SEC-1", "a password that stays for a year", |stack| {
        set(stack, "Rotation/AuthRotation", "/RotationRules/AutomaticallyAfterDays", json!("365"));
    }),
    fault("SEC-1", "a role with a whole service", |stack| {
        set(stack, "Roles/AccountsRole", "/Policies/0/PolicyDocument/Statement/0/Action", json!("secretsmanager:*"));
    }),
    fault("SEC-1", "another role that signs", |stack| {
        set(stack, "Roles/AccountsRole", "/Policies/0/PolicyDocument/Statement/0/Action", json!(["kms:Sign"]));
    }),
    fault("SEC-1", "a role that reads every secret", |stack| {
        set(stack, "Roles/AccountsRole", "/Policies/0/PolicyDocument/Statement/1/Resource", json!("*"));
    }),
    fault("SEC-1", "rights by a pattern", |stack| {
        set(stack, "Roles/AccountsRole", "/Policies/0/PolicyDocument/Statement/0/Action", json!("kms:Sig*"));
    }),
    fault("SEC-1", "all rights but some", |stack| {
        let statement =
            &mut resource(stack, "Roles/AccountsRole").properties["Policies"][0]["PolicyDocument"]["Statement"][0];
        statement.as_object_mut().unwrap().remove("Action");
        statement["NotAction"] = json!("iam:*");
    }),
    fault("SEC-1", "a key for everybody", |stack| {
        let key = stack.resources.iter_mut().find(|resource| resource.kind == "AWS::KMS::Key").unwrap();
        key.properties["KeyPolicy"]["Statement"][0]["Principal"] = json!("*");
    }),
    fault("SEC-1", "rights beside the role", |stack| {
        resource(stack, "Functions/AuthFunction").properties["Policies"] = json!(["AdministratorAccess"]);
    }),
    fault("SEC-3", "a range of ports open to addresses", |stack| {
        let rule = &mut resource(stack, "SecurityGroups/DatabaseIngress").properties;
        (rule["FromPort"], rule["ToPort"], rule["CidrIp"]) = (json!(0), json!(65535), json!("10.0.0.0/8"));
    }),
    fault("SEC-3", "public addresses", |stack| {
        let subnet = stack.resources.iter_mut().find(|resource| resource.kind == "AWS::EC2::Subnet").unwrap();
        subnet.properties["MapPublicIpOnLaunch"] = json!(true);
    }),
    fault("EDGE-3", "a firewall before something else", |stack| {
        set(stack, "Firewall/FirewallAssociation", "/ResourceArn", json!("arn:aws:elasticloadbalancing:other"));
    }),
    fault("SEC-3", "a database that is not encrypted", |stack| {
        set(stack, "Database/Cluster", "/StorageEncrypted", json!(false));
    }),
    fault("SEC-3", "a public database", |stack| set(stack, "Database/Writer", "/PubliclyAccessible", json!(true))),
    fault("SEC-4", "the secret of another function's login", |stack| {
        let secret = resource(stack, "Functions/AdminFunction").at("/Environment/Variables/SECRETS_ARN").cloned();
        set(stack, "Functions/HealthFunction", "/Environment/Variables/SECRETS_ARN", secret.unwrap());
    }),
    fault("SEC-4", "a role that may read the secret of another function's login", |stack| {
        let secret = resource(stack, "Functions/AuthFunction").at("/Environment/Variables/SECRETS_ARN").cloned();
        let statement = json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret});
        let policy = "/Policies/0/PolicyDocument/Statement";
        let statements = resource(stack, "Roles/AccountsRole").properties.pointer_mut(policy).unwrap();
        statements.as_array_mut().unwrap().push(statement);
    }),
    fault("SEC-4", "a console with a secret", |stack| {
        let secret = resource(stack, "Functions/HealthFunction").at("/Environment/Variables/SECRETS_ARN").cloned();
        let variables = resource(stack, "Functions/ConsoleFunction").properties.pointer_mut("/Environment/Variables");
        variables.unwrap().as_object_mut().unwrap().insert("SECRETS_ARN".to_owned(), secret.unwrap());
    }),
    fault("SEC-3", "connections without TLS", |stack| {
        set(stack, "Database/Settings", "/Parameters/rds.force_ssl", json!("0"));
    }),
    fault("SEC-3", "a function outside", |stack| unset(stack, "Functions/AuthFunction", "VpcConfig")),
    fault("SEC-3", "a database open to addresses", |stack| {
        let rule = &mut resource(stack, "SecurityGroups/DatabaseIngress").properties;
        rule["CidrIp"] = json!("10.0.0.0/8");
    }),
    fault("SEC-5", "a key that the account may use", |stack| {
        key_statement(stack, "Keys/SigningKey", "AuthSigns")["Principal"] =
            json!({"AWS": "arn:aws:iam::123456789012:root"});
    }),
    fault("SEC-5", "a key without a policy", |stack| unset(stack, "Keys/AuditKey", "KeyPolicy")),
    fault("SEC-5", "two signers", |stack| {
        key_statement(stack, "Keys/SigningKey", "AuthSigns")["Principal"]["AWS"] =
            json!(["${Roles.Outputs.AuthRoleArn}", "${Roles.Outputs.AdminRoleArn}"]);
    }),
    fault("SEC-5", "data keys of any purpose", |stack| {
        let condition = &mut key_statement(stack, "Keys/VaultKey", "AccountsSealsSecrets")["Condition"];
        condition.as_object_mut().unwrap().remove("StringEquals");
    }),
    fault("SEC-5", "data keys of any tenant", |stack| {
        let condition = &mut key_statement(stack, "Keys/VaultKey", "KeptResponses")["Condition"];
        condition.as_object_mut().unwrap().remove("Null");
    }),
    fault("SEC-5", "a key that is gone in a week", |stack| {
        set(stack, "Keys/VaultKey", "/PendingWindowInDays", json!(7));
    }),
    fault("SEC-5", "a key that goes with the stack", |stack| {
        resource(stack, "StorageKeys/DatabaseKey").deletion_policy = Some("Delete".to_owned());
    }),
    fault("SEC-5", "a role that opens with any key", |stack| {
        let statement = json!({"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "*"});
        let statements =
            &mut resource(stack, "Roles/BackupRole").properties["Policies"][0]["PolicyDocument"]["Statement"];
        statements.as_array_mut().unwrap().push(statement);
    }),
    fault("AUD-2", "a log group without a key", |stack| unset(stack, "Functions/AuthLogGroup", "KmsKeyId")),
    fault("AUD-2", "no alarm on failures", |stack| remove(stack, "Observability/ServerErrors")),
    fault("AUD-2", "no alarm on rejections", |stack| remove(stack, "Observability/ClientErrors")),
    fault("AUD-2", "an alarm without an action", |stack| {
        set(stack, "Observability/AuthFailures", "/AlarmActions", json!([]));
    }),
    fault("AUD-2", "no alarm on changes by admins", |stack| remove(stack, "Observability/AdminActions")),
    fault("AUD-3", "stored seals that can be replaced", |stack| {
        statement(stack, "NewObjectsOnly")["Condition"]["Null"]["s3:if-none-match"] = json!("false");
    }),
    fault("AUD-3", "stored seals that some may replace", |stack| {
        statement(stack, "NewObjectsOnly")["Principal"] = json!({"AWS": "arn:aws:iam::123456789012:role/somebody"});
    }),
    fault("AUD-3", "stored seals that can be hidden", |stack| {
        statement(stack, "NothingIsDeleted")["Action"] = json!(["s3:DeleteObjectVersion"]);
    }),
    fault("AUD-3", "no verifier", |stack| unset(stack, "Operations/VerifierFunction", "Events")),
    fault("AUD-3", "a verifier with the sealer's role", |stack| {
        let role = resource(stack, "Operations/MaintenanceFunction").properties["Role"].clone();
        set(stack, "Operations/VerifierFunction", "/Role", role);
    }),
    fault("AUD-3", "no alarm of the sealer", |stack| remove(stack, "Observability/AuditTampering")),
    fault("AUD-3", "no alarm of the verifier", |stack| remove(stack, "Observability/AuditFindings")),
    fault("CI-1", "no workflow", |stack| stack.root.push("infra")),
    fault("CI-2", "unsigned code", |stack| unset(stack, "Functions/AuthFunction", "CodeSigningConfigArn")),
    fault("CI-2", "signatures that only warn", |stack| {
        set(stack, "Config", "/CodeSigningPolicies/UntrustedArtifactOnDeployment", json!("Warn"));
    }),
    fault("RUN-2", "no limit of instances", |stack| {
        unset(stack, "Functions/AccountsFunction", "ReservedConcurrentExecutions");
    }),
    fault("DATA-2", "no alarm on drift", |stack| remove(stack, "Observability/SchemaDifferences")),
    fault("DATA-2", "no alarm on migrations", |stack| remove(stack, "Observability/MigrationFailures")),
    fault("OBS-2", "no dashboard", |stack| remove(stack, "Observability/Dashboard")),
    fault("OBS-2", "a port open to the world", |stack| {
        let rule = &mut resource(stack, "SecurityGroups/EndpointIngress").properties;
        rule["CidrIp"] = json!("0.0.0.0/0");
    }),
    fault("DR-1", "no schedule of backups", |stack| {
        let events = &mut resource(stack, "Operations/BackupFunction").properties["Events"];
        events["Daily"]["Properties"]["Enabled"] = json!(false);
    }),
    fault("DR-1", "no drill", |stack| unset(stack, "Operations/DrillFunction", "Events")),
    fault("DR-1", "backups that nothing signs", |stack| {
        let environment = &mut resource(stack, "Operations/BackupFunction").properties["Environment"];
        environment["Variables"].as_object_mut().unwrap().remove("BACKUP_SIGNING_KMS_KEY_ID").unwrap();
    }),
    fault("DR-1", "a drill that knows no key", |stack| {
        let environment = &mut resource(stack, "Operations/DrillFunction").properties["Environment"];
        environment["Variables"].as_object_mut().unwrap().remove("BACKUP_SIGNING_KMS_KEY_ID").unwrap();
    }),
    fault("SEC-5", "a second role that signs backups", |stack| {
        let statements = resource(stack, "Keys/BackupSigningKey").properties["KeyPolicy"]["Statement"].as_array_mut();
        let signs = statements.unwrap().iter_mut().find(|statement| statement["Action"] == "kms:Sign").unwrap();
        signs["Principal"]["AWS"] = json!([signs["Principal"]["AWS"], "drill"]);
    }),
    fault("DR-1", "a bucket that can be emptied", |stack| {
        set(stack, "Buckets/BackupBucket", "/ObjectLockEnabled", json!(false));
    }),
    fault("DR-2", "a runbook that is not there", |stack| {
        set(stack, "Capacity/AccountsLatency", "/AlarmDescription", json!("See docs/runbooks/nothing.md"));
    }),
    fault("DR-2", "an alarm without a runbook", |stack| {
        set(stack, "Capacity/AccountsLatency", "/AlarmDescription", json!("Something is slow"));
    }),
];

#[test]
fn the_templates_pass_in_both_environments() {
    for environment in ["dev", "prod"] {
        let results = results(&load(environment, &GIVEN));
        assert_eq!(results.len(), 16, "{results:?}");
        assert!(results.values().all(|outcome| *outcome == Outcome::Pass), "{environment}: {results:?}");
    }
}

#[test]
fn each_template_fault_fails_only_its_own_control() {
    let well = load("prod", &GIVEN);
    let before = results(&well);
    for Fault { control, name, apply } in FAULTS {
        let mut broken = well.clone();
        apply(&mut broken);
        let after = results(&broken);
        // Without the root folder, neither the workflow nor the runbooks are found.
        // Another function's role reads another function's secret.
        let also = [("no workflow", "DR-2"), ("a verifier with the sealer's role", "SEC-4")];
        let others = |id: &&str| !also.contains(&(*name, *id));
        let changed: Vec<_> = after.keys().copied().filter(|id| before[id] != after[id]).filter(others).collect();
        assert_eq!((changed, after[control]), (vec![*control], Outcome::Fail), "{name}: {:#?}", rows::observe(&broken));
    }
    let covered = |id: &str| FAULTS.iter().any(|fault| fault.control == id);
    assert!(before.keys().all(|id| covered(id)), "{before:?}");
}

#[test]
fn a_value_known_only_to_the_deployment_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    for file in tools::workspace().join("infra").read_dir().unwrap().flatten().map(|file| file.path()) {
        if file.extension().is_some_and(|ending| ending == "yaml") {
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    let root = folder.path().join("template.yaml");
    let text = std::fs::read_to_string(&root).unwrap();
    let (given, asked) =
        ("CodeSigningConfigArn:\n    Type: String\n    Default: \"\"\n", "CodeSigningConfigArn:\n    Type: String\n");
    assert!(text.contains(given));
    std::fs::write(&root, text.replace(given, asked)).unwrap();
    let stack = template::load(&root, &BTreeMap::new(), None).unwrap();
    assert_eq!(results(&stack)["CI-2"], Outcome::Unknown, "{:#?}", rows::observe(&stack));
}

/// Returns the templates with one of them changed. It has a parameter `Unsure` without a value.
fn unsure(file: &str, before: &str, after: &str) -> Stack {
    let folder = tempfile::tempdir().unwrap();
    for path in tools::workspace().join("infra").read_dir().unwrap().flatten().map(|file| file.path()) {
        let name = path.file_name().unwrap();
        if path.is_file() {
            let mut text = std::fs::read_to_string(&path).unwrap();
            if name == file {
                assert_eq!(text.matches(before).count(), 1, "{before}");
                text = text.replace(before, after);
                text = text.replacen("Parameters:\n", "Parameters:\n  Unsure: { Type: String }\n", 1);
                let conditions = "Conditions:\n  IsSure: !Equals [!Ref Unsure, \"yes\"]\n";
                text = if text.contains("\nConditions:\n") {
                    text.replacen("Conditions:\n", conditions, 1)
                } else {
                    text.replacen("\nResources:\n", &format!("\n{conditions}\nResources:\n"), 1)
                };
            }
            std::fs::write(folder.path().join(name), text).unwrap();
        }
    }
    let given = GIVEN.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut stack = template::load(&folder.path().join("template.yaml"), &given, Some("prod")).unwrap();
    let signing = template::load(&tools::workspace().join("infra/signing.yaml"), &BTreeMap::new(), None).unwrap();
    for other in &mut stack.alternatives {
        other.resources.extend(signing.resources.clone());
        other.root = tools::workspace().into();
    }
    stack.resources.extend(signing.resources);
    stack.root = tools::workspace().into();
    stack
}

#[test]
fn a_conditional_resource_is_no_proof() {
    let before = results(&load("prod", &GIVEN));
    let if_sure = |line: &str, kind: &str| (line.to_owned(), format!("{line}    Condition: IsSure\n{kind}"));
    for (file, (part, changed), control) in [
        ("observability.yaml", if_sure("  Dashboard:\n", "    Type: AWS::CloudWatch::Dashboard\n"), "OBS-2"),
        ("rotation.yaml", if_sure("  AuthRotation:\n", "    Type: AWS::SecretsManager::RotationSchedule\n"), "SEC-1"),
        ("firewall.yaml", if_sure("  FirewallAssociation:\n", "    Type: AWS::WAFv2::WebACLAssociation\n"), "EDGE-3"),
        (
            "functions.yaml",
            (
                "LogGroupName: !Sub /aws/lambda/${Name}-auth\n      RetentionInDays: !Ref LogRetentionDays\n"
                    .to_owned(),
                "LogGroupName: !Sub /aws/lambda/${Name}-auth\n      \
                 RetentionInDays: !If [IsSure, !Ref LogRetentionDays, !Ref AWS::NoValue]\n"
                    .to_owned(),
            ),
            "AUD-2",
        ),
    ] {
        let part = if changed.contains("Condition") {
            format!("{part}{}", changed.split("IsSure\n").nth(1).unwrap())
        } else {
            part
        };
        let stack = unsure(file, &part, &changed);
        let after = results(&stack);
        let other: Vec<_> = after.keys().copied().filter(|id| before[id] != after[id]).collect();
        assert_eq!((other, after[control]), (vec![control], Outcome::Unknown), "{file}: {:#?}", rows::observe(&stack));
    }
}

#[test]
fn an_existing_database_is_unknown_to_the_template() {
    let given = [("VpcId", "vpc-1"), ("DatabaseSecurityGroupId", "sg-1")];
    assert_eq!(results(&load("prod", &given))["SEC-3"], Outcome::Unknown);
}

/// Returns a stack with two nested ones. The first takes `first` and exists only if `Both` is `true`.
fn nested(first: &str, both: &str) -> anyhow::Result<Stack> {
    let folder = tempfile::tempdir().unwrap();
    let child = json!({
        "Parameters": { "Given": { "Type": "String", "Default": "its own" } },
        "Resources": { "Group": { "Type": "AWS::Logs::LogGroup", "Properties": { "LogGroupName": { "Ref": "Given" } } } },
        "Outputs": { "Name": { "Value": { "Ref": "Given" } } },
    });
    let stack = |given: Value| {
        json!({
            "Type": "AWS::CloudFormation::Stack",
            "Properties": { "TemplateURL": "child.yaml", "Parameters": { "Given": given } },
        })
    };
    let of_first = json!({ "Fn::If": ["IsBoth", { "Fn::GetAtt": ["First", "Outputs.Name"] }, "none"] });
    let mut root = json!({
        "Parameters": { "Both": { "Type": "String" } },
        "Conditions": { "IsBoth": { "Fn::Equals": [{ "Ref": "Both" }, "true"] } },
        "Resources": { "First": stack(serde_json::from_str(first).unwrap()), "Second": stack(of_first) },
    });
    root["Resources"]["First"]["Condition"] = json!("IsBoth");
    std::fs::write(folder.path().join("child.yaml"), child.to_string()).unwrap();
    std::fs::write(folder.path().join("root.yaml"), root.to_string()).unwrap();
    template::load(&folder.path().join("root.yaml"), &BTreeMap::from([("Both".into(), both.into())]), None)
}

#[test]
fn nested_stacks_are_resolved_with_their_parameters_and_outputs() {
    let groups = |stack: &Stack| -> BTreeMap<String, Value> {
        let group = |resource: &Resource| (resource.name.clone(), resource.properties["LogGroupName"].clone());
        stack.resources.iter().map(group).collect()
    };
    let both = [("First/Group".to_owned(), json!("it")), ("Second/Group".to_owned(), json!("it"))];
    assert_eq!(groups(&nested("\"it\"", "true").unwrap()), both.into());
    // A nested stack that does not exist has no output, and no stack waits for it.
    assert_eq!(groups(&nested("\"it\"", "false").unwrap()), [("Second/Group".to_owned(), json!("none"))].into());
    let error = nested(r#"{ "Fn::GetAtt": ["Second", "Outputs.Name"] }"#, "true").unwrap_err();
    assert!(error.to_string().ends_with("circular dependency between nested stacks: First, Second"), "{error}");
}

#[test]
fn the_connections_of_all_functions_are_counted() {
    assert_eq!(rows::connections(&load("prod", &GIVEN)), Some(90));
}

/// Collects the metrics in the namespace `Holdfast` that a value uses.
fn own_metrics(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if object.get("Namespace").and_then(Value::as_str) == Some("Holdfast") {
                found.extend(object.get("MetricName").and_then(Value::as_str).map(str::to_owned));
            }
            object.values().for_each(|value| own_metrics(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| own_metrics(item, found)),
        _ => {}
    }
}

#[test]
fn every_alarm_uses_a_metric_that_a_function_writes() {
    let page = std::fs::read_to_string(tools::workspace().join("docs/metrics.md")).unwrap();
    let written = page.split("## In CloudWatch").nth(1).unwrap();
    let stack = load("prod", &GIVEN);
    let mut used = Vec::new();
    for alarm in stack.of("AWS::CloudWatch::Alarm") {
        own_metrics(&alarm.properties, &mut used);
    }
    assert!(used.len() > 10, "{used:?}");
    let unknown: Vec<_> = used.iter().filter(|metric| !written.contains(&format!("`{metric}`"))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
