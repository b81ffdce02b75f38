//! A case for each rule that is violated by changing one property of one resource. The rules' effects on whole templates are
//! tested with the real ones, in `tests/`.

use holdfast_shared::hardening::{Observation, Outcome};
use serde_json::{Value, json};

use super::{Resource, Stack, observe};

/// A resource that obeys a rule, and a change that violates it.
struct Case {
    /// Row of the catalogue.
    row: &'static str,
    kind: &'static str,
    properties: Value,
    /// Pointer of the changed property.
    path: &'static str,
    /// Value that violates the rule; null removes the property.
    violation: Value,
    /// Part of the evidence that the violation produces.
    fault: &'static str,
}

fn resource(kind: &str, properties: Value) -> Resource {
    let snapshot = Some("Snapshot".to_owned());
    Resource {
        name: "It".to_owned(),
        kind: kind.to_owned(),
        properties,
        deletion_policy: snapshot.clone(),
        update_replace_policy: snapshot,
    }
}

/// Sets or removes a property.
fn change(properties: &mut Value, path: &str, value: &Value) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    match properties.pointer_mut(parent).unwrap() {
        Value::Object(object) if value.is_null() => assert!(object.remove(name).is_some(), "{path}"),
        Value::Object(object) => {
            assert!(object.insert(name.to_owned(), value.clone()).as_ref() != Some(value), "{path}");
        }
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        other => panic!("{path} is in {other}"),
    }
}

/// Counts the failures of a row whose evidence contains the fault.
fn failures(stack: &Stack, row: &str, fault: &str) -> usize {
    let fails = |seen: &Observation| seen.row == row && seen.outcome == Outcome::Fail && seen.evidence.contains(fault);
    observe(stack).iter().filter(|observation| fails(observation)).count()
}

fn stack(resources: Vec<Resource>) -> Stack {
    Stack { resources, ..Stack::default() }
}

fn cluster() -> Value {
    json!({
        "StorageEncrypted": true, "KmsKeyId": "k", "ManageMasterUserPassword": true, "EnableHttpEndpoint": false,
        "DeletionProtection": true, "BackupRetentionPeriod": 14,
    })
}

fn throttle(path: &str) -> Value {
    json!({"ResourcePath": path, "ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1, "DataTraceEnabled": false})
}

fn api() -> Value {
    json!({"MethodSettings": [
        {"ResourcePath": "/*", "ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1, "DataTraceEnabled": false},
        throttle("/~1auth~1login"),
        throttle("/~1auth~1mfa~1{proxy+}"),
    ], "DisableExecuteApiEndpoint": true, "DefinitionBody": {"paths": {
        "/auth/login": {}, "/auth/mfa/{proxy+}": {}, "/.well-known/{proxy+}": {},
    }}})
}

fn firewall() -> Value {
    json!({"Rules": [
        {"Statement": {"ManagedRuleGroupStatement": {"Name": "a"}}},
        {"Action": {"Block": {}}, "Statement": {"RateBasedStatement": {"Limit": 60, "Paths": "/auth /auth/(login /accounts /admin"}}},
        {"Action": {"Block": {"CustomResponse": {"ResponseCode": 413}}}, "Statement": {"SizeConstraintStatement": {}}},
    ]})
}

fn bucket() -> Value {
    json!({
        "ObjectLockEnabled": true,
        "ObjectLockConfiguration": {"Rule": {"DefaultRetention": {"Mode": "COMPLIANCE"}}},
        "PublicAccessBlockConfiguration": {"RestrictPublicBuckets": true},
    })
}

const CLUSTER: &str = "AWS::RDS::DBCluster";
const PARAMETERS: &str = "AWS::RDS::DBClusterParameterGroup";
const SCHEDULE: &str = "AWS::SecretsManager::RotationSchedule";
const API: &str = "AWS::Serverless::Api";
const FIREWALL: &str = "AWS::WAFv2::WebACL";
const BUCKET: &str = "AWS::S3::Bucket";
const FUNCTION: &str = "AWS::Serverless::Function";
const ALARM: &str = "AWS::CloudWatch::Alarm";
const INGRESS: &str = "AWS::EC2::SecurityGroupIngress";

/// Cases of secrets, rights and the database.
fn data() -> Vec<Case> {
    let schedule = || json!({"RotationLambdaARN": "f", "RotationRules": {"AutomaticallyAfterDays": 30}});
    let settings = || json!({"Parameters": {"rds.force_ssl": "1", "password_encryption": "scram-sha-256"}});
    let server =
        |row, path, violation, fault| Case { row, kind: CLUSTER, properties: cluster(), path, violation, fault };
    let setting = |path, violation, fault| Case {
        row: "SEC-3",
        kind: PARAMETERS,
        properties: settings(),
        path,
        violation,
        fault,
    };
    vec![
        Case {
            row: "SEC-1",
            kind: "AWS::SecretsManager::Secret",
            properties: json!({"KmsKeyId": "k"}),
            path: "/KmsKeyId",
            violation: Value::Null,
            fault: "It has no KmsKeyId",
        },
        Case {
            row: "SEC-1",
            kind: SCHEDULE,
            properties: schedule(),
            path: "/RotationLambdaARN",
            violation: Value::Null,
            fault: "It/RotationLambdaARN is not set",
        },
        Case {
            row: "SEC-1",
            kind: SCHEDULE,
            properties: schedule(),
            path: "/RotationRules/AutomaticallyAfterDays",
            violation: Value::Null,
            fault: "AutomaticallyAfterDays is not set",
        },
        server("SEC-3", "/StorageEncrypted", json!(false), "It/StorageEncrypted is false"),
        server("SEC-3", "/KmsKeyId", Value::Null, "It/KmsKeyId is not set"),
        server("SEC-1", "/ManageMasterUserPassword", json!(false), "It/ManageMasterUserPassword is false"),
        server("SEC-3", "/EnableHttpEndpoint", json!(true), "It/EnableHttpEndpoint is true"),
        server("DR-1", "/DeletionProtection", json!(false), "It has no DeletionProtection"),
        server("DR-1", "/BackupRetentionPeriod", json!(1), "for less than 7 days"),
        setting("/Parameters/rds.force_ssl", json!("0"), "rds.force_ssl is \"0\""),
        setting("/Parameters/password_encryption", json!("md5"), "password_encryption is \"md5\""),
        Case {
            row: "SEC-3",
            kind: "AWS::RDS::DBInstance",
            properties: json!({"PubliclyAccessible": false, "DBClusterIdentifier": "c"}),
            path: "/PubliclyAccessible",
            violation: json!(true),
            fault: "It/PubliclyAccessible is true",
        },
    ]
}

/// Cases of the network, the edge and buckets.
fn outside() -> Vec<Case> {
    let ingress = |row, path, violation, fault| Case {
        row,
        kind: INGRESS,
        properties: json!({"SourceSecurityGroupId": "g"}),
        path,
        violation,
        fault,
    };
    let edge = |row, path, violation, fault| Case { row, kind: API, properties: api(), path, violation, fault };
    let rule = |path, fault| Case {
        row: "EDGE-3",
        kind: FIREWALL,
        properties: firewall(),
        path,
        violation: Value::Null,
        fault,
    };
    let kept =
        |path, violation, fault| Case { row: "DR-1", kind: BUCKET, properties: bucket(), path, violation, fault };
    let by_address = "does not admit a security group by reference";
    vec![
        ingress("SEC-3", "/SourceSecurityGroupId", Value::Null, by_address),
        ingress("SEC-3", "/CidrIp", json!("10.0.0.0/8"), by_address),
        ingress("OBS-2", "/CidrIp", json!("0.0.0.0/0"), "It is open to the world"),
        Case {
            row: "EDGE-1",
            kind: "AWS::ApiGateway::DomainName",
            properties: json!({"SecurityPolicy": "TLS_1_2"}),
            path: "/SecurityPolicy",
            violation: json!("TLS_1_0"),
            fault: "It/SecurityPolicy is \"TLS_1_0\"",
        },
        edge("EDGE-3", "/MethodSettings/0/ResourcePath", json!("/a"), "no settings for the path /*"),
        edge("EDGE-3", "/MethodSettings/0/ThrottlingRateLimit", Value::Null, "no ThrottlingRateLimit"),
        edge("EDGE-3", "/MethodSettings/0/ThrottlingBurstLimit", Value::Null, "no ThrottlingBurstLimit"),
        edge("EDGE-3", "/MethodSettings", Value::Null, "It has no MethodSettings"),
        edge("EDGE-3", "/MethodSettings/1", Value::Null, "has no throttle of its own for /auth/login"),
        edge("EDGE-3", "/MethodSettings/2", Value::Null, "has no throttle of its own for /auth/mfa/{proxy+}"),
        edge(
            "EDGE-3",
            "/DefinitionBody/paths",
            json!({"/auth/{proxy+}": {}}),
            "/auth/{proxy+} serves sign-in and other routes under one throttle",
        ),
        edge("SEC-1", "/MethodSettings/0/DataTraceEnabled", json!(true), "logs the bodies"),
        edge("SEC-1", "/MethodSettings/0/DataTraceEnabled", Value::Null, "logs the bodies"),
        rule("/Rules/1", "no rate rule of the firewall covers /auth"),
        rule("/Rules/0", "no managed rule group"),
        rule("/Rules/2", "no rule of the firewall limits the size"),
        rule("/Rules/2/Action/Block/CustomResponse", "no size rule of the firewall responds with 413"),
        kept("/ObjectLockEnabled", json!(false), "It has no Object Lock"),
        kept("/ObjectLockConfiguration/Rule/DefaultRetention/Mode", json!("GOVERNANCE"), "in COMPLIANCE mode"),
        kept(
            "/PublicAccessBlockConfiguration/RestrictPublicBuckets",
            json!(false),
            "does not restrict public policies",
        ),
    ]
}

/// Cases of functions and operations.
fn operation() -> Vec<Case> {
    let function = |row, path, fault| {
        let properties = json!({"ReservedConcurrentExecutions": 1, "Role": "r", "CodeSigningConfigArn": "c"});
        Case { row, kind: FUNCTION, properties, path, violation: Value::Null, fault }
    };
    let logs = |path, fault| {
        let properties = json!({"KmsKeyId": "k", "RetentionInDays": 30});
        Case { row: "AUD-2", kind: "AWS::Logs::LogGroup", properties, path, violation: Value::Null, fault }
    };
    let encrypted = |kind| {
        let (path, fault) = ("/KmsMasterKeyId", "It has no KmsMasterKeyId");
        Case { row: "OBS-2", kind, properties: json!({"KmsMasterKeyId": "k"}), path, violation: Value::Null, fault }
    };
    let alarm = |violation| Case {
        row: "DR-2",
        kind: ALARM,
        properties: json!({"AlarmDescription": "See docs/runbooks/backups.md"}),
        path: "/AlarmDescription",
        violation,
        fault: "It names no runbook",
    };
    vec![
        function("RUN-2", "/ReservedConcurrentExecutions", "It has no ReservedConcurrentExecutions"),
        function("RUN-2", "/Role", "It has no role of its own"),
        function("CI-2", "/CodeSigningConfigArn", "It accepts unsigned code"),
        Case {
            row: "CI-2",
            kind: "AWS::Lambda::CodeSigningConfig",
            properties: json!({"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"}}),
            path: "/CodeSigningPolicies/UntrustedArtifactOnDeployment",
            violation: json!("Warn"),
            fault: "UntrustedArtifactOnDeployment is \"Warn\"",
        },
        logs("/KmsKeyId", "It has no KmsKeyId"),
        logs("/RetentionInDays", "It has no RetentionInDays"),
        alarm(json!("It is broken.")),
        alarm(Value::Null),
        encrypted("AWS::SNS::Topic"),
        encrypted("AWS::SQS::Queue"),
    ]
}

#[test]
fn each_rule_fails_on_a_violation_and_not_without_it() {
    for case in data().into_iter().chain(outside()).chain(operation()) {
        let Case { row, kind, mut properties, path, violation, fault } = case;
        let good = stack(vec![resource(kind, properties.clone())]);
        assert_eq!(failures(&good, row, fault), 0, "{kind}{path}");
        change(&mut properties, path, &violation);
        let bad = stack(vec![resource(kind, properties)]);
        assert_eq!(failures(&bad, row, fault), 1, "{kind}{path}: {:#?}", observe(&bad));
    }
}

#[test]
fn a_way_to_the_internet_fails() {
    for kind in
        ["AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::Route"]
    {
        let network = resource("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/21"}));
        assert_eq!(failures(&stack(vec![network.clone()]), "SEC-3", "route to the internet"), 0);
        let with_way_out = stack(vec![network, resource(kind, json!({}))]);
        assert_eq!(failures(&with_way_out, "SEC-3", "route to the internet"), 1, "{kind}");
    }
}

#[test]
fn a_database_that_leaves_no_snapshot_fails() {
    let fault = "Policy of Snapshot";
    let kept = resource(CLUSTER, cluster());
    assert_eq!(failures(&stack(vec![kept.clone()]), "DR-1", fault), 0);
    for policy in [None, Some("Delete".to_owned())] {
        let deleted = Resource { deletion_policy: policy.clone(), ..kept.clone() };
        let replaced = Resource { update_replace_policy: policy, ..kept.clone() };
        for server in [deleted, replaced] {
            assert_eq!(failures(&stack(vec![server]), "DR-1", fault), 1);
        }
    }
}

#[test]
fn a_parameter_that_allows_old_tls_fails() {
    let allows = |values: &[&str]| {
        let values = values.iter().map(|value| json!(value)).collect();
        Stack { allowed_values: [("TlsPolicy".to_owned(), values)].into(), ..Stack::default() }
    };
    let fault = "the parameter TlsPolicy allows TLS_1_0";
    assert_eq!(failures(&allows(&["TLS_1_2", "SecurityPolicy_TLS13_1_3_2025_09"]), "EDGE-1", fault), 0);
    assert_eq!(failures(&allows(&["TLS_1_2", "TLS_1_0"]), "EDGE-1", fault), 1);
}

#[test]
fn the_default_address_must_be_off_where_there_is_a_domain() {
    let domain = resource("AWS::ApiGateway::DomainName", json!({"SecurityPolicy": "TLS_1_2"}));
    let mut properties = api();
    let fault = "It/DisableExecuteApiEndpoint is";
    assert_eq!(failures(&stack(vec![domain.clone(), resource(API, properties.clone())]), "EDGE-1", fault), 0);
    change(&mut properties, "/DisableExecuteApiEndpoint", &Value::Null);
    assert_eq!(failures(&stack(vec![domain, resource(API, properties)]), "EDGE-1", fault), 1);
}

/// A function that reads the secret of its own login, and a role that may read these.
fn reader(name: &str, own: &str, readable: &[&str]) -> [Resource; 2] {
    let role = format!("{name}Role");
    let statement = json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": readable});
    let policies = json!({"Policies": [{"PolicyDocument": {"Statement": [statement]}}]});
    let settings = json!({"Role": format!("${{{role}.Arn}}"), "Environment": {"Variables": {"SECRETS_ARN": own}}});
    [
        Resource { name: format!("{name}Function"), ..resource(FUNCTION, settings) },
        Resource { name: role, ..resource("AWS::IAM::Role", policies) },
    ]
}

#[test]
fn a_secret_that_two_functions_read_fails() {
    let (auth, admin) = ("${AuthSecret}", "${AdminSecret}");
    let failed = |readers: &[[Resource; 2]], fault| failures(&stack(readers.concat()), "SEC-4", fault);
    let good = [reader("Auth", auth, &[auth]), reader("Admin", admin, &[admin])];
    assert_eq!(failed(&good, ""), 0);
    let shared = [reader("Auth", auth, &[auth]), reader("Admin", auth, &[auth])];
    assert_eq!(failed(&shared, "AuthFunction and AdminFunction read the same secret"), 1);
    let readable = [reader("Auth", auth, &[auth]), reader("Admin", admin, &[admin, auth])];
    assert_eq!(failed(&readable, "the role of AdminFunction may read ${AuthSecret}"), 1);
    assert_eq!(failed(&[reader("Console", auth, &[auth])], "ConsoleFunction reads a secret and needs none"), 1);
    assert_eq!(failed(&[reader("Console", "", &[auth])], "the role of ConsoleFunction may read"), 1);
    // Those that read the whole database have one login, and migrate sets the passwords of all.
    let (backup, drill) = ("${BackupSecret}", "${BackupSecret},${DrillSecret}");
    let others = [
        reader("Backup", backup, &[backup]),
        reader("Verifier", backup, &[backup]),
        reader("Drill", drill, &[backup, "${DrillSecret}"]),
        reader("Migrate", "${OwnerSecret}", &["${OwnerSecret}", auth, admin]),
    ];
    assert_eq!(failed(&others, ""), 0);
}
