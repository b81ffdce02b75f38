//! `CloudFormation`'s functions, resolved as far as can be known before a deployment. What refers to a resource becomes a
//! name in the form `${Name.Attribute}`; what only the deployment knows becomes [`unknown`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::worlds::World;

const UNKNOWN: &str = "Unknown";

/// A value that cannot be known, and why.
fn unknown(why: impl Into<String>) -> Value {
    json!({ UNKNOWN: why.into() })
}

/// Why a value is not known; none where it is.
pub(in crate::check) fn why_unknown(value: &Value) -> Option<&str> {
    value.get(UNKNOWN).and_then(Value::as_str)
}

/// What a template is resolved with.
pub(super) struct Scope<'a> {
    pub(super) template: &'a Value,
    /// Values of the parameters; a parameter without one is unknown.
    pub(super) parameters: &'a BTreeMap<String, Value>,
    /// What child stacks give out, by the child's name.
    pub(super) children: &'a BTreeMap<String, BTreeMap<String, Value>>,
    /// Which way conditions that cannot be decided go.
    pub(super) world: &'a World,
}

impl Scope<'_> {
    /// A value with its functions resolved.
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

    /// The value of a function; none where the object is no function.
    fn function(&self, object: &Map<String, Value>) -> Option<Value> {
        let (name, argument) = object.iter().next().filter(|_| object.len() == 1)?;
        Some(match (name.as_str(), argument) {
            ("Ref", Value::String(name)) => self.reference(name),
            ("Fn::GetAtt", Value::Array(path)) => self.attribute(path),
            ("Fn::If", Value::Array(parts)) => self.choose(parts),
            ("Fn::Sub", Value::String(text)) => self.substitute(text, &Map::new()),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(names)] => self.substitute(text, names),
                _ => unknown("a Fn::Sub that cannot be read"),
            },
            ("Fn::Join", Value::Array(parts)) => self.join(parts),
            ("Fn::Select", Value::Array(parts)) => self.select(parts),
            ("Fn::Split", Value::Array(parts)) => self.split(parts),
            ("Fn::FindInMap", Value::Array(path)) => self.find(path),
            ("Fn::GetAZs", _) => "${AWS::AvailabilityZones}".into(),
            ("Condition", Value::String(name)) => self.condition(name).into(),
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                self.supposed(&Value::Object(object.clone()), "a condition").into()
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
            None => self.made(name).unwrap_or_else(|| format!("${{{name}}}").into()),
        }
    }

    fn attribute(&self, path: &[Value]) -> Value {
        let [Value::String(resource), attribute] = path else { return unknown("a Fn::GetAtt that cannot be read") };
        let attribute = self.resolve(attribute);
        let attribute = attribute.as_str().unwrap_or_default();
        let output = attribute.strip_prefix("Outputs.").zip(self.children.get(resource));
        match output {
            Some((name, outputs)) => {
                outputs.get(name).cloned().unwrap_or_else(|| unknown(format!("{resource} gives out no {name}")))
            }
            None => self.made(resource).unwrap_or_else(|| format!("${{{resource}.{attribute}}}").into()),
        }
    }

    /// That a resource is not made, where that is so; what SAM adds is not in the template.
    fn made(&self, name: &str) -> Option<Value> {
        let resource = self.part("Resources", name).filter(|resource| !self.exists(resource))?;
        let condition = resource.get("Condition").and_then(Value::as_str).unwrap_or_default();
        Some(unknown(format!("{name}, which something refers to, is not made without the condition {condition}")))
    }

    fn choose(&self, parts: &[Value]) -> Value {
        let [Value::String(condition), yes, no] = parts else { return unknown("a Fn::If that cannot be read") };
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
                // Texts are looked at for their form, which one part that is not known does not hide.
                _ => result.extend(["${", name, "}"]),
            }
        }
        result.push_str(rest);
        result.into()
    }

    fn join(&self, parts: &[Value]) -> Value {
        let [Value::String(separator), items] = parts else { return unknown("a Fn::Join that cannot be read") };
        match self.resolve(items) {
            Value::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.map_or_else(|| unknown("a Fn::Join of unknown parts"), |texts| texts.join(separator).into())
            }
            other => other,
        }
    }

    fn select(&self, parts: &[Value]) -> Value {
        let [index, items] = parts else { return unknown("a Fn::Select that cannot be read") };
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
        let [Value::String(separator), text] = parts else { return unknown("a Fn::Split that cannot be read") };
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

    /// Whether a resource is made at all.
    pub(super) fn exists(&self, resource: &Value) -> bool {
        resource.get("Condition").and_then(Value::as_str).is_none_or(|name| self.condition(name))
    }

    /// Whether a condition holds, in this world.
    fn condition(&self, name: &str) -> bool {
        match self.part("Conditions", name) {
            Some(condition) => self.supposed(condition, &format!("the condition {name}")),
            None => self.world.supposes(format!("there is no condition {name}")),
        }
    }

    /// Whether it holds. What cannot be decided is supposed, but for what does not matter.
    fn supposed(&self, condition: &Value, name: &str) -> bool {
        if let Some(holds) = self.holds(condition) {
            return holds;
        }
        let parts = || parts(condition).into_iter().flatten();
        match condition.as_object().and_then(|object| object.iter().next()) {
            Some((key, argument)) if key == "Condition" => self.condition(argument.as_str().unwrap_or_default()),
            Some((key, _)) if key == "Fn::Not" => !parts().next().is_some_and(|part| self.supposed(part, name)),
            Some((key, _)) if key == "Fn::And" => parts().all(|part| self.supposed(part, name)),
            Some((key, _)) if key == "Fn::Or" => parts().any(|part| self.supposed(part, name)),
            Some((key, _)) if key == "Fn::Equals" => {
                let sides: Vec<_> = parts().map(|part| told(&self.resolve(part))).collect();
                self.world.supposes(format!("{name} asks whether {} are the same", sides.join(" and ")))
            }
            _ => self.world.supposes(format!("{name} cannot be read")),
        }
    }

    /// Whether it holds in every world; none where that depends on what is not known.
    fn holds(&self, condition: &Value) -> Option<bool> {
        let (name, argument) = condition.as_object()?.iter().next()?;
        match name.as_str() {
            "Condition" => self.holds(self.part("Conditions", argument.as_str()?)?),
            "Fn::Equals" => {
                let [one, other] = parts(condition)?.as_slice() else { return None };
                same(&self.resolve(one), &self.resolve(other))
            }
            "Fn::Not" => self.holds(parts(condition)?.first()?).map(|holds| !holds),
            "Fn::And" => all(parts(condition)?.iter().map(|part| self.holds(part)), true),
            "Fn::Or" => all(parts(condition)?.iter().map(|part| self.holds(part)), false),
            _ => None,
        }
    }
}

/// What a function is given.
fn parts(function: &Value) -> Option<&Vec<Value>> {
    function.as_object()?.values().next()?.as_array()
}

/// Whether two values are the same. A reference's value is known to a deployment only, but it is never empty.
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

/// A side of a comparison, in words.
fn told(value: &Value) -> String {
    why_unknown(value).map_or_else(|| format!("{:?}", plain(value)), |why| format!("what is not known ({why})"))
}

/// `CloudFormation` compares texts: `true` and `"true"` are the same.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether all parts are this (And with true; Or, the other way round, with false). One that decides is enough.
fn all(parts: impl Iterator<Item = Option<bool>>, neutral: bool) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(!neutral)) {
        return Some(!neutral);
    }
    parts.iter().all(Option::is_some).then_some(neutral)
}
