//! What a stack's templates, and the files beside them, say about the checklist.

mod data;
mod edge;
mod operations;
mod run;

use std::collections::BTreeSet;

use serde_json::Value;
use shared::hardening::{CATALOGUE, Observation, Outcome, Place};

use super::{Resource, Stack, why_unknown};

/// Everything that a template can show. What comes out otherwise without that of which it is not known whether it is there,
/// is unknown.
pub fn observe(stack: &Stack) -> Vec<Observation> {
    let (whole, certain) = (judged(stack), judged(&stack.certain()));
    let of = |seen: &[Observation], row: &str| -> Vec<_> {
        seen.iter().filter(|observation| observation.row == row).cloned().collect()
    };
    let merged = |row: &'static str| {
        let (whole, certain) = (of(&whole, row), of(&certain, row));
        if outcome(&whole) == outcome(&certain) { whole } else { vec![doubtful(row, stack, &certain)] }
    };
    CATALOGUE.iter().flat_map(|row| merged(row.id)).collect()
}

fn judged(stack: &Stack) -> Vec<Observation> {
    [edge::observe(stack), data::observe(stack), run::observe(stack), operations::observe(stack)].concat()
}

/// What observations of one line come to: the worst of them.
fn outcome(observations: &[Observation]) -> Option<Outcome> {
    let any = |outcome| observations.iter().any(|observation| observation.outcome == outcome).then_some(outcome);
    any(Outcome::Fail).or(any(Outcome::Unknown)).or(any(Outcome::Pass))
}

/// A line that holds, or does not, only with what may not be there.
fn doubtful(row: &'static str, stack: &Stack, certain: &[Observation]) -> Observation {
    let conditions: BTreeSet<&str> = stack.resources.iter().filter_map(|it| it.uncertain.as_deref()).collect();
    let without = certain.iter().filter(|observation| observation.outcome != Outcome::Pass);
    let without: Vec<&str> = without.map(|observation| observation.evidence.as_str()).collect();
    let why = conditions.into_iter().chain(["without what may be missing"]).collect::<Vec<_>>().join("; ");
    Observation::unknown(row, Place::Template, format!("{why}: {}", without.join("; ")))
}

/// The most connections that the functions can open: the sum of their reserved concurrency.
pub fn connections(stack: &Stack) -> Option<u64> {
    run::connections(stack)
}

/// Judges what may not be known: `holds` of a value that is.
fn judge(
    row: &'static str,
    resource: &Resource,
    path: &str,
    holds: impl Fn(Option<&Value>) -> bool,
    should: &str,
) -> Observation {
    let value = resource.at(path);
    if let Some(why) = value.and_then(why_unknown) {
        return Observation::unknown(row, Place::Template, format!("{}{path}: {why}", resource.name));
    }
    let seen = value.map_or("not set".to_owned(), Value::to_string);
    let evidence = if holds(value) {
        format!("{}{path} is {seen}", resource.name)
    } else {
        format!("{}{path} is {seen}, and should be {should}", resource.name)
    };
    Observation::judged(row, Place::Template, holds(value), evidence)
}

/// What holds unless something stands against it.
fn unless(row: &'static str, against: &[String], good: impl Into<String>) -> Observation {
    if against.is_empty() {
        Observation::judged(row, Place::Template, true, good)
    } else {
        Observation::judged(row, Place::Template, false, against.join("; "))
    }
}

fn is(expected: &'static str) -> impl Fn(Option<&Value>) -> bool {
    move |value| value.is_some_and(|value| value.as_str() == Some(expected))
}

/// `CloudFormation` takes `true` and `"true"` for the same.
fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
}

fn functions(stack: &Stack) -> impl Iterator<Item = &Resource> {
    stack
        .resources
        .iter()
        .filter(|resource| matches!(resource.kind.as_str(), "AWS::Serverless::Function" | "AWS::Lambda::Function"))
}

/// What a reference such as `${LogGroup}` or `${LogGroup.Arn}` names, in the same template.
fn referred<'a>(stack: &'a Stack, from: &Resource, reference: &str) -> Option<&'a Resource> {
    let name = reference.strip_prefix("${")?.split(['.', '}']).next()?;
    let folder = from.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let full = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    stack.resources.iter().find(|resource| resource.name == full).or_else(|| {
        // What came in as a parameter was made by another template.
        stack.resources.iter().find(|resource| resource.name.rsplit('/').next() == Some(name))
    })
}
