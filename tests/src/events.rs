//! The sample events of `events/`, with their placeholders filled in.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::tools;

/// Returns an event by its name, such as `accounts/create`, with each `{{name}}` in a text replaced by its value.
pub fn event(name: &str, placeholders: &[(&str, &str)]) -> Value {
    let mut event = read(&folder().join(name).with_extension("json"));
    fill(&mut event, placeholders);
    let left = event.to_string();
    assert!(!left.contains("{{"), "{name} needs more placeholders: {left}");
    event
}

/// Returns the names of all events, in order.
pub fn names() -> Vec<String> {
    let functions = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = functions.flat_map(|function| fs::read_dir(function).unwrap().map(|entry| entry.unwrap().path()));
    let name = |path: PathBuf| path.strip_prefix(folder()).unwrap().with_extension("").to_str().unwrap().to_owned();
    let mut names: Vec<_> = files.map(name).collect();
    names.sort();
    names
}

/// Returns an event as its file has it.
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

fn fill(value: &mut Value, placeholders: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            for (name, value) in placeholders {
                *text = text.replace(&format!("{{{{{name}}}}}"), value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, placeholders)),
        Value::Object(fields) => fields.values_mut().for_each(|value| fill(value, placeholders)),
        _ => {}
    }
}
