//! What a stack's templates, and the files beside them, say about the checklist.

mod data;
mod doubt;
mod edge;
mod operations;
mod run;

use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde_json::Value;

use super::{Resource, Stack, why_unknown};

/// Everything that a template can show.
pub fn observe(stack: &Stack) -> Vec<Observation> {
    doubt::observe(stack, |stack| {
        [edge::observe(stack), data::observe(stack), run::observe(stack), operations::observe(stack)].concat()
    })
}

/// The most connections that the functions can open: the sum of their reserved concurrency; none where that is not known.
pub fn connections(stack: &Stack) -> Option<u64> {
    run::connections(stack).filter(|sum| stack.worlds().all(|world| run::connections(world) == Some(*sum)))
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
        return Observation::unknown(row, EvidenceSource::Template, format!("{}{path}: {why}", resource.name));
    }
    let seen = value.map_or("not set".to_owned(), Value::to_string);
    let evidence = if holds(value) {
        format!("{}{path} is {seen}", resource.name)
    } else {
        format!("{}{path} is {seen}, and should be {should}", resource.name)
    };
    Observation::judged(row, EvidenceSource::Template, holds(value), evidence)
}

/// What holds unless something stands against it.
fn unless(row: &'static str, against: &[String], good: impl Into<String>) -> Observation {
    if against.is_empty() {
        Observation::judged(row, EvidenceSource::Template, true, good)
    } else {
        Observation::judged(row, EvidenceSource::Template, false, against.join("; "))
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
