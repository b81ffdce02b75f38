//! What rests on a condition that cannot be decided, or on a value that is not known, is unknown itself: a line must come out the
//! same whichever way these turn out, or nobody can say how it does.

use std::collections::BTreeSet;

use holdfast_shared::hardening::{CATALOGUE, EvidenceSource, Observation, Outcome};
use serde_json::{Value, json};

use super::Stack;
use crate::check::template::why_unknown;

/// What a value may turn out to be: none at all, something by its name, what lets everybody in, a switch. One that must be a certain
/// text is judged where that text is known.
fn fillings() -> [Value; 8] {
    let name = "${Something}";
    [Value::Null, json!([name]), json!(name), json!("*"), json!("0.0.0.0/0"), json!("::/0"), json!(true), json!(false)]
}

/// What `look` sees, where it sees the same in every case.
pub(super) fn observe(stack: &Stack, look: impl Fn(&Stack) -> Vec<Observation>) -> Vec<Observation> {
    let mut seen = look(stack);
    let mut cases = Vec::new();
    for world in stack.worlds() {
        let usual = look(world);
        for why in unknowns(world) {
            for filling in fillings() {
                let filled = filled(world, &why, &filling);
                cases.push((usual.clone(), look(&filled), BTreeSet::from([why.clone()])));
            }
        }
        cases.push((seen.clone(), usual, differences(stack, world)));
    }
    cases.sort_by_key(|(_, _, whys)| whys.len());
    for row in CATALOGUE {
        let mut depends = BTreeSet::new();
        for (_, _, whys) in cases.iter().filter(|(one, other, _)| outcome(one, row.id) != outcome(other, row.id)) {
            // Of several reasons those count that are needed: one that explains it alone came before.
            if depends.is_disjoint(whys) {
                depends.extend(whys.iter().cloned());
            }
        }
        if !depends.is_empty() {
            let holds_anyway = |observation: &Observation| {
                observation.outcome == Outcome::Unknown || cases.iter().all(|(_, other, _)| other.contains(observation))
            };
            seen.retain(|observation| observation.row != row.id || holds_anyway(observation));
            seen.extend(depends.into_iter().map(|why| Observation::unknown(row.id, EvidenceSource::Template, why)));
        }
    }
    seen
}

fn outcome(seen: &[Observation], row: &str) -> Option<Outcome> {
    seen.iter().filter(|observation| observation.row == row).map(|observation| observation.outcome).max()
}

/// What is supposed of one stack and not of the other.
fn differences(one: &Stack, other: &Stack) -> BTreeSet<String> {
    let differs = |(comparison, holds): &(&String, &bool)| one.supposed.get(*comparison) != Some(*holds);
    other.supposed.iter().filter(differs).map(|(comparison, _)| comparison.clone()).collect()
}

/// Why values of a stack are not known.
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

/// The stack with something in the place of what is not known for this reason.
fn filled(stack: &Stack, why: &str, filling: &Value) -> Stack {
    fn fill(value: &Value, why: &str, filling: &Value) -> Option<Value> {
        Some(match value {
            _ if why_unknown(value) == Some(why) => return Some(filling.clone()).filter(|filling| !filling.is_null()),
            Value::Object(object) => {
                let kept = object.iter().filter_map(|(name, value)| Some((name.clone(), fill(value, why, filling)?)));
                Value::Object(kept.collect())
            }
            Value::Array(items) => items.iter().filter_map(|value| fill(value, why, filling)).collect(),
            other => other.clone(),
        })
    }
    let mut stack = Stack { resources: stack.resources.clone(), root: stack.root.clone(), ..Stack::default() };
    for resource in &mut stack.resources {
        resource.properties = fill(&resource.properties, why, filling).unwrap_or_default();
    }
    stack
}
