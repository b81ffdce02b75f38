//! Modules import each other in one direction, so that each can be read after those that it needs.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_tests::source::{self, SourceFile};
use regex::Regex;

/// The modules that a module imports.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Returns the path of a file's module within its crate, such as `db/param`; empty for the crate's root.
fn module(crate_folder: &str, file: &SourceFile) -> String {
    let path = file.path.trim_start_matches(crate_folder).trim_start_matches('/').trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if matches!(path, "lib" | "main" | "mod") { String::new() } else { path.to_owned() }
}

/// Returns the paths that a text uses below `crate::` or `super::`, as modules and items separated by `/`.
fn imports(file: &SourceFile, module: &str) -> Vec<String> {
    let text = file.without_tests();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let path = Regex::new(r"\b(crate|(?:super::)*super)::((?:[a-z0-9_]+::)*)(\{[^;]*?\}|[A-Za-z0-9_]+)").unwrap();
    let first_word = Regex::new(r"^\s*([a-z0-9_]+)").unwrap();
    let mut found = Vec::new();
    for captures in path.captures_iter(&code) {
        let ups = if &captures[1] == "crate" { None } else { Some(captures[1].matches("super").count()) };
        let mut base: Vec<&str> = match ups {
            None => Vec::new(),
            Some(ups) => {
                let parts: Vec<&str> = module.split('/').collect();
                parts[..parts.len().saturating_sub(ups)].to_vec()
            }
        };
        base.extend(captures[2].split("::").filter(|part| !part.is_empty()));
        let imported = &captures[3];
        let items: Vec<&str> = match imported.strip_prefix('{') {
            None => vec![imported],
            Some(list) => list
                .split(',')
                .filter_map(|item| first_word.captures(item).and_then(|word| word.get(1)).map(|word| word.as_str()))
                .collect(),
        };
        if items.is_empty() {
            found.push(base.join("/"));
        }
        for item in items {
            found.push([base.clone(), vec![item]].concat().join("/"));
        }
    }
    found
}

/// Returns the imports between the modules of a crate, each reduced to a group.
fn graph(crate_folder: &str, group: impl Fn(&str) -> Option<String>) -> Graph {
    let files = source::files(crate_folder, "rs");
    let modules: BTreeSet<String> = files.iter().map(|file| module(crate_folder, file)).collect();
    let mut graph = Graph::new();
    for file in &files {
        let from = module(crate_folder, file);
        let Some(source) = group(&from) else { continue };
        for import in imports(file, &from) {
            // The longest prefix of the path that is a module; the rest is an item in it.
            let mut target = import.as_str();
            while !modules.contains(target) {
                target = target.rsplit_once('/').map_or("", |(parent, _)| parent);
            }
            if let Some(target) = group(target).filter(|target| *target != source) {
                graph.entry(source.clone()).or_default().insert(target);
            }
        }
    }
    graph
}

/// Returns a cycle in the graph, if there is one.
fn cycle(graph: &Graph) -> Option<Vec<String>> {
    fn visit(graph: &Graph, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
        let current = path.last()?.clone();
        for next in graph.get(&current).into_iter().flatten() {
            if let Some(at) = path.iter().position(|module| module == next) {
                return Some([&path[at..], std::slice::from_ref(next)].concat());
            }
            if !done.contains(next) {
                path.push(next.clone());
                if let Some(found) = visit(graph, path, done) {
                    return Some(found);
                }
                path.pop();
            }
        }
        done.insert(current);
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| visit(graph, &mut vec![start.clone()], &mut done))
}

fn top_level(module: &str) -> Option<String> {
    module.split('/').next().filter(|top| !top.is_empty()).map(str::to_owned)
}

#[track_caller]
fn assert_no_cycle(crate_folder: &str, group: impl Fn(&str) -> Option<String>) {
    let graph = graph(crate_folder, group);
    assert!(!graph.is_empty(), "{crate_folder} has no imports");
    assert_eq!(cycle(&graph).map(|cycle| cycle.join(" -> ")), None, "{crate_folder}");
}

#[test]
fn configuration_database_and_identity_do_not_import_each_other_in_a_cycle() {
    assert_no_cycle("shared/src", |module| {
        top_level(module).filter(|top| ["config", "db", "identity"].contains(&top.as_str()))
    });
}

#[test]
fn the_verbs_of_users_do_not_import_each_other_in_a_cycle() {
    // The crate's root and a folder's `mod.rs` may name every module of theirs.
    let folders: BTreeSet<String> = source::files("functions/admin/src", "rs")
        .iter()
        .filter(|file| matches!(file.stem(), "mod" | "lib" | "main"))
        .map(|file| module("functions/admin/src", file))
        .collect();
    assert_no_cycle("functions/admin/src", |module| {
        Some(module.to_owned()).filter(|module| !folders.contains(module) || module == "users")
    });
}

#[test]
fn the_modules_of_maintenance_do_not_import_each_other_in_a_cycle() {
    assert_no_cycle("functions/maintenance/src", top_level);
}

#[test]
fn the_data_folder_and_the_cluster_do_not_import_each_other_in_a_cycle() {
    assert_no_cycle("cli/src", |module| {
        top_level(module).filter(|top| ["data_dir", "cluster"].contains(&top.as_str()))
    });
}

#[test]
fn imports_are_found_in_every_form() {
    let text =
        "use crate::db::{self, Statement, param::Param};\nuse super::keys;\nfn f() { crate::config::expose() }\n";
    let file = SourceFile { path: String::new(), text: text.to_owned() };
    let expected = ["db/self", "db", "db/param", "identity/keys", "config/expose"];
    let found = imports(&file, "identity/token");
    assert!(found.iter().any(|path| path == expected[2]) && found.contains(&expected[3].to_owned()), "{found:?}");
    assert!(found.contains(&expected[4].to_owned()), "{found:?}");
    let edges = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(cycle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert_eq!(
        cycle(&edges(&[("a", "b"), ("b", "c"), ("c", "b")])).map(|cycle| cycle.join(" ")),
        Some("b c b".to_owned())
    );
}
