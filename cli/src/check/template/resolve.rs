//! `CloudFormation`'s functions, resolved as far as can be known before a deployment. What refers to a resource becomes a
//! name in the form `${Name.Attribute}`; what only the deployment knows becomes [`unknown`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const UNKNOWN: &str = "Unknown";
const PERHAPS: &str = "Perhaps";

/// A value that cannot be known, and why.
fn unknown(why: impl Into<String>) -> Value {
    json!({ UNKNOWN: why.into() })
}

/// A value of which not even that is known, whether there is one.
fn perhaps(why: impl Into<String>) -> Value {
    json!({ UNKNOWN: why.into(), PERHAPS: true })
}

/// A value without all of which it is not known whether they are there.
pub(super) fn certain(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(_, value)| !is_perhaps(value));
            kept.map(|(name, value)| (name.clone(), certain(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().filter(|item| !is_perhaps(item)).map(certain).collect(),
        other => other.clone(),
    }
}

fn is_perhaps(value: &Value) -> bool {
    value.get(PERHAPS).is_some()
}

/// Why a value is not known; none where it is.
pub(super) fn why_unknown(value: &Value) -> Option<&str> {
    value.get(UNKNOWN).and_then(Value::as_str)
}

/// What a template is resolved with.
pub(super) struct Scope<'a> {
    /// Values of the parameters; a parameter without one is unknown.
    pub(super) parameters: &'a BTreeMap<String, Value>,
    pub(super) conditions: &'a Map<String, Value>,
    pub(super) mappings: &'a Value,
    /// What child stacks give out, by the child's name.
    pub(super) children: &'a BTreeMap<String, BTreeMap<String, Value>>,
    /// Names of the template's parameters.
    pub(super) declared: &'a Map<String, Value>,
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
            ("Condition", Value::String(name)) => self.condition(name).map_or_else(|| unknown(name), Value::Bool),
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                self.holds(&Value::Object(object.clone())).map_or_else(|| unknown("a condition"), Value::Bool)
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
            None if self.declared.contains_key(name) => unknown(format!("the parameter {name} has no value")),
            None => format!("${{{name}}}").into(),
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
            None => format!("${{{resource}.{attribute}}}").into(),
        }
    }

    fn choose(&self, parts: &[Value]) -> Value {
        let [Value::String(condition), yes, no] = parts else { return unknown("a Fn::If that cannot be read") };
        match self.condition(condition) {
            Some(true) => self.resolve(yes),
            Some(false) => self.resolve(no),
            None => {
                let why = undecided(condition);
                let both = [yes, no].map(|value| self.resolve(value));
                if both.iter().any(Value::is_null) { perhaps(why) } else { unknown(why) }
            }
        }
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
        let found = keys.iter().try_fold(self.mappings, |at, key| at.get(key.as_str()?));
        found.cloned().unwrap_or_else(|| unknown("a Fn::FindInMap of unknown keys"))
    }

    /// Whether a condition holds; none where that depends on what is not known.
    pub(super) fn condition(&self, name: &str) -> Option<bool> {
        self.holds(self.conditions.get(name)?)
    }

    fn holds(&self, condition: &Value) -> Option<bool> {
        let (name, argument) = condition.as_object()?.iter().next()?;
        let parts = argument.as_array();
        match name.as_str() {
            "Condition" => self.condition(argument.as_str()?),
            "Fn::Equals" => {
                let [one, other] = parts?.as_slice() else { return None };
                let (one, other) = (self.resolve(one), self.resolve(other));
                if why_unknown(&one).or(why_unknown(&other)).is_some() {
                    None
                } else {
                    Some(plain(&one) == plain(&other))
                }
            }
            "Fn::Not" => self.holds(parts?.first()?).map(|holds| !holds),
            "Fn::And" => all(parts?.iter().map(|part| self.holds(part)), true),
            "Fn::Or" => all(parts?.iter().map(|part| self.holds(part)), false),
            _ => None,
        }
    }
}

/// Why it is not known whether a condition holds.
pub(super) fn undecided(condition: &str) -> String {
    format!("the condition {condition} depends on a parameter without a value")
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
