//! A stack as its templates describe it: parameters filled in, nested stacks followed, SAM's globals merged, functions
//! resolved as far as can be known. What it holds is judged in [`rows`].

mod deploy;
mod resolve;
pub mod rows;
mod worlds;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use resolve::Scope;
use resolve::why_unknown;
use worlds::World;

/// `Name=value`, as a parameter is given on a command line.
///
/// # Errors
/// There is no `=` in it.
pub fn parameter(text: &str) -> Result<(String, String), String> {
    deploy::pair(text).ok_or_else(|| format!("{text} is not NAME=VALUE"))
}

/// A template nests no deeper: one that includes itself must not run for ever.
const DEEPEST: usize = 8;

/// A resource of a stack or of its nested stacks.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name, after those of the nested stacks that it is in.
    pub name: String,
    /// Its `CloudFormation` type.
    pub kind: String,
    /// Its properties, with functions resolved.
    pub properties: Value,
}

/// A stack and all that is nested in it.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// Every resource.
    pub resources: Vec<Resource>,
    /// The folder of the root template's repository, where the workflow and runbooks lie.
    pub root: PathBuf,
    /// What had to be supposed for it to have these resources, and how.
    pub supposed: BTreeMap<String, bool>,
    /// What it may be as well, where conditions go another way.
    pub otherwise: Vec<Stack>,
}

/// Reads a template with all that it nests, in every way that its conditions may go.
///
/// # Errors
/// A file cannot be read, or is no template. Too much depends on parameters without values.
pub fn load(path: &Path, overrides: &BTreeMap<String, String>, environment: Option<&str>) -> anyhow::Result<Stack> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut given = match environment {
        Some(name) => deploy::parameters(&folder.join("samconfig.toml"), name)?,
        None => BTreeMap::new(),
    };
    given.extend(overrides.iter().map(|(name, value)| (name.clone(), value.clone())));
    let given = given.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let mut stacks = worlds::each(|world| {
        let mut stack = Stack { root: folder.join(".."), ..Stack::default() };
        read(path, &given, "", DEEPEST, world, &mut stack.resources)?;
        Ok(stack)
    })?
    .into_iter();
    let first = stacks.next().unwrap_or_default();
    Ok(Stack { otherwise: stacks.collect(), ..first })
}

/// Adds the resources of a template, and gives its outputs.
fn read(
    path: &Path,
    given: &BTreeMap<String, Value>,
    prefix: &str,
    deepest: usize,
    world: &World,
    into: &mut Vec<Resource>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let template = yaml::parse(&text).with_context(|| format!("{} is no template", path.display()))?;
    let empty = Map::new();
    let part = |name: &str| template.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let resources = part("Resources");
    if resources.is_empty() {
        bail!("{} is no template: it has no Resources", path.display());
    }
    if deepest == 0 {
        bail!("{} is nested too deep", path.display());
    }
    let parameters = parameters(part("Parameters"), given);
    let globals = template.pointer("/Globals/Function").cloned().unwrap_or_default();
    let mut children = BTreeMap::new();
    // In rounds, for what one gives out may be another's parameter.
    let mut waiting: Vec<_> = resources.iter().filter(|(_, resource)| nested(resource).is_some()).collect();
    while !waiting.is_empty() {
        let scope = Scope { template: &template, parameters: &parameters, children: &children, world };
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, resource)| !waits_for_another(resource, resources, &children));
        if let (true, Some((name, _))) = (ready.is_empty(), later.first()) {
            bail!("{}: {name} waits for what waits for it", path.display());
        }
        let mut made = BTreeMap::new();
        for (name, resource) in ready {
            let outputs = match nested(resource).filter(|_| scope.exists(resource)) {
                Some(location) => {
                    let values = scope.resolve(resource.pointer("/Properties/Parameters").unwrap_or(&Value::Null));
                    // What is not known stays so: the child's own default would be a guess.
                    let values = values.as_object().cloned().unwrap_or_default().into_iter().collect();
                    let file = path.parent().unwrap_or(Path::new(".")).join(location);
                    read(&file, &values, &format!("{prefix}{name}/"), deepest - 1, world, into)?
                }
                None => BTreeMap::new(),
            };
            made.insert(name.clone(), outputs);
        }
        children.extend(made);
        waiting = later;
    }
    let scope = Scope { template: &template, parameters: &parameters, children: &children, world };
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
        });
    }
    let outputs = part("Outputs")
        .iter()
        .map(|(name, output)| (name.clone(), scope.resolve(output.get("Value").unwrap_or(&Value::Null))));
    Ok(outputs.collect())
}

/// The values of parameters: given, or their defaults. What has neither is left out.
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

/// Where a nested stack's template is; none where the resource is none, or its template is elsewhere.
fn nested(resource: &Value) -> Option<&str> {
    let field = match resource.get("Type")?.as_str()? {
        "AWS::Serverless::Application" => "Location",
        "AWS::CloudFormation::Stack" => "TemplateURL",
        _ => return None,
    };
    resource.pointer("/Properties")?.get(field)?.as_str().filter(|location| !location.contains("://"))
}

/// Whether a nested stack takes what another gives out that was not read yet.
fn waits_for_another(
    resource: &Value,
    resources: &Map<String, Value>,
    read: &BTreeMap<String, BTreeMap<String, Value>>,
) -> bool {
    let text = resource.to_string();
    let others = resources.iter().filter(|(name, other)| nested(other).is_some() && !read.contains_key(*name));
    others.into_iter().any(|(name, _)| text.contains(&format!("[\"{name}\",\"Outputs.")))
}

/// A function's own properties over the globals; maps such as the environment's variables are joined.
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
    /// The stack in every way that it may be.
    fn worlds(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.otherwise)
    }

    /// Resources of a type that it has in every way that it may be.
    pub fn surely<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        let always =
            |resource: &&Resource| self.otherwise.iter().all(|other| other.of(kind).any(|it| it.name == resource.name));
        self.of(kind).filter(always)
    }

    /// Resources of a type.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }
}

impl Resource {
    /// A property by its path, such as `/VpcConfig/SubnetIds`.
    pub fn at(&self, path: &str) -> Option<&Value> {
        self.properties.pointer(path)
    }

    /// A property that is a text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Value::as_str)
    }
}
