//! Where data lies and who may reach it: secrets, the database, buckets, rights.

use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde_json::Value;

use super::{Resource, Stack, functions, is, is_true, judge, unless};

/// Settings that hold a secret itself, and not where it is found.
const SECRETS: [&str; 13] = [
    "API_TOKENS",
    "APP_DATABASE_PASSWORD",
    "AUTH_JWT_SECRET",
    "AUTH_USERS",
    "BACKUP_DATABASE_PASSWORD",
    "DATABASE_PASSWORD",
    "DATABASE_URL",
    "DRILL_DATABASE_PASSWORD",
    "DRILL_DATABASE_URL",
    "FORMER_SECRET_ENCRYPTION_KEY",
    "MAINTENANCE_DATABASE_PASSWORD",
    "METRICS_DATABASE_PASSWORD",
    "SECRET_ENCRYPTION_KEY",
];

/// How old a password may get, in days.
const MAX_PASSWORD_DAYS: u64 = 90;

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    [vec![secrets(stack), rights(stack)], database(stack), vec![backups(stack)]].concat()
}

fn secrets(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    for function in functions(stack) {
        let variables = function.at("/Environment/Variables").and_then(Value::as_object);
        let bare = variables.into_iter().flatten().filter(|(name, _)| SECRETS.contains(&name.as_str()));
        against.extend(bare.map(|(name, _)| format!("{} has {name} in its environment", function.name)));
        let rotates = stack.of(ROTATION).any(|schedule| names(schedule, "/RotationLambdaARN", function));
        if !rotates && variables.is_none_or(|variables| !variables.contains_key("SECRETS_ARN")) {
            against.push(format!("{} has no SECRETS_ARN", function.name));
        }
    }
    if functions(stack).next().is_none() {
        against.push("there is no function".to_owned());
    }
    for secret in stack.of("AWS::SecretsManager::Secret").filter(|secret| secret.at("/GenerateSecretString").is_some())
    {
        let schedule = stack.of(ROTATION).find(|schedule| names(schedule, "/SecretId", secret));
        let days = schedule.and_then(|schedule| schedule.at("/RotationRules/AutomaticallyAfterDays"));
        let days = days.and_then(|days| days.as_u64().or_else(|| days.as_str()?.parse().ok()));
        if days.is_none_or(|days| days > MAX_PASSWORD_DAYS) {
            against.push(format!("the password in {} is not rotated within {MAX_PASSWORD_DAYS} days", secret.name));
        }
    }
    let holds = "every function reads its secret from Secrets Manager, and has none in its environment; \
                 every generated password is rotated";
    unless("SEC-1", &against, holds)
}

const ROTATION: &str = "AWS::SecretsManager::RotationSchedule";

/// Whether a property of one resource refers to the other.
fn names(one: &Resource, property: &str, other: &Resource) -> bool {
    let name = other.name.rsplit('/').next().unwrap_or(&other.name);
    one.text(property).is_some_and(|text| text == format!("${{{name}}}") || text == format!("${{{name}.Arn}}"))
}

/// Statements of all policies, with the resource that they are in.
fn statements(stack: &Stack) -> Vec<(&Resource, &Value)> {
    fn find<'a>(value: &'a Value, into: &mut Vec<&'a Value>) {
        match value {
            Value::Object(object) => {
                if let Some(statements) = object.get("Statement").and_then(Value::as_array) {
                    into.extend(statements);
                }
                object.values().for_each(|value| find(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| find(value, into)),
            _ => {}
        }
    }
    let roles =
        stack.of("AWS::IAM::Role").chain(stack.of("AWS::IAM::ManagedPolicy")).chain(stack.of("AWS::IAM::Policy"));
    roles
        .flat_map(|role| {
            let mut found = Vec::new();
            find(&role.properties, &mut found);
            found.into_iter().map(move |statement| (role, statement))
        })
        .collect()
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Services whose rights must be named one by one.
const SENSITIVE: [&str; 5] = ["kms:", "secretsmanager:", "s3:", "iam:", "sts:"];

fn rights(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    for (role, statement) in statements(stack) {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            continue;
        }
        let actions: Vec<_> = texts(statement.get("Action")).into_iter().map(str::to_lowercase).collect();
        // A trust policy has a principal, and says who may take the role.
        if actions.is_empty() {
            against.push(format!("{} allows all but some actions", role.name));
        }
        for action in &actions {
            let sensitive = SENSITIVE.iter().any(|service| action.starts_with(service));
            if action == "*" || action.ends_with(":*") || (sensitive && action.contains('*')) {
                against.push(format!("{} allows {action}", role.name));
            }
            if action == "kms:sign" && !role.name.ends_with("AuthRole") {
                against.push(format!("{} may sign access tokens", role.name));
            }
            if action == "kms:creategrant" {
                against.push(format!("{} may give rights to keys away", role.name));
            }
        }
        let anything = texts(statement.get("Resource")).contains(&"*");
        let reads = |action: &String| {
            action.starts_with("secretsmanager:") || action == "kms:decrypt" || action.starts_with("s3:")
        };
        if anything && actions.iter().any(reads) {
            against.push(format!("{} reads secrets or objects wherever they are", role.name));
        }
    }
    for function in functions(stack).filter(|function| function.at("/Policies").is_some()) {
        against.push(format!("{} has rights beside its role's", function.name));
    }
    for key in stack.of("AWS::KMS::Key") {
        let statements = key.at("/KeyPolicy/Statement").and_then(Value::as_array);
        let open = statements.into_iter().flatten().filter(|statement| {
            let principal = statement.get("Principal");
            let anybody =
                texts(principal).contains(&"*") || texts(principal.and_then(|who| who.get("AWS"))).contains(&"*");
            anybody && statement.get("Effect").and_then(Value::as_str) == Some("Allow")
        });
        against.extend(open.map(|_| format!("{} may be used by anybody", key.name)));
    }
    unless("SEC-1", &against, "no role has a whole service's rights, and auth's alone may sign access tokens")
}

fn database(stack: &Stack) -> Vec<Observation> {
    let clusters: Vec<_> = stack.of("AWS::RDS::DBCluster").chain(stack.of("AWS::RDS::DBInstance")).collect();
    let mut seen = Vec::new();
    for cluster in &clusters {
        let in_cluster = cluster.kind == "AWS::RDS::DBInstance" && cluster.at("/DBClusterIdentifier").is_some();
        if !in_cluster {
            seen.push(judge("SEC-3", cluster, "/StorageEncrypted", is_true, "true"));
        }
        if cluster.at("/PubliclyAccessible").is_some() || cluster.kind == "AWS::RDS::DBInstance" {
            let private = |value: Option<&Value>| value.is_some() && !is_true(value);
            seen.push(judge("SEC-3", cluster, "/PubliclyAccessible", private, "false"));
        }
    }
    if clusters.is_empty() {
        let why = "the database is not in this stack; `holdfast check` with DATABASE_URL looks at the live one";
        seen.push(Observation::unknown("SEC-3", EvidenceSource::Template, why));
    }
    let groups = stack.of("AWS::RDS::DBClusterParameterGroup").chain(stack.of("AWS::RDS::DBParameterGroup"));
    let on =
        |value: Option<&Value>| value.is_some_and(|value| value.as_str() == Some("1") || value.as_i64() == Some(1));
    let forced: Vec<_> = groups.map(|group| judge("SEC-3", group, "/Parameters/rds.force_ssl", on, "1")).collect();
    if forced.is_empty() && !clusters.is_empty() {
        seen.push(Observation::judged(
            "SEC-3",
            EvidenceSource::Template,
            false,
            "no parameter group sets rds.force_ssl",
        ));
    }
    seen.extend(forced);
    seen.push(network(stack));
    seen
}

fn network(stack: &Stack) -> Observation {
    let outside = functions(stack).filter(|function| function.at("/VpcConfig/SubnetIds").is_none());
    let mut against: Vec<_> = outside.map(|function| format!("{} is in no subnet", function.name)).collect();
    for (name, rule) in ingress(stack) {
        if reaches_database(rule) && (rule.get("CidrIp").is_some() || rule.get("CidrIpv6").is_some()) {
            against.push(format!("{name} lets addresses, and not a security group, reach the database"));
        }
    }
    for subnet in stack.of("AWS::EC2::Subnet").filter(|subnet| is_true(subnet.at("/MapPublicIpOnLaunch"))) {
        against.push(format!("{} gives out public addresses", subnet.name));
    }
    for way in stack.of("AWS::EC2::InternetGateway") {
        against.push(format!("{} is a way to the internet", way.name));
    }
    unless("SEC-3", &against, "every function is in private subnets, and security groups refer to each other")
}

/// Whether a rule lets through to PostgreSQL's port: by itself, in a range, or with all protocols.
fn reaches_database(rule: &Value) -> bool {
    const PORT: i64 = 5432;
    let number = |field: &str| {
        let value = rule.get(field)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    };
    let every = rule.get("IpProtocol").is_some_and(|protocol| protocol.as_str() == Some("-1") || protocol == -1);
    every || (number("FromPort").is_some_and(|from| from <= PORT) && number("ToPort").is_none_or(|to| to >= PORT))
}

/// Every rule that lets something in, with its name.
pub(super) fn ingress(stack: &Stack) -> Vec<(&str, &Value)> {
    let own = stack.of("AWS::EC2::SecurityGroupIngress").map(|rule| (rule.name.as_str(), &rule.properties));
    let inline = stack.of("AWS::EC2::SecurityGroup").flat_map(|group| {
        let rules = group.at("/SecurityGroupIngress").and_then(Value::as_array);
        rules.into_iter().flatten().map(|rule| (group.name.as_str(), rule))
    });
    own.chain(inline).collect()
}

fn backups(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    let scheduled = |task: &str| {
        functions(stack).any(|function| {
            let events = function.at("/Events").and_then(Value::as_object);
            events.into_iter().flatten().any(|(_, event)| {
                let kind = event.get("Type").and_then(Value::as_str).unwrap_or_default();
                let input = event.pointer("/Properties/Input").and_then(Value::as_str).unwrap_or_default();
                let off = event.pointer("/Properties/Enabled").is_some_and(|on| !is_true(Some(on)));
                kind.starts_with("Schedule") && input.contains(&format!("\"{task}\"")) && !off
            })
        })
    };
    for task in ["backup", "drill"] {
        if !scheduled(task) {
            against.push(format!("no schedule asks for the task {task}"));
        }
    }
    let buckets: Vec<_> = stack.of("AWS::S3::Bucket").collect();
    let locked = |bucket: &&&Resource| is_true(bucket.at("/ObjectLockEnabled"));
    let encrypted = |bucket: &&Resource| {
        let rule = "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm";
        is("aws:kms")(bucket.at(rule))
    };
    if !buckets.iter().filter(locked).any(encrypted) {
        against.push("no bucket has both Object Lock and encryption under a KMS key".to_owned());
    }
    unless("DR-1", &against, "backups and drills are scheduled, and their bucket is locked and encrypted")
}
