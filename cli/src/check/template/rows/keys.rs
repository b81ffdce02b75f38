//! KMS keys: each has a policy of its own, which alone says who may use it, and time to notice a deletion.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::rights::statements;
use super::{Stack, number, pass_unless, texts};
use crate::check::key_policy;

const ROW: &str = "SEC-5";

/// Days between the decision to delete a key and its deletion: as many as KMS allows.
const PENDING_DAYS: i64 = 30;

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    let mut faults = Vec::new();
    for key in stack.of("AWS::KMS::Key") {
        faults.extend(key_policy::faults(&key.name, key.at("/KeyPolicy")));
        if number(key.at("/PendingWindowInDays")) != Some(PENDING_DAYS) {
            faults.push(format!("{} can be gone in less than {PENDING_DAYS} days", key.name));
        }
        if key.deletion_policy.as_deref() != Some("Retain") || key.update_replace_policy.as_deref() != Some("Retain") {
            faults.push(format!("{} is deleted with the stack, and what it seals is lost", key.name));
        }
    }
    faults.extend(found_by_pattern(stack));
    vec![pass_unless(ROW, &faults, "the policy of each KMS key names the roles and services that may use it")]
}

/// Faults of roles that may use keys which their policies do not name: all of them, or those that carry a tag.
fn found_by_pattern(stack: &Stack) -> Vec<String> {
    let allows = |statement: &&Value| statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    let any = |statement: &Value| {
        texts(statement.get("Resource")).iter().any(|resource| *resource == "*" || resource.ends_with(":key/*"))
    };
    let found = statements(stack).into_iter().filter(|(_, statement)| allows(statement) && any(statement));
    let uses = found.filter_map(|(role, statement)| Some((role, *key_policy::uses(statement).first()?)));
    uses.map(|(role, operation)| format!("{} allows {operation} with keys that it does not name", role.name)).collect()
}
