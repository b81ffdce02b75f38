//! Operations: log groups, alarms and their runbooks, the dashboard, and encrypted notifications.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{Resource, Stack, functions, pass_unless, referred};

/// Metrics that must raise an alarm, by row of the catalogue; any one metric of an entry is enough.
const ALARMS: [(&str, &[&str]); 8] = [
    ("AUD-2", &["ServerErrors", "5XXError"]),
    ("AUD-2", &["ClientErrors", "4XXError"]),
    ("AUD-2", &["AuthFailures"]),
    ("AUD-2", &["AdminActions"]),
    ("AUD-3", &["AuditTampering"]),
    ("AUD-3", &["AuditFindings"]),
    ("DATA-2", &["SchemaDifferences"]),
    ("DATA-2", &["MigrationFailures"]),
];

/// Folder of the runbooks, from the root of the repository.
const RUNBOOKS: &str = "docs/runbooks/";

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![
        logs(stack),
        alarmed(stack, "AUD-2"),
        alarmed(stack, "AUD-3"),
        alarmed(stack, "DATA-2"),
        dashboard(stack),
        notifications(stack),
        runbooks(stack),
    ]
}

fn logs(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    for function in functions(stack) {
        let group = function.text("/LoggingConfig/LogGroup");
        if group.and_then(|group| referred(stack, function, group)).is_none() {
            faults.push(format!("{} has no log group in the stack", function.name));
        }
    }
    for group in stack.of("AWS::Logs::LogGroup") {
        for property in ["RetentionInDays", "KmsKeyId"] {
            if group.at(&format!("/{property}")).is_none() {
                faults.push(format!("{} has no {property}", group.name));
            }
        }
    }
    pass_unless("AUD-2", &faults, "every function has a log group with retention and a KMS key")
}

fn alarms(stack: &Stack) -> impl Iterator<Item = &Resource> {
    stack.of("AWS::CloudWatch::Alarm").chain(stack.of("AWS::CloudWatch::CompositeAlarm"))
}

fn alarmed(stack: &Stack, row: &'static str) -> Observation {
    let has_action = |alarm: &&Resource| {
        let on = alarm.at("/ActionsEnabled").is_none_or(|enabled| enabled.as_bool() != Some(false));
        on && alarm.at("/AlarmActions").and_then(Value::as_array).is_some_and(|actions| !actions.is_empty())
    };
    let watches = |metric: &str| {
        alarms(stack).filter(has_action).any(|alarm| alarm.properties.to_string().contains(&format!("\"{metric}\"")))
    };
    let wanted: Vec<_> = ALARMS.iter().filter(|(of, _)| *of == row).map(|(_, metrics)| metrics).collect();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|metrics| !metrics.iter().any(|metric| watches(metric)))
        .map(|metrics| format!("no alarm with an action watches {}", metrics.join(" or ")))
        .collect();
    let all: Vec<_> = wanted.iter().map(|metrics| metrics.join(" or ")).collect();
    pass_unless(row, &missing, format!("alarms with actions watch {}", all.join(", ")))
}

fn dashboard(stack: &Stack) -> Observation {
    let missing = stack.of("AWS::CloudWatch::Dashboard").next().is_none();
    let faults: Vec<_> = missing.then(|| "there is no dashboard in the stack".to_owned()).into_iter().collect();
    pass_unless("OBS-2", &faults, "a dashboard is in the stack")
}

/// Topics and queues, which carry alarms and failed events, are encrypted under a KMS key.
fn notifications(stack: &Stack) -> Observation {
    let all = stack.of("AWS::SNS::Topic").chain(stack.of("AWS::SQS::Queue"));
    let bare = all.filter(|resource| resource.at("/KmsMasterKeyId").is_none());
    let faults: Vec<_> = bare.map(|resource| format!("{} has no KmsMasterKeyId", resource.name)).collect();
    pass_unless("OBS-2", &faults, "topics and queues are encrypted under a KMS key")
}

fn runbooks(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let mut count = 0;
    for alarm in alarms(stack) {
        count += 1;
        let description = alarm.text("/AlarmDescription").unwrap_or_default();
        let page = description.split_once(RUNBOOKS).and_then(|(_, rest)| rest.split_once(".md"));
        match page {
            None => faults.push(format!("{} names no runbook", alarm.name)),
            Some((page, _)) => {
                let path = format!("{RUNBOOKS}{page}.md");
                if !stack.root.join(&path).is_file() {
                    faults.push(format!("{} names {path}, which does not exist", alarm.name));
                }
            }
        }
    }
    if count == 0 {
        faults.push("there is no alarm".to_owned());
    }
    pass_unless("DR-2", &faults, format!("{count} alarms name runbooks that exist"))
}
