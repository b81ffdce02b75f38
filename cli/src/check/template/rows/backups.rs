//! Backups: their schedules, their signatures, and buckets from which nobody can remove anything.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{Resource, Stack, functions, is, is_true, pass_unless};

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![scheduled(stack), locked(stack), signed(stack)]
}

/// Backups and drills are scheduled.
fn scheduled(stack: &Stack) -> Observation {
    let missing = ["backup", "drill"];
    let missing = missing.into_iter().filter(|task| !functions(stack).any(|function| is_scheduled(function, task)));
    let faults: Vec<_> = missing.map(|task| format!("no schedule runs the task {task}")).collect();
    pass_unless("DR-1", &faults, "backups and drills are scheduled")
}

/// Returns whether a schedule runs this task of a function.
pub(super) fn is_scheduled(function: &Resource, task: &str) -> bool {
    let events = function.at("/Events").and_then(Value::as_object);
    events.into_iter().flatten().any(|(_, event)| {
        let kind = event.get("Type").and_then(Value::as_str).unwrap_or_default();
        let input = event.pointer("/Properties/Input").and_then(Value::as_str).unwrap_or_default();
        let off = event.pointer("/Properties/Enabled").is_some_and(|on| !is_true(Some(on)));
        kind.starts_with("Schedule") && input.contains(&format!("\"{task}\"")) && !off
    })
}

/// Each function that writes or reads backups has the key that signs them. SEC-5 says that one role may sign with it.
fn signed(stack: &Stack) -> Observation {
    const KEY: &str = "/Environment/Variables/BACKUP_SIGNING_KMS_KEY_ID";
    let mut faults = Vec::new();
    let of_backups = |function: &&Resource| function.at("/Environment/Variables/BACKUP_BUCKET").is_some();
    for function in functions(stack).filter(of_backups) {
        if function.at(KEY).is_none() {
            faults.push(format!("{} has no BACKUP_SIGNING_KMS_KEY_ID", function.name));
        }
    }
    pass_unless("DR-1", &faults, "backups are signed")
}

/// Every bucket is locked and closed to the public, and one at least is encrypted under a KMS key.
fn locked(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    for bucket in stack.of("AWS::S3::Bucket") {
        let retention = bucket.at("/ObjectLockConfiguration/Rule/DefaultRetention/Mode");
        if !is_true(bucket.at("/ObjectLockEnabled")) {
            faults.push(format!("{} has no Object Lock", bucket.name));
        }
        if !is("COMPLIANCE")(retention) {
            faults.push(format!("{} has no default retention in COMPLIANCE mode", bucket.name));
        }
        if !is_true(bucket.at("/PublicAccessBlockConfiguration/RestrictPublicBuckets")) {
            faults.push(format!("{} does not restrict public policies", bucket.name));
        }
    }
    let encrypted = |bucket: &Resource| {
        let rule = "/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm";
        is_true(bucket.at("/ObjectLockEnabled")) && is("aws:kms")(bucket.at(rule))
    };
    if !stack.of("AWS::S3::Bucket").any(encrypted) {
        faults.push("no bucket has both Object Lock and encryption under a KMS key".to_owned());
    }
    pass_unless("DR-1", &faults, "every bucket is locked in COMPLIANCE mode, and backups are encrypted")
}
