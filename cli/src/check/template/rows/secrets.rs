//! Secrets: where functions read them, under which key they are stored, and how often passwords rotate.

use std::collections::BTreeMap;

use holdfast_shared::config;
use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{Resource, Stack, functions, number, pass_unless, referred, texts};

/// Maximum age of a password, in days.
const MAX_PASSWORD_DAYS: i64 = 90;

/// Functions without a database, which read no secret.
const WITHOUT_LOGIN: [&str; 1] = ["ConsoleFunction"];

/// Functions that read with the one login that reads everything and changes nothing.
const BACKUPS: [&str; 3] = ["BackupFunction", "DrillFunction", "VerifierFunction"];

const SCHEDULE: &str = "AWS::SecretsManager::RotationSchedule";
const SECRET: &str = "AWS::SecretsManager::Secret";

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![in_the_manager(stack), own_login(stack), rotated(stack), encrypted(stack)]
}

/// Every function reads its secrets from Secrets Manager.
fn in_the_manager(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    for function in functions(stack) {
        let variables = function.at("/Environment/Variables").and_then(Value::as_object);
        let bare =
            variables.into_iter().flatten().filter(|(name, _)| config::secrets().any(|secret| secret == name.as_str()));
        faults.extend(bare.map(|(name, _)| format!("{} has {name} in its environment", function.name)));
        if !rotates(stack, function)
            && !has_no_login(function)
            && variables.is_none_or(|variables| !variables.contains_key("SECRETS_ARN"))
        {
            faults.push(format!("{} has no SECRETS_ARN", function.name));
        }
    }
    if functions(stack).next().is_none() {
        faults.push("there is no function".to_owned());
    }
    let good = "every function reads its secret from Secrets Manager, and has none in its environment";
    pass_unless("SEC-1", &faults, good)
}

/// Every function reads the secret of its own login, and no other function's: neither by its settings nor by its role.
fn own_login(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let mut readers: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for function in functions(stack) {
        let own = secrets_of(function);
        if has_no_login(function) && !own.is_empty() {
            faults.push(format!("{} reads a secret and needs none", function.name));
        }
        if !sets_passwords(function) && !rotates(stack, function) {
            let granted = readable(stack, function);
            // What may read all secrets is a fault of SEC-1.
            let others = granted.into_iter().filter(|secret| *secret != "*" && !own.contains(secret));
            faults.extend(others.map(|secret| format!("the role of {} may read {secret}", function.name)));
        }
        for secret in own {
            readers.entry(secret).or_default().push(function);
        }
    }
    for (secret, readers) in readers {
        let of_backups = readers.iter().all(|function| BACKUPS.iter().any(|name| function.name.ends_with(name)));
        if readers.len() > 1 && !of_backups {
            let names: Vec<&str> = readers.iter().map(|function| function.name.as_str()).collect();
            faults.push(format!("{} read the same secret, {secret}", names.join(" and ")));
        }
    }
    pass_unless("SEC-4", &faults, "every function reads the secret of its own database login, and no other's")
}

/// The secrets that a function's settings name.
fn secrets_of(function: &Resource) -> Vec<&str> {
    let named = function.text("/Environment/Variables/SECRETS_ARN").unwrap_or_default();
    named.split(',').filter(|secret| !secret.is_empty()).collect()
}

/// The secrets that a function's role may read.
fn readable<'a>(stack: &'a Stack, function: &'a Resource) -> Vec<&'a str> {
    let role = function.text("/Role").and_then(|role| referred(stack, function, role));
    let statements = role.map(super::rights::statements_of).unwrap_or_default();
    let reads = |statement: &&Value| texts(statement.get("Action")).contains(&"secretsmanager:GetSecretValue");
    statements.into_iter().filter(reads).flat_map(|statement| texts(statement.get("Resource"))).collect()
}

/// Returns whether the function has no database login.
pub(super) fn has_no_login(function: &Resource) -> bool {
    WITHOUT_LOGIN.iter().any(|name| function.name.ends_with(name))
}

/// Migrate reads the other functions' secrets, to set the passwords in them on their roles.
fn sets_passwords(function: &Resource) -> bool {
    function.name.ends_with("MigrateFunction")
}

fn rotates(stack: &Stack, function: &Resource) -> bool {
    stack.of(SCHEDULE).any(|schedule| refers(schedule, "/RotationLambdaARN", function))
}

/// Every generated password is rotated within [`MAX_PASSWORD_DAYS`], by a function of the stack.
fn rotated(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let generated = stack.of(SECRET).filter(|secret| secret.at("/GenerateSecretString").is_some());
    for secret in generated {
        let schedule = stack.of(SCHEDULE).find(|schedule| refers(schedule, "/SecretId", secret));
        let days = schedule.and_then(|schedule| number(schedule.at("/RotationRules/AutomaticallyAfterDays")));
        if days.is_none_or(|days| days > MAX_PASSWORD_DAYS) {
            faults.push(format!("the password in {} is not rotated within {MAX_PASSWORD_DAYS} days", secret.name));
        }
    }
    for schedule in stack.of(SCHEDULE) {
        for property in ["/RotationLambdaARN", "/RotationRules/AutomaticallyAfterDays"] {
            if schedule.at(property).is_none() {
                faults.push(format!("{}{property} is not set", schedule.name));
            }
        }
    }
    pass_unless("SEC-1", &faults, format!("every generated password is rotated within {MAX_PASSWORD_DAYS} days"))
}

/// Every secret is encrypted with a key of the stack, not with the account's default key.
fn encrypted(stack: &Stack) -> Observation {
    let bare = stack.of(SECRET).filter(|secret| secret.at("/KmsKeyId").is_none());
    let faults: Vec<_> = bare.map(|secret| format!("{} has no KmsKeyId", secret.name)).collect();
    pass_unless("SEC-1", &faults, "every secret is encrypted with a key of the stack")
}

/// Checks whether a property of one resource refers to another resource.
fn refers(from: &Resource, property: &str, to: &Resource) -> bool {
    let name = to.name.rsplit('/').next().unwrap_or(&to.name);
    from.text(property).is_some_and(|text| text == format!("${{{name}}}") || text == format!("${{{name}.Arn}}"))
}
