//! Rights: what the policies of roles and keys allow.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{Resource, Stack, functions, pass_unless, texts};

/// Services whose actions have to be named one by one.
const SENSITIVE: [&str; 5] = ["kms:", "secretsmanager:", "s3:", "iam:", "sts:"];

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    let faults = [roles(stack), functions_own(stack), keys(stack)].concat();
    let good = "no role may use a whole service, and only the auth function's role may sign access tokens";
    vec![pass_unless("SEC-1", &faults, good)]
}

/// Faults of the statements of all roles and policies.
fn roles(stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    for (role, statement) in statements(stack) {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            continue;
        }
        let actions: Vec<_> = texts(statement.get("Action")).into_iter().map(str::to_lowercase).collect();
        if actions.is_empty() {
            faults.push(format!("{} allows all but some actions", role.name));
        }
        for action in &actions {
            let sensitive = SENSITIVE.iter().any(|service| action.starts_with(service));
            if action == "*" || action.ends_with(":*") || (sensitive && action.contains('*')) {
                faults.push(format!("{} allows {action}", role.name));
            }
            if action == "kms:sign" && !role.name.ends_with("AuthRole") {
                faults.push(format!("{} may sign access tokens", role.name));
            }
            if action == "kms:creategrant" {
                faults.push(format!("{} may grant the use of keys to others", role.name));
            }
        }
        let anything = texts(statement.get("Resource")).contains(&"*");
        let reads = |action: &String| {
            action.starts_with("secretsmanager:") || action == "kms:decrypt" || action.starts_with("s3:")
        };
        if anything && actions.iter().any(reads) {
            faults.push(format!("{} may read all secrets or objects", role.name));
        }
    }
    faults
}

/// Faults of functions that have policies beside their role's.
fn functions_own(stack: &Stack) -> Vec<String> {
    let with_policies = functions(stack).filter(|function| function.at("/Policies").is_some());
    with_policies.map(|function| format!("{} has policies beside its role's", function.name)).collect()
}

/// Faults of keys that anybody may use.
fn keys(stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    for key in stack.of("AWS::KMS::Key") {
        let statements = key.at("/KeyPolicy/Statement").and_then(Value::as_array);
        let open = statements.into_iter().flatten().filter(|statement| {
            let principal = statement.get("Principal");
            let anybody = texts(principal).contains(&"*")
                || texts(principal.and_then(|principal| principal.get("AWS"))).contains(&"*");
            anybody && statement.get("Effect").and_then(Value::as_str) == Some("Allow")
        });
        faults.extend(open.map(|_| format!("{} may be used by anybody", key.name)));
    }
    faults
}

/// Returns the statements of a role's or policy's own policies.
pub(super) fn statements_of(role: &Resource) -> Vec<&Value> {
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
    let mut found = Vec::new();
    find(&role.properties, &mut found);
    found
}

/// Returns the statements of all policies, each with the resource that contains it.
pub(super) fn statements(stack: &Stack) -> Vec<(&Resource, &Value)> {
    let roles =
        stack.of("AWS::IAM::Role").chain(stack.of("AWS::IAM::ManagedPolicy")).chain(stack.of("AWS::IAM::Policy"));
    roles.flat_map(|role| statements_of(role).into_iter().map(move |statement| (role, statement))).collect()
}
