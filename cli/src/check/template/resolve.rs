//! Resolves `CloudFormation`'s functions as far as they can be known before a deployment. A reference to a resource becomes a
//! name in the form `${Name.Attribute}`; a value that only the deployment knows becomes [`unknown`]. Conditions are evaluated
//! in Kleene's three-valued logic: an undecided part matters only if no other part decides.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::assignments::Assignment;

const UNKNOWN: &str = "Unknown";

/// Creates a value that is not known, with the reason.
fn unknown(why: impl Into<String>) -> Value {
    json!({ UNKNOWN: why.into() })
}

/// Returns the reason why a value is not known; none if it is known.
pub(in crate::check) fn why_unknown(value: &Value) -> Option<&str> {
    value.get(UNKNOWN).and_then(Value::as_str)
}

/// Context in which a template's values are resolved.
pub(super) struct Scope<'a> {
    pub(super) template: &'a Value,
    /// Values of the parameters; a parameter that is missing here is unknown.
    pub(super) parameters: &'a BTreeMap<String, Value>,
    /// Outputs of nested stacks, by the nested stack's name.
    pub(super) children: &'a BTreeMap<String, BTreeMap<String, Value>>,
    /// Assumed results of undecided comparisons.
    pub(super) assignment: &'a Assignment,
}

impl Scope<'_> {
    /// Resolves the functions in a value.
    pub(super) fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Object(object) => self.function(object).unwrap_or_else(|| self.object(object)),
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).filter(|item| !item.is_null()).collect(),
            other => other.clone(),
        }
    }

    fn object(&self, object: &Map<String, Value>) -> Value {
        let resolved = object.iter().map(|(name, value)| (name.clone(), value, self.resolve(value)));
        let kept = resolved.filter(|(_, before, after)| !after.is_null() || before.is_null());
        Value::Object(kept.map(|(name, _, after)| (name, after)).collect())
    }

    /// Resolves a function; none if the object is not one.
    fn function(&self, object: &Map<String, Value>) -> Option<Value> {
        let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
        Some(match (name.as_str(), argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::Array(path)) => self.attribute(path),
            ("Fn::If", Value::Array(parts)) => self.choose(parts),
            ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(names)] => self.substitute(text, names),
                _ => unknown("a Fn::Sub that is malformed"),
            },
            ("Fn::Join", Value::Array(parts)) => self.join(parts),
            ("Fn::Select", Value::Array(parts)) => self.select(parts),
            ("Fn::Split", Value::Array(parts)) => self.split(parts),
            ("Fn::FindInMap", Value::Array(path)) => self.find(path),
            ("Fn::GetAZs", _) => "${AWS::AvailabilityZones}".into(),
            ("Condition", Value::String(name)) => self.condition(name).into(),
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                self.evaluate(&Value::Object(object.clone()), "a condition").into()
            }
            (name, _) if name.starts_with("Fn::") => unknown(format!("{name} is known to a deployment only")),
            _ => return None,
        })
    }

    fn reference(&self, name: &str) -> Value {
        if name == "AWS::NoValue" {
            return Value::Null;
        }
        match self.parameters.get(name) {
            Some(value) => value.clone(),
            None if self.part("Parameters", name).is_some() => unknown(format!("the parameter {name} has no value")),
            None => self.not_created(name).unwrap_or_else(|| format!("${{{name}}}").into()),
        }
    }

    fn attribute(&self, path: &[Value]) -> Value {
        let [Value::String(resource), attribute] = path else { return unknown("a Fn::GetAtt that is malformed") };
        let attribute = self.resolve(attribute);
        let attribute = attribute.as_str().unwrap_or_default();
        let output = attribute.strip_prefix("Outputs.").zip(self.children.get(resource));
        match output {
            Some((name, outputs)) => {
                outputs.get(name).cloned().unwrap_or_else(|| unknown(format!("{resource} has no output {name}")))
            }
            None => self.not_created(resource).unwrap_or_else(|| format!("${{{resource}.{attribute}}}").into()),
        }
    }

    /// Returns an unknown value if a resource is not created. Resources that SAM adds are not in the template.
    fn not_created(&self, name: &str) -> Option<Value> {
        let resource = self.part("Resources", name).filter(|resource| !self.exists(resource))?;
        let condition = resource.get("Condition").and_then(Value::as_str).unwrap_or_default();
        Some(unknown(format!("{name}, which something refers to, is not created without the condition {condition}")))
    }

    fn choose(&self, parts: &[Value]) -> Value {
        let [Value::String(condition), yes, no] = parts else { return unknown("a Fn::If that is malformed") };
        self.resolve(if self.condition(condition) { yes } else { no })
    }

    fn substitute(&self, text: &str, names: &Map<String, Value>) -> Value {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let Some((name, after)) = after.split_once('}') else { break };
            rest = after;
            let value = match names.get(name) {
                Some(value) => self.resolve(value),
                None if name.starts_with('!') => format!("${{{}}}", name.trim_start_matches('!')).into(),
                None => match name.split_once('.') {
                    Some((resource, attribute)) => self.attribute(&[resource.into(), attribute.into()]),
                    None => self.reference(name),
                },
            };
            match &value {
                Value::String(text) => result.push_str(text),
                Value::Number(_) | Value::Bool(_) => result.push_str(&value.to_string()),
                other if text.strip_prefix("${").and_then(|text| text.strip_suffix('}')) == Some(name) => {
                    return other.clone();
                }
                // Rules look at the form of a text, which an unknown part does not hide.
                _ => result.extend(["${", name, "}"]),
            }
        }
        result.push_str(rest);
        result.into()
    }

    fn join(&self, parts: &[Value]) -> Value {
        let [Value::String(separator), items] = parts else { return unknown("a Fn::Join that is malformed") };
        match self.resolve(items) {
            Value::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.map_or_else(|| unknown("a Fn::Join of unknown parts"), |texts| texts.join(separator).into())
            }
            other => other,
        }
    }

    fn select(&self, parts: &[Value]) -> Value {
        let [index, items] = parts else { return unknown("a Fn::Select that is malformed") };
        let index = self.resolve(index);
        let index =
            index.as_u64().or_else(|| index.as_str()?.parse().ok()).and_then(|index| usize::try_from(index).ok());
        match (index, self.resolve(items)) {
            (Some(index), Value::Array(items)) => items.get(index).cloned().unwrap_or_else(|| unknown("a Fn::Select")),
            (Some(index), Value::String(list)) => format!("{list}[{index}]").into(),
            _ => unknown("a Fn::Select of unknown items"),
        }
    }

    fn split(&self, parts: &[Value]) -> Value {
        let [Value::String(separator), text] = parts else { return unknown("a Fn::Split that is malformed") };
        match self.resolve(text) {
            Value::String(text) => text.split(separator.as_str()).collect(),
            other => other,
        }
    }

    fn find(&self, path: &[Value]) -> Value {
        let keys: Vec<Value> = path.iter().map(|key| self.resolve(key)).collect();
        let mappings = self.template.get("Mappings").unwrap_or(&Value::Null);
        let found = keys.iter().try_fold(mappings, |at, key| at.get(key.as_str()?));
        found.cloned().unwrap_or_else(|| unknown("a Fn::FindInMap of unknown keys"))
    }

    fn part(&self, part: &str, name: &str) -> Option<&Value> {
        self.template.get(part)?.get(name)
    }

    /// Checks whether a resource is created, under the assignment.
    pub(super) fn exists(&self, resource: &Value) -> bool {
        resource.get("Condition").and_then(Value::as_str).is_none_or(|name| self.condition(name))
    }

    /// Evaluates a named condition under the assignment.
    fn condition(&self, name: &str) -> bool {
        match self.part("Conditions", name) {
            Some(condition) => self.evaluate(condition, &format!("the condition {name}")),
            None => self.assignment.assume(format!("there is no condition {name}")),
        }
    }

    /// Evaluates a condition under the assignment. Assumes a result only for undecided comparisons that matter.
    fn evaluate(&self, condition: &Value, name: &str) -> bool {
        if let Some(result) = self.decide(condition) {
            return result;
        }
        let parts = || parts(condition).into_iter().flatten();
        match condition.as_object().and_then(|object| object.iter().next()) {
            Some((key, argument)) if key == "Condition" => self.condition(argument.as_str().unwrap_or_default()),
            Some((key, _)) if key == "Fn::Not" => !parts().next().is_some_and(|part| self.evaluate(part, name)),
            Some((key, _)) if key == "Fn::And" => parts().all(|part| self.evaluate(part, name)),
            Some((key, _)) if key == "Fn::Or" => parts().any(|part| self.evaluate(part, name)),
            Some((key, _)) if key == "Fn::Equals" => {
                let sides: Vec<_> = parts().map(|part| described(&self.resolve(part))).collect();
                self.assignment.assume(format!("{name} compares {}", sides.join(" with ")))
            }
            _ => self.assignment.assume(format!("{name} is malformed")),
        }
    }

    /// Evaluates a condition in three-valued logic; none if the result depends on an unknown value.
    fn decide(&self, condition: &Value) -> Option<bool> {
        let (name, argument) = condition.as_object()?.iter().next()?;
        match name.as_str() {
            "Condition" => self.decide(self.part("Conditions", argument.as_str()?)?),
            "Fn::Equals" => {
                let [one, other] = parts(condition)?.as_slice() else { return None };
                same(&self.resolve(one), &self.resolve(other))
            }
            "Fn::Not" => self.decide(parts(condition)?.first()?).map(|result| !result),
            "Fn::And" => all(parts(condition)?.iter().map(|part| self.decide(part)), true),
            "Fn::Or" => all(parts(condition)?.iter().map(|part| self.decide(part)), false),
            _ => None,
        }
    }
}

/// Returns the arguments of a function.
fn parts(function: &Value) -> Option<&Vec<Value>> {
    function.as_object()?.values().next()?.as_array()
}

/// Compares two values. The value of a reference is known to a deployment only, but it is never empty.
fn same(one: &Value, other: &Value) -> Option<bool> {
    if why_unknown(one).or(why_unknown(other)).is_some() {
        return None;
    }
    let (one, other) = (plain(one), plain(other));
    let refers = |text: &str| text.contains("${");
    if one == other {
        Some(true)
    } else if one.is_empty() || other.is_empty() || !(refers(&one) || refers(&other)) {
        Some(false)
    } else {
        None
    }
}

/// Describes a side of a comparison.
fn described(value: &Value) -> String {
    why_unknown(value).map_or_else(|| format!("{:?}", plain(value)), |why| format!("an unknown value ({why})"))
}

/// Returns a value as text: `CloudFormation` compares texts, so `true` and `"true"` are the same.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Folds parts in three-valued logic: `Fn::And` with the neutral element true, `Fn::Or` with false. One deciding part is enough.
fn all(parts: impl Iterator<Item = Option<bool>>, neutral: bool) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(!neutral)) {
        return Some(!neutral);
    }
    parts.iter().all(Option::is_some).then_some(neutral)
}
