//! Reads a stack from its templates: parameters set, nested stacks followed, SAM's globals merged, functions resolved as far as
//! they can be known. [`rows`] holds the rules; `assignments` explains undecided conditions.

mod assignments;
mod deploy;
mod resolve;
pub mod rows;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use assignments::Assignment;
use resolve::{Scope, why_unknown};

/// Parses `Name=value`, a parameter on the command line.
///
/// # Errors
/// There is no `=`.
pub fn parameter(text: &str) -> Result<(String, String), String> {
    deploy::pair(text).ok_or_else(|| format!("{text} is not NAME=VALUE"))
}

/// Limit of nesting, which ends the reading of a template that includes itself.
const MAX_DEPTH: usize = 8;

/// A resource of a stack or of its nested stacks.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Logical id, with those of its nested stacks as a prefix: `Functions/AuthFunction`.
    pub name: String,
    /// `CloudFormation` type.
    pub kind: String,
    /// Properties, with functions resolved.
    pub properties: Value,
    /// `DeletionPolicy`.
    pub deletion_policy: Option<String>,
    /// `UpdateReplacePolicy`.
    pub update_replace_policy: Option<String>,
}

/// A stack with everything nested in it.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// All resources.
    pub resources: Vec<Resource>,
    /// Folder of the root template's repository, which holds the workflow and the runbooks.
    pub root: PathBuf,
    /// Values that the root template allows for its parameters.
    pub allowed_values: BTreeMap<String, Vec<Value>>,
    /// Assumed results of undecided comparisons under which it has these resources.
    pub assumed: BTreeMap<String, bool>,
    /// The stack under every other condition assignment.
    pub alternatives: Vec<Stack>,
}

/// Reads a template and the templates nested in it, under every condition assignment.
///
/// # Errors
/// A file cannot be read or is not a template. Too many conditions are undecided.
pub fn load(path: &Path, overrides: &BTreeMap<String, String>, environment: Option<&str>) -> anyhow::Result<Stack> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut given = match environment {
        Some(name) => deploy::parameters(&folder.join("samconfig.toml"), name)?,
        None => BTreeMap::new(),
    };
    given.extend(overrides.iter().map(|(name, value)| (name.clone(), value.clone())));
    let given = given.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let allowed_values = allowed_values(path)?;
    let mut stacks = assignments::read_under_each(|assignment| {
        let mut stack = Stack { root: folder.join(".."), allowed_values: allowed_values.clone(), ..Stack::default() };
        read(path, &given, "", MAX_DEPTH, assignment, &mut stack.resources)?;
        Ok(stack)
    })?
    .into_iter();
    let first = stacks.next().unwrap_or_default();
    Ok(Stack { alternatives: stacks.collect(), ..first })
}

/// Reads a file.
fn parse(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    yaml::parse(&text).with_context(|| format!("{} is not a template", path.display()))
}

/// Returns the allowed values of a template's parameters.
fn allowed_values(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<Value>>> {
    let template = parse(path)?;
    let parameters = template.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    let allowed = |(name, parameter): (&String, &Value)| {
        Some((name.clone(), parameter.get("AllowedValues")?.as_array()?.clone()))
    };
    Ok(parameters.filter_map(allowed).collect())
}

/// Adds the resources of a template, and returns its outputs.
fn read(
    path: &Path,
    given: &BTreeMap<String, Value>,
    prefix: &str,
    depth: usize,
    assignment: &Assignment,
    into: &mut Vec<Resource>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let template = parse(path)?;
    let empty = Map::new();
    let part = |name: &str| template.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let resources = part("Resources");
    if resources.is_empty() {
        bail!("{} is not a template: it has no Resources", path.display());
    }
    if depth == 0 {
        bail!("{} is nested too deeply", path.display());
    }
    let parameters = parameters(part("Parameters"), given);
    let globals = template.pointer("/Globals/Function").cloned().unwrap_or_default();
    let mut children = BTreeMap::new();
    // In rounds, because an output of one nested stack may be a parameter of another.
    let mut waiting: Vec<_> = resources.iter().filter(|(_, resource)| nested(resource).is_some()).collect();
    while !waiting.is_empty() {
        let scope = Scope { template: &template, parameters: &parameters, children: &children, assignment };
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, resource)| !waits_for_another(resource, resources, &children));
        if ready.is_empty() {
            let names: Vec<&str> = later.iter().map(|(name, _)| name.as_str()).collect();
            bail!("{}: circular dependency between nested stacks: {}", path.display(), names.join(", "));
        }
        let mut read_now = BTreeMap::new();
        for (name, resource) in ready {
            let outputs = match nested(resource).filter(|_| scope.exists(resource)) {
                Some(location) => {
                    let values = scope.resolve(resource.pointer("/Properties/Parameters").unwrap_or(&Value::Null));
                    // An unknown value stays unknown: the child's default would be a guess.
                    let values = values.as_object().cloned().unwrap_or_default().into_iter().collect();
                    let file = path.parent().unwrap_or(Path::new(".")).join(location);
                    read(&file, &values, &format!("{prefix}{name}/"), depth - 1, assignment, into)?
                }
                None => BTreeMap::new(),
            };
            read_now.insert(name.clone(), outputs);
        }
        children.extend(read_now);
        waiting = later;
    }
    let scope = Scope { template: &template, parameters: &parameters, children: &children, assignment };
    for (name, resource) in resources {
        if nested(resource).is_some() || !scope.exists(resource) {
            continue;
        }
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        let own = resource.get("Properties").cloned().unwrap_or_default();
        let whole = if kind == "AWS::Serverless::Function" { merged(&globals, &own) } else { own };
        into.push(Resource {
            name: format!("{prefix}{name}"),
            kind: kind.to_owned(),
            properties: scope.resolve(&whole),
            deletion_policy: policy(resource, "DeletionPolicy"),
            update_replace_policy: policy(resource, "UpdateReplacePolicy"),
        });
    }
    let outputs = part("Outputs")
        .iter()
        .map(|(name, output)| (name.clone(), scope.resolve(output.get("Value").unwrap_or(&Value::Null))));
    Ok(outputs.collect())
}

fn policy(resource: &Value, attribute: &str) -> Option<String> {
    resource.get(attribute).and_then(Value::as_str).map(str::to_owned)
}

/// Returns the values of parameters: given, or their defaults. A parameter with neither is left out.
fn parameters(declared: &Map<String, Value>, given: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let value = |(name, parameter): (&String, &Value)| {
        let value = given.get(name).or_else(|| parameter.get("Default"))?;
        let list = parameter.get("Type").and_then(Value::as_str).is_some_and(|kind| kind.contains("List"));
        let value = match value {
            Value::String(text) if list => text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect(),
            other => other.clone(),
        };
        Some((name.clone(), value))
    };
    declared.iter().filter_map(value).collect()
}

/// Returns the location of a nested stack's template; none if the resource is not a nested stack or its template is not a file.
fn nested(resource: &Value) -> Option<&str> {
    let field = match resource.get("Type")?.as_str()? {
        "AWS::Serverless::Application" => "Location",
        "AWS::CloudFormation::Stack" => "TemplateURL",
        _ => return None,
    };
    resource.pointer("/Properties")?.get(field)?.as_str().filter(|location| !location.contains("://"))
}

/// Checks whether a nested stack uses an output of another one that was not read yet.
fn waits_for_another(
    resource: &Value,
    resources: &Map<String, Value>,
    read: &BTreeMap<String, BTreeMap<String, Value>>,
) -> bool {
    let text = resource.to_string();
    let others = resources.iter().filter(|(name, other)| nested(other).is_some() && !read.contains_key(*name));
    others.into_iter().any(|(name, _)| text.contains(&format!("[\"{name}\",\"Outputs.")))
}

/// Merges a function's properties over SAM's globals; maps such as the environment's variables are joined.
fn merged(globals: &Value, own: &Value) -> Value {
    match (globals, own) {
        (Value::Object(globals), Value::Object(own)) if !is_function(own) && !is_function(globals) => {
            let mut whole = globals.clone();
            for (name, value) in own {
                let value = whole.get(name).map_or_else(|| value.clone(), |global| merged(global, value));
                whole.insert(name.clone(), value);
            }
            whole.into()
        }
        (Value::Array(globals), Value::Array(own)) => json!([globals.as_slice(), own.as_slice()].concat()),
        (globals, Value::Null) => globals.clone(),
        (_, own) => own.clone(),
    }
}

fn is_function(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.keys().all(|name| name == "Ref" || name.starts_with("Fn::"))
}

impl Stack {
    /// The stack under every condition assignment.
    fn assignments(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.alternatives)
    }

    /// Adds the resources of another stack that is deployed beside this one, under all of its own assignments.
    #[must_use]
    pub fn beside(self, other: &Self) -> Self {
        let joined = |one: &Self, other: &Self| {
            let mut one = Self { alternatives: Vec::new(), ..one.clone() };
            one.resources.extend(other.resources.iter().cloned());
            one.allowed_values.extend(other.allowed_values.clone());
            one.assumed.extend(other.assumed.clone());
            one
        };
        let mut all = self.assignments().flat_map(|one| other.assignments().map(move |other| joined(one, other)));
        let first = all.next().unwrap_or_default();
        let alternatives = all.collect();
        Self { alternatives, ..first }
    }

    /// Resources of a type that exist under every condition assignment.
    pub fn surely<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        let always = |resource: &&Resource| {
            self.alternatives.iter().all(|other| other.of(kind).any(|it| it.name == resource.name))
        };
        self.of(kind).filter(always)
    }

    /// Resources of a type.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }
}

impl Resource {
    /// Property by its path, such as `/VpcConfig/SubnetIds`.
    pub fn at(&self, path: &str) -> Option<&Value> {
        self.properties.pointer(path)
    }

    /// Property by its path, if it is a text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Value::as_str)
    }
}
