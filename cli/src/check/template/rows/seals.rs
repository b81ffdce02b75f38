//! The store of audit seals: objects are added once and never replaced or hidden, and somebody else than the sealer compares
//! them with the database.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::backups::is_scheduled;
use super::{Resource, Stack, pass_unless};

const ROW: &str = "AUD-3";

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![written_once(stack), verified(stack)]
}

/// One bucket's policy denies every write over an existing object, and every deletion.
fn written_once(stack: &Stack) -> Observation {
    let policies: Vec<_> = stack.of("AWS::S3::BucketPolicy").collect();
    let mut faults = Vec::new();
    if !policies.iter().any(|policy| denies(policy, "s3:PutObject", Some("s3:if-none-match"))) {
        faults.push("no bucket denies s3:PutObject without s3:if-none-match: stored seals can be replaced".to_owned());
    }
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion"] {
        if !policies.iter().any(|policy| denies(policy, action, None)) {
            faults.push(format!("no bucket denies {action}: stored seals can be hidden"));
        }
    }
    pass_unless(ROW, &faults, "objects of the bucket of seals are written once, and not deleted")
}

/// Returns whether a policy denies everybody an action: always, or where a key is missing from the request.
fn denies(policy: &Resource, action: &str, unless: Option<&str>) -> bool {
    let statements = policy.at("/PolicyDocument/Statement").and_then(Value::as_array);
    statements.into_iter().flatten().any(|statement| {
        let is = |path: &str, text: &str| statement.pointer(path).and_then(Value::as_str) == Some(text);
        let names = match statement.get("Action") {
            Some(Value::String(one)) => one == action,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(action)),
            _ => false,
        };
        let condition = statement.get("Condition");
        let holds = match unless {
            None => condition.is_none(),
            Some(key) => condition.is_some_and(|condition| {
                condition.as_object().is_some_and(|kinds| kinds.len() == 1)
                    && condition.pointer(&format!("/Null/{key}")).and_then(Value::as_str) == Some("true")
            }),
        };
        is("/Effect", "Deny") && is("/Principal", "*") && names && holds
    })
}

/// The verifier is scheduled, with another role than the sealer's.
fn verified(stack: &Stack) -> Observation {
    let role = |task: &str| {
        let function = super::functions(stack).find(|function| is_scheduled(function, task))?;
        Some(function.at("/Role").map(Value::to_string))
    };
    let faults = match (role("seal"), role("verify")) {
        (_, None) => vec!["no schedule runs the task verify".to_owned()],
        (Some(sealer), Some(verifier)) if sealer == verifier => {
            vec!["the verifier has the role of the sealer".to_owned()]
        }
        _ => Vec::new(),
    };
    pass_unless(ROW, &faults, "a verifier with a role of its own compares the stored seals with the database")
}
