//! Checks a deployed stack through the AWS CLI, with the profile, region and rights of the calling user.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use super::key_policy;
use super::template::Stack;
use crate::digests::{self, Live};

/// An alarm in the output of `aws cloudwatch describe-alarms`.
#[derive(Debug, Deserialize)]
struct Alarm {
    #[serde(rename = "AlarmName")]
    name: String,
    #[serde(rename = "AlarmDescription", default)]
    description: String,
    #[serde(rename = "ActionsEnabled")]
    is_on: bool,
    #[serde(rename = "AlarmActions")]
    actions: Vec<String>,
    #[serde(rename = "StateValue")]
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    metric_alarms: Vec<Alarm>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Concurrency {
    reserved_concurrent_executions: Option<u64>,
}

/// Tag of all KMS keys of a stack.
const STACK_TAG: &str = "holdfast:stack";

/// The output of `aws resourcegroupstaggingapi get-resources`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    resource_tag_mapping_list: Vec<TaggedResource>,
}

#[derive(Deserialize)]
struct TaggedResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

/// A KMS key of the account.
struct LiveKey {
    arn: String,
    state: String,
    policy: Value,
    /// True if a rotation created it.
    of_a_rotation: bool,
    /// True if it signs access tokens.
    signs: bool,
}

/// Checks the functions and alarms whose names begin with the stack's name, and the KMS keys with its tag; with a template, also that its alarms exist.
///
/// # Errors
/// AWS does not respond, or has no such stack.
pub(super) async fn observe(
    name: &str,
    manifest: Option<&Path>,
    template: Option<&Stack>,
) -> anyhow::Result<Vec<Observation>> {
    let prefix = format!("{name}-");
    let all = digests::live(&aws(&["lambda", "list-functions"]).await?)?;
    let others = others(&all, &prefix);
    let functions = digests::of_stack(all, name);
    if functions.is_empty() {
        bail!("no function {prefix}... found");
    }
    let mut seen = vec![limits(&functions).await?];
    if let Some(manifest) = manifest {
        seen.push(digests::judged(&digests::differences(manifest, &functions)?, &functions));
    }
    let alarms = aws(&["cloudwatch", "describe-alarms", "--alarm-name-prefix", &prefix]).await?;
    let Alarms { mut metric_alarms } = serde_json::from_str(&alarms).context("the output is not a list of alarms")?;
    metric_alarms.retain(|alarm| !others.iter().any(|other| alarm.name.starts_with(other)));
    seen.push(watched(&metric_alarms, &expected(name, template)));
    seen.push(keys(name).await?);
    Ok(seen)
}

/// Returns the longer prefixes of other stacks, such as `holdfast-dev-` beside `holdfast-`.
fn others(functions: &[Live], prefix: &str) -> BTreeSet<String> {
    let names = functions.iter().filter_map(|function| function.function_name.strip_prefix(prefix));
    names.filter_map(|name| Some(format!("{prefix}{}-", name.rsplit_once('-')?.0))).collect()
}

/// Checks that each function has reserved concurrency, which no other function can use and which it cannot exceed.
async fn limits(functions: &[Live]) -> anyhow::Result<Observation> {
    // Concurrently: the command is slow to start.
    let requests = functions.iter().map(|Live { function_name, .. }| async move {
        let output = aws(&["lambda", "get-function-concurrency", "--function-name", function_name]).await?;
        // The output is empty if there is none.
        let concurrency: Concurrency = if output.trim().is_empty() {
            Concurrency::default()
        } else {
            serde_json::from_str(&output)
                .with_context(|| format!("{function_name}: the output is not a concurrency"))?
        };
        let none = concurrency.reserved_concurrent_executions.is_none();
        anyhow::Ok(none.then(|| format!("{function_name} has no reserved concurrency")))
    });
    let faults: Vec<_> = try_join_all(requests).await?.into_iter().flatten().collect();
    let good = format!("all {} functions have a reserved concurrency", functions.len());
    Ok(judged("RUN-2", &faults, good))
}

/// Checks the KMS keys that carry the stack's tag, those of rotations included: who may use each, and whether one is to be
/// deleted that is still needed.
async fn keys(name: &str) -> anyhow::Result<Observation> {
    let filter = format!("Key={STACK_TAG},Values={name}");
    let keys = ["resourcegroupstaggingapi", "get-resources", "--resource-type-filters", "kms:key", "--tag-filters"];
    let keys = aws(&[keys.as_slice(), &[filter.as_str()]].concat()).await?;
    let keys: Tagged = serde_json::from_str(&keys).context("the output is not a list of resources")?;
    let keys = try_join_all(keys.resource_tag_mapping_list.into_iter().map(read_key)).await?;
    let mut faults = Vec::new();
    if keys.is_empty() {
        faults.push(format!("no KMS key has the tag {STACK_TAG}={name}"));
    }
    for LiveKey { arn, state, policy, of_a_rotation, .. } in &keys {
        faults.extend(key_policy::faults(arn, Some(policy)));
        if state != "Enabled" && !(*of_a_rotation && state == "PendingDeletion") {
            faults.push(format!("{arn} is {state}"));
        }
    }
    let signing = || keys.iter().filter(|key| key.signs);
    let configured = signing().find(|key| !key.of_a_rotation);
    let others = signing().filter(|key| configured.is_some_and(|configured| configured.policy != key.policy));
    faults.extend(others.map(|key| format!("{} has another policy than the signing key of the template", key.arn)));
    let ending = keys.iter().filter(|key| key.state == "PendingDeletion").count();
    let good = format!("{} KMS keys, each used as its own policy says; {ending} of rotations end soon", keys.len());
    Ok(judged("SEC-5", &faults, good))
}

async fn read_key(key: TaggedResource) -> anyhow::Result<LiveKey> {
    let TaggedResource { resource_arn: arn, tags } = key;
    let tagged = |name: &str, value: &str| tags.iter().any(|tag| tag.key == name && tag.value == value);
    let (of_a_rotation, signs) = (tagged("holdfast:made-by", "rotation"), tagged("holdfast:purpose", "signing"));
    let described = aws(&["kms", "describe-key", "--key-id", &arn]).await?;
    let described: Value = serde_json::from_str(&described).context("the output is not a key")?;
    let state = described.pointer("/KeyMetadata/KeyState").and_then(Value::as_str).unwrap_or("in no known state");
    let policy = aws(&["kms", "get-key-policy", "--policy-name", "default", "--key-id", &arn]).await?;
    let policy: Value = serde_json::from_str(&policy).context("the output is not a policy")?;
    let policy = policy.get("Policy").and_then(Value::as_str).unwrap_or_default();
    let policy = serde_json::from_str(policy).with_context(|| format!("the policy of {arn} is not JSON"))?;
    Ok(LiveKey { state: state.to_owned(), arn, policy, of_a_rotation, signs })
}

/// Returns the names of the template's alarms that have actions and exist under every condition assignment.
fn expected(name: &str, template: Option<&Stack>) -> Vec<String> {
    let alarms = template.into_iter().flat_map(|stack| stack.surely("AWS::CloudWatch::Alarm"));
    let alarms = alarms.filter(|alarm| alarm.at("/AlarmActions").is_some());
    alarms.filter_map(|alarm| Some(alarm.text("/AlarmName")?.replace("${AWS::StackName}", name))).collect()
}

fn watched(alarms: &[Alarm], expected: &[String]) -> Observation {
    let notifies = |alarm: &&Alarm| alarm.is_on && alarm.actions.iter().any(|action| action.contains(":sns:"));
    let mut faults: Vec<_> = expected
        .iter()
        .filter(|name| !alarms.iter().filter(notifies).any(|alarm| alarm.name == **name))
        .map(|name| format!("{name} does not exist, or notifies nobody"))
        .collect();
    if !alarms.iter().any(|alarm| notifies(&alarm)) {
        faults.push("no alarm notifies anybody".to_owned());
    }
    let off = alarms.iter().filter(|alarm| !alarm.is_on);
    faults.extend(off.map(|alarm| format!("{} is switched off", alarm.name)));
    let firing = alarms.iter().filter(|alarm| alarm.state == "ALARM");
    faults.extend(firing.map(|alarm| format!("{} is in alarm: {}", alarm.name, alarm.description)));
    let silent = alarms.iter().filter(|alarm| alarm.state == "INSUFFICIENT_DATA").count();
    judged("AUD-2", &faults, format!("{} alarms, none in alarm, {silent} without data yet", alarms.len()))
}

fn judged(row: &'static str, faults: &[String], good: String) -> Observation {
    let evidence = if faults.is_empty() { good } else { faults.join("; ") };
    Observation::judged(row, EvidenceSource::Stack, faults.is_empty(), evidence)
}

/// Runs the AWS CLI and returns its output, JSON.
async fn aws(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("aws").args(arguments).args(["--output", "json"]).output().await;
    let output = output.context("the AWS CLI cannot be run; install it")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("aws {}: {}", arguments.join(" "), error.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
