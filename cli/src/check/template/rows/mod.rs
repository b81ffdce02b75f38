//! The rules of the hardening catalogue that a stack's templates, and the files beside them, can be checked against. This is the
//! one policy engine for the templates: `make check-infra` and `holdfast check --template` apply the same rules.
//!
//! A rule reads a [`Stack`] and returns an [`Observation`] for its row of the catalogue. To add a rule, write it in the module
//! of its subject, and a case in `tests` that violates it.

mod backups;
mod database;
mod edge;
mod keys;
mod network;
mod operations;
mod rights;
mod run;
mod seals;
mod secrets;
mod sign_in;
#[cfg(test)]
mod tests;
mod three_valued;

use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde_json::Value;

use super::{Resource, Stack, why_unknown};

/// Applies all rules.
pub fn observe(stack: &Stack) -> Vec<Observation> {
    three_valued::evaluate(stack, |stack| {
        [
            edge::observe(stack),
            secrets::observe(stack),
            sign_in::observe(stack),
            rights::observe(stack),
            keys::observe(stack),
            database::observe(stack),
            network::observe(stack),
            backups::observe(stack),
            seals::observe(stack),
            run::observe(stack),
            operations::observe(stack),
        ]
        .concat()
    })
}

/// Maximum number of connections that the functions can open: the sum of the reserved concurrency of those that use the database; none if it is not known.
pub fn connections(stack: &Stack) -> Option<u64> {
    let same = |sum: &u64| stack.assignments().all(|alternative| run::connections(alternative) == Some(*sum));
    run::connections(stack).filter(same)
}

/// Judges a property: unknown if its value is, else by `holds`.
fn judge(
    row: &'static str,
    resource: &Resource,
    path: &str,
    holds: impl Fn(Option<&Value>) -> bool,
    expected: &str,
) -> Observation {
    let value = resource.at(path);
    if let Some(why) = value.and_then(why_unknown) {
        return Observation::unknown(row, EvidenceSource::Template, format!("{}{path}: {why}", resource.name));
    }
    let found = value.map_or("not set".to_owned(), Value::to_string);
    let evidence = if holds(value) {
        format!("{}{path} is {found}", resource.name)
    } else {
        format!("{}{path} is {found}, and should be {expected}", resource.name)
    };
    Observation::judged(row, EvidenceSource::Template, holds(value), evidence)
}

/// Passes with the evidence `good` unless there are faults.
fn pass_unless(row: &'static str, faults: &[String], good: impl Into<String>) -> Observation {
    if faults.is_empty() {
        Observation::judged(row, EvidenceSource::Template, true, good)
    } else {
        Observation::judged(row, EvidenceSource::Template, false, faults.join("; "))
    }
}

fn is(expected: &'static str) -> impl Fn(Option<&Value>) -> bool {
    move |value| value.is_some_and(|value| value.as_str() == Some(expected))
}

/// Checks for `true` or `"true"`, which are the same to `CloudFormation`.
fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
}

/// Checks for a value that is set and not true.
fn is_false(value: Option<&Value>) -> bool {
    value.is_some() && !is_true(value)
}

/// Reads a whole number, written as a number or as a text.
fn number(value: Option<&Value>) -> Option<i64> {
    value.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()))
}

/// Reads a text or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn functions(stack: &Stack) -> impl Iterator<Item = &Resource> {
    stack
        .resources
        .iter()
        .filter(|resource| matches!(resource.kind.as_str(), "AWS::Serverless::Function" | "AWS::Lambda::Function"))
}

/// Finds the resource that a reference such as `${LogGroup}` or `${LogGroup.Arn}` names, first in the same template.
fn referred<'a>(stack: &'a Stack, from: &Resource, reference: &str) -> Option<&'a Resource> {
    let name = reference.strip_prefix("${")?.split(['.', '}']).next()?;
    let folder = from.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let full = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    stack.resources.iter().find(|resource| resource.name == full).or_else(|| {
        // A reference that came in as a parameter names a resource of another template.
        stack.resources.iter().find(|resource| resource.name.rsplit('/').next() == Some(name))
    })
}
