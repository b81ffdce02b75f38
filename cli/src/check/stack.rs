//! A stack as AWS has it, asked through AWS's own command line: with the profile, region and rights of whoever runs it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde::Deserialize;
use tokio::process::Command;

use super::template::Stack;
use crate::digests::{self, Live};

/// An alarm as `aws cloudwatch describe-alarms` tells of it.
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

/// Looks at the functions and alarms whose names begin with the stack's; with a template, also for the alarms that it has.
///
/// # Errors
/// AWS does not answer, or has no such stack.
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
        bail!("there is no function {prefix}...");
    }
    let mut seen = vec![limits(&functions).await?];
    if let Some(manifest) = manifest {
        seen.push(digests::judged(&digests::differences(manifest, &functions)?, &functions));
    }
    let alarms = aws(&["cloudwatch", "describe-alarms", "--alarm-name-prefix", &prefix]).await?;
    let Alarms { mut metric_alarms } = serde_json::from_str(&alarms).context("these are no alarms")?;
    metric_alarms.retain(|alarm| !others.iter().any(|other| alarm.name.starts_with(other)));
    seen.push(watched(&metric_alarms, &wanted(name, template)));
    Ok(seen)
}

/// What the names of other stacks begin with that begin as this one's do, such as `holdfast-dev-` beside `holdfast-`.
fn others(functions: &[Live], prefix: &str) -> BTreeSet<String> {
    let names = functions.iter().filter_map(|function| function.function_name.strip_prefix(prefix));
    names.filter_map(|name| Some(format!("{prefix}{}-", name.rsplit_once('-')?.0))).collect()
}

/// Whether each function has a share of the account's concurrency, which no other can take and which it cannot exceed.
async fn limits(functions: &[Live]) -> anyhow::Result<Observation> {
    // At the same time, for the command takes long to start.
    let asked = functions.iter().map(|Live { function_name, .. }| async move {
        let answer = aws(&["lambda", "get-function-concurrency", "--function-name", function_name]).await?;
        // It says nothing where there is none.
        let concurrency: Concurrency = if answer.trim().is_empty() {
            Concurrency::default()
        } else {
            serde_json::from_str(&answer).with_context(|| format!("{function_name}: this is no concurrency"))?
        };
        let none = concurrency.reserved_concurrent_executions.is_none();
        anyhow::Ok(none.then(|| format!("{function_name} has no reserved concurrency")))
    });
    let against: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
    let good = format!("all {} functions have a reserved concurrency", functions.len());
    Ok(judged("RUN-2", &against, good))
}

/// The alarms of the template that tell somebody, and are surely made.
fn wanted(name: &str, template: Option<&Stack>) -> Vec<String> {
    let alarms = template.into_iter().flat_map(|stack| stack.surely("AWS::CloudWatch::Alarm"));
    let alarms = alarms.filter(|alarm| alarm.at("/AlarmActions").is_some());
    alarms.filter_map(|alarm| Some(alarm.text("/AlarmName")?.replace("${AWS::StackName}", name))).collect()
}

fn watched(alarms: &[Alarm], wanted: &[String]) -> Observation {
    let tells = |alarm: &&Alarm| alarm.is_on && alarm.actions.iter().any(|action| action.contains(":sns:"));
    let mut against: Vec<_> = wanted
        .iter()
        .filter(|name| !alarms.iter().filter(tells).any(|alarm| alarm.name == **name))
        .map(|name| format!("{name} is not there, or tells nobody"))
        .collect();
    if !alarms.iter().any(|alarm| tells(&alarm)) {
        against.push("there is no alarm that tells anybody".to_owned());
    }
    let off = alarms.iter().filter(|alarm| !alarm.is_on);
    against.extend(off.map(|alarm| format!("{} is switched off", alarm.name)));
    let rings = alarms.iter().filter(|alarm| alarm.state == "ALARM");
    against.extend(rings.map(|alarm| format!("{} rings: {}", alarm.name, alarm.description)));
    let silent = alarms.iter().filter(|alarm| alarm.state == "INSUFFICIENT_DATA").count();
    judged("AUD-2", &against, format!("{} alarms, of which none rings and {silent} have no data yet", alarms.len()))
}

fn judged(row: &'static str, against: &[String], good: String) -> Observation {
    let evidence = if against.is_empty() { good } else { against.join("; ") };
    Observation::judged(row, EvidenceSource::Stack, against.is_empty(), evidence)
}

/// What the command answers, as JSON.
async fn aws(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("aws").args(arguments).args(["--output", "json"]).output().await;
    let output = output.context("the AWS CLI cannot be run: install it")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("aws {}: {}", arguments.join(" "), error.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
