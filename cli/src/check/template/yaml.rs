//! Converts `CloudFormation`'s YAML to JSON: short forms (`!Ref x`, `!GetAtt a.b`) become the long ones.

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// Parses a template.
///
/// # Errors
/// The text is not YAML, or holds something that JSON cannot express.
pub(super) fn parse(text: &str) -> anyhow::Result<Value> {
    convert(serde_yaml_ng::from_str(text).context("not YAML")?)
}

fn convert(yaml: Yaml) -> anyhow::Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) => real.into(),
            (None, None) => bail!("a number that JSON cannot express"),
        },
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(convert).collect::<anyhow::Result<Vec<_>>>()?.into(),
        Yaml::Mapping(pairs) => {
            let mut object = Map::new();
            for (key, value) in pairs {
                object.insert(name(key)?, convert(value)?);
            }
            object.into()
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            long_form(tag.trim_start_matches('!'), convert(tagged.value)?)
        }
    })
}

/// Converts a key to text: YAML reads `404:` as a number.
fn name(key: Yaml) -> anyhow::Result<String> {
    match convert(key)? {
        Value::String(text) => Ok(text),
        other @ (Value::Number(_) | Value::Bool(_)) => Ok(other.to_string()),
        _ => bail!("a key that is not text"),
    }
}

fn long_form(tag: &str, value: Value) -> Value {
    match (tag, value) {
        ("Ref" | "Condition", value) => json!({ tag: value }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            json!({"Fn::GetAtt": [resource, attribute]})
        }
        (tag, value) => json!({ format!("Fn::{tag}"): value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_ones() {
        let text =
            "a: !Ref B\nc: !GetAtt D.E.F\ng: !If [H, !Sub '${I}', !Ref AWS::NoValue]\nj: !Equals [!Ref K, '']\n404: {}";
        assert_eq!(
            parse(text).unwrap(),
            json!({
                "a": {"Ref": "B"},
                "c": {"Fn::GetAtt": ["D", "E.F"]},
                "g": {"Fn::If": ["H", {"Fn::Sub": "${I}"}, {"Ref": "AWS::NoValue"}]},
                "j": {"Fn::Equals": [{"Ref": "K"}, ""]},
                "404": {},
            })
        );
    }
}
