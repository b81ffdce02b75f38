//! The sample events of `events/`, with their stand-ins filled in.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::tools;

/// An event by its name, such as `accounts/create`, where each `{{name}}` in a text became its value.
pub fn event(name: &str, stand_ins: &[(&str, &str)]) -> Value {
    let mut event = read(&folder().join(name).with_extension("json"));
    fill(&mut event, stand_ins);
    let left = event.to_string();
    assert!(!left.contains("{{"), "{name} needs more stand-ins: {left}");
    event
}

/// The names of all events, in order.
pub fn names() -> Vec<String> {
    let functions = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = functions.flat_map(|function| fs::read_dir(function).unwrap().map(|entry| entry.unwrap().path()));
    let name = |path: PathBuf| path.strip_prefix(folder()).unwrap().with_extension("").to_str().unwrap().to_owned();
    let mut names: Vec<_> = files.map(name).collect();
    names.sort();
    names
}

/// An event as it is in its file.
pub fn unfilled(name: &str) -> Value {
    read(&folder().join(name).with_extension("json"))
}

fn folder() -> PathBuf {
    tools::workspace().join("events")
}

fn read(path: &std::path::Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fill(value: &mut Value, stand_ins: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            for (name, value) in stand_ins {
                *text = text.replace(&format!("{{{{{name}}}}}"), value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, stand_ins)),
        Value::Object(fields) => fields.values_mut().for_each(|value| fill(value, stand_ins)),
        _ => {}
    }
}
