//! Three-valued evaluation of the rules: pass, fail, or unknown if something undecided could flip the result.
//!
//! A rule reads one complete stack and knows nothing of undecided conditions or unknown values. This module applies the rules
//! several times and compares the results of each row of the catalogue (after Kleene: an unknown input makes the output
//! unknown only if the output depends on it):
//!
//! - once for each condition assignment (see `assignments`), and
//! - for each reason why a value is unknown, once with each of [`substitutes`] instead of it.
//!
//! # Example
//! `KmsKeyId: !ImportValue LogsKey` on a log group is known to a deployment only. With the substitute "not set", AUD-2 fails
//! ("no `KmsKeyId`"); with any other substitute it passes. The row is flipped, so AUD-2 is unknown, with the evidence
//! `Fn::ImportValue is known to a deployment only`. `RetentionInDays` missing on another log group makes AUD-2 fail under
//! every substitute: nothing undecided can repair it, so the row stays failed. So no rule has to treat unknown values itself,
//! and a rule that is added later cannot forget to.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_shared::hardening::{CATALOGUE, EvidenceSource, Observation, Outcome};
use serde_json::{Value, json};

use super::Stack;
use crate::check::template::why_unknown;

/// Values that an unknown value could turn out to be: not set, a list, a name, values that admit everyone, a switch. A rule that
/// requires a certain text fails under all of them: such a text has to be known.
fn substitutes() -> [Value; 8] {
    let name = "${Something}";
    [Value::Null, json!([name]), json!(name), json!("*"), json!("0.0.0.0/0"), json!("::/0"), json!(true), json!(false)]
}

/// Two evaluations to compare, and the reasons that distinguish them.
struct Comparison {
    one: Vec<Observation>,
    other: Vec<Observation>,
    reasons: BTreeSet<String>,
}

/// Applies the rules to the stack, and replaces the result of each row that something undecided flips by unknown.
pub(super) fn evaluate(stack: &Stack, rules: impl Fn(&Stack) -> Vec<Observation>) -> Vec<Observation> {
    let mut observations = rules(stack);
    let mut comparisons = Vec::new();
    for alternative in stack.assignments() {
        let known = rules(alternative);
        for reason in unknowns(alternative) {
            for substitute in substitutes() {
                let other = rules(&substituted(alternative, &reason, &substitute));
                comparisons.push(Comparison { one: known.clone(), other, reasons: BTreeSet::from([reason.clone()]) });
            }
        }
        let reasons = differences(stack, alternative);
        comparisons.push(Comparison { one: observations.clone(), other: known, reasons });
    }
    comparisons.sort_by_key(|comparison| comparison.reasons.len());
    for row in CATALOGUE {
        let mut depends = BTreeSet::new();
        let flips = |comparison: &&Comparison| outcome(&comparison.one, row.id) != outcome(&comparison.other, row.id);
        for comparison in comparisons.iter().filter(flips) {
            // Of several reasons only the necessary ones count: a single reason that explains the flip came before.
            if depends.is_disjoint(&comparison.reasons) {
                depends.extend(comparison.reasons.iter().cloned());
            }
        }
        if !depends.is_empty() {
            let holds_anyway = |observation: &Observation| {
                observation.outcome == Outcome::Unknown
                    || comparisons.iter().all(|comparison| comparison.other.contains(observation))
            };
            observations.retain(|observation| observation.row != row.id || holds_anyway(observation));
            let unknown = |why| Observation::unknown(row.id, EvidenceSource::Template, why);
            observations.extend(depends.into_iter().map(unknown));
        }
    }
    observations
}

fn outcome(observations: &[Observation], row: &str) -> Option<Outcome> {
    observations.iter().filter(|observation| observation.row == row).map(|observation| observation.outcome).max()
}

/// Returns the comparisons that are assumed differently for the two stacks.
fn differences(one: &Stack, other: &Stack) -> BTreeSet<String> {
    let differs = |(comparison, result): &(&String, &bool)| one.assumed.get(*comparison) != Some(*result);
    other.assumed.iter().filter(differs).map(|(comparison, _)| comparison.clone()).collect()
}

/// Returns the reasons why values of a stack are unknown.
fn unknowns(stack: &Stack) -> BTreeSet<String> {
    fn find(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            _ if why_unknown(value).is_some() => into.extend(why_unknown(value).map(str::to_owned)),
            Value::Object(object) => object.values().for_each(|value| find(value, into)),
            Value::Array(items) => items.iter().for_each(|value| find(value, into)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    stack.resources.iter().for_each(|resource| find(&resource.properties, &mut found));
    found
}

/// Returns the stack with a substitute for every value that is unknown for this reason.
fn substituted(stack: &Stack, why: &str, substitute: &Value) -> Stack {
    fn replace(value: &Value, why: &str, substitute: &Value) -> Option<Value> {
        Some(match value {
            _ if why_unknown(value) == Some(why) => return Some(substitute.clone()).filter(|value| !value.is_null()),
            Value::Object(object) => {
                let kept =
                    object.iter().filter_map(|(name, value)| Some((name.clone(), replace(value, why, substitute)?)));
                Value::Object(kept.collect())
            }
            Value::Array(items) => items.iter().filter_map(|value| replace(value, why, substitute)).collect(),
            other => other.clone(),
        })
    }
    let mut stack = Stack { alternatives: Vec::new(), assumed: BTreeMap::new(), ..stack.clone() };
    for resource in &mut stack.resources {
        resource.properties = replace(&resource.properties, why, substitute).unwrap_or_default();
    }
    stack
}
