//! Secrets: where functions read them, under which key they are stored, and how often passwords rotate.

use holdfast_shared::config;
use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{Resource, Stack, functions, number, pass_unless};

/// Maximum age of a password, in days.
const MAX_PASSWORD_DAYS: i64 = 90;

const SCHEDULE: &str = "AWS::SecretsManager::RotationSchedule";
const SECRET: &str = "AWS::SecretsManager::Secret";

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![in_the_manager(stack), rotated(stack), encrypted(stack)]
}

/// Every function reads its secrets from Secrets Manager.
fn in_the_manager(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    for function in functions(stack) {
        let variables = function.at("/Environment/Variables").and_then(Value::as_object);
        let bare =
            variables.into_iter().flatten().filter(|(name, _)| config::secrets().any(|secret| secret == name.as_str()));
        faults.extend(bare.map(|(name, _)| format!("{} has {name} in its environment", function.name)));
        let rotates = stack.of(SCHEDULE).any(|schedule| refers(schedule, "/RotationLambdaARN", function));
        if !rotates && variables.is_none_or(|variables| !variables.contains_key("SECRETS_ARN")) {
            faults.push(format!("{} has no SECRETS_ARN", function.name));
        }
    }
    if functions(stack).next().is_none() {
        faults.push("there is no function".to_owned());
    }
    let good = "every function reads its secret from Secrets Manager, and has none in its environment";
    pass_unless("SEC-1", &faults, good)
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
