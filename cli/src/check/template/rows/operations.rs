//! What is watched: log groups, alarms, the dashboard, and the runbooks that alarms name.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{Resource, Stack, functions, referred, unless};

/// What must raise an alarm, by the line of the checklist: a metric of ours, or else one of the gateway's.
const ALARMS: [(&str, &[&str]); 6] = [
    ("AUD-2", &["ServerErrors", "5XXError"]),
    ("AUD-2", &["ClientErrors", "4XXError"]),
    ("AUD-2", &["AuthFailures"]),
    ("AUD-2", &["AdminActions"]),
    ("DATA-2", &["SchemaDifferences"]),
    ("DATA-2", &["MigrationFailures"]),
];

/// Where runbooks lie, from the repository's root.
const RUNBOOKS: &str = "docs/runbooks/";

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![logs(stack), alarmed(stack, "AUD-2"), alarmed(stack, "DATA-2"), dashboard(stack), runbooks(stack)]
}

fn logs(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    for function in functions(stack) {
        let group = function.text("/LoggingConfig/LogGroup");
        if group.and_then(|group| referred(stack, function, group)).is_none() {
            against.push(format!("{} has no log group of the stack's", function.name));
        }
    }
    for group in stack.of("AWS::Logs::LogGroup") {
        for property in ["RetentionInDays", "KmsKeyId"] {
            if group.at(&format!("/{property}")).is_none() {
                against.push(format!("{} has no {property}", group.name));
            }
        }
    }
    unless("AUD-2", &against, "every function has a log group with retention and a KMS key")
}

fn alarms(stack: &Stack) -> impl Iterator<Item = &Resource> {
    stack.of("AWS::CloudWatch::Alarm").chain(stack.of("AWS::CloudWatch::CompositeAlarm"))
}

fn alarmed(stack: &Stack, row: &'static str) -> Observation {
    let heard = |alarm: &&Resource| {
        let on = alarm.at("/ActionsEnabled").is_none_or(|enabled| enabled.as_bool() != Some(false));
        on && alarm.at("/AlarmActions").and_then(Value::as_array).is_some_and(|actions| !actions.is_empty())
    };
    let about = |metric: &str| {
        alarms(stack).filter(heard).any(|alarm| alarm.properties.to_string().contains(&format!("\"{metric}\"")))
    };
    let wanted: Vec<_> = ALARMS.iter().filter(|(of, _)| *of == row).map(|(_, metrics)| metrics).collect();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|metrics| !metrics.iter().any(|metric| about(metric)))
        .map(|metrics| format!("no alarm with an action is about {}", metrics.join(" or ")))
        .collect();
    let told: Vec<_> = wanted.iter().map(|metrics| metrics.join(" or ")).collect();
    unless(row, &missing, format!("alarms with actions are about {}", told.join(", ")))
}

fn dashboard(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    if stack.of("AWS::CloudWatch::Dashboard").next().is_none() {
        against.push("there is no dashboard in the stack".to_owned());
    }
    for (name, rule) in super::data::ingress(stack) {
        let open = |field: &str, all: &str| rule.get(field).and_then(Value::as_str) == Some(all);
        if open("CidrIp", "0.0.0.0/0") || open("CidrIpv6", "::/0") {
            against.push(format!("{name} lets the whole world in"));
        }
    }
    unless("OBS-2", &against, "a dashboard is in the stack, and no port is open to the world")
}

fn runbooks(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    let mut count = 0;
    for alarm in alarms(stack) {
        count += 1;
        let description = alarm.text("/AlarmDescription").unwrap_or_default();
        let page = description.split_once(RUNBOOKS).and_then(|(_, rest)| rest.split_once(".md"));
        match page {
            None => against.push(format!("{} names no runbook", alarm.name)),
            Some((page, _)) => {
                let path = format!("{RUNBOOKS}{page}.md");
                if !stack.root.join(&path).is_file() {
                    against.push(format!("{} names {path}, which does not exist", alarm.name));
                }
            }
        }
    }
    if count == 0 {
        against.push("there is no alarm".to_owned());
    }
    unless("DR-2", &against, format!("{count} alarms name runbooks that exist"))
}
