//! The file of each route follows from its method and path, in Rust and, where a statement is a function, in SQL:
//!
//! 1. The static segments of the path count. `{parameters}` and a trailing `.json` are dropped, `-` becomes `_`, and the
//!    first segment is dropped if it names the function (`auth`, `admin`, `accounts`, `.well-known`).
//! 2. A path is a *resource* if it ends in a parameter, if the route table has several methods on it, or a path below it.
//!    Its folder is the remaining segments; `/accounts` itself has the folder `accounts`. The file is named after the
//!    verb: `list`, `create`, `read`, `put`, `update` or `delete`.
//! 3. Any other path is a *leaf*. The file is named after its last segment, in the folder of the resource above it.

use std::collections::BTreeSet;

use holdfast_shared::route::Route;
use holdfast_tests::source;
use holdfast_tests::tools;

/// The first segments of paths that only name the function.
const FUNCTION_SEGMENTS: [&str; 4] = ["auth", "admin", "accounts", ".well-known"];

/// The functions whose first segment is a resource as well, with its folder.
const OWN_RESOURCES: [&str; 1] = ["accounts"];

/// Returns the function that serves a path.
fn function(path: &str) -> &str {
    match path.split('/').nth(1).unwrap_or_default() {
        ".well-known" => "auth",
        "healthz" | "readyz" => "health",
        name => name,
    }
}

/// Returns the static segments of a path that make up its file, without the function's name.
fn segments(path: &str) -> Vec<String> {
    let mut segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && !part.starts_with('{')).collect();
    if segments.first().is_some_and(|first| FUNCTION_SEGMENTS.contains(first)) {
        segments.remove(0);
    }
    segments.iter().map(|segment| segment.trim_end_matches(".json").replace(['-', '.'], "_")).collect()
}

fn is_resource(path: &str, table: &[&Route]) -> bool {
    let below = format!("{path}/");
    path.ends_with('}')
        || table.iter().filter(|route| route.path == path).count() > 1
        || table.iter().any(|route| route.path.starts_with(&below))
}

/// Returns the file of a route below the function's `src`, without the extension.
fn file(route: &Route, table: &[&Route]) -> String {
    let mut parts = segments(route.path);
    let first = function(route.path);
    let resource = is_resource(route.path, table);
    let depth = usize::from(!resource);
    if OWN_RESOURCES.contains(&first) && parts.len() == depth {
        parts.insert(0, first.to_owned());
    }
    if resource {
        let verb = match (route.method.as_str(), route.path.ends_with('}')) {
            ("GET", true) => "read",
            ("GET", false) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "put",
            ("PATCH", _) => "update",
            ("DELETE", _) => "delete",
            (method, _) => panic!("no verb for {method} {}", route.path),
        };
        parts.push(verb.to_owned());
    }
    parts.join("/")
}

/// Returns true if the text declares the route: `Route::get("/path"`, with any line breaks.
fn declares(text: &str, route: &Route) -> bool {
    let method = route.method.as_str().to_lowercase();
    let squeezed: String = text.split_whitespace().collect();
    squeezed.contains(&format!("Route::{method}(\"{}\"", route.path))
}

fn table() -> Vec<&'static Route> {
    holdfast::gateway::endpoints().iter().map(|endpoint| endpoint.route).collect()
}

#[test]
fn the_file_of_every_route_follows_from_its_method_and_path() {
    let table = table();
    let mut wrong = Vec::new();
    for route in &table {
        let path = format!("functions/{}/src/{}.rs", function(route.path), file(route, &table));
        let text = std::fs::read_to_string(tools::workspace().join(&path)).unwrap_or_default();
        if !declares(&text, route) {
            wrong.push(format!("{} {} belongs in {path}", route.method, route.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_of_a_route_has_one_route() {
    let table = table();
    let files: BTreeSet<_> = table.iter().map(|route| (function(route.path), file(route, &table))).collect();
    assert_eq!(files.len(), table.len());
}

#[test]
fn a_route_calls_the_sql_function_at_the_same_place() {
    let table = table();
    let functions = source::files("migrations/functions", "sql");
    let mut wrong = Vec::new();
    for route in &table {
        let file = file(route, &table);
        let Some(sql) = functions.iter().find(|sql| sql.path == format!("migrations/functions/{file}.sql")) else {
            continue;
        };
        let name = super::sql_files::defined(&sql.text).into_iter().next().unwrap_or_default();
        let path = format!("functions/{}/src/{file}.rs", function(route.path));
        let text = std::fs::read_to_string(tools::workspace().join(&path)).unwrap_or_default();
        if !text.contains(&format!("{name}(")) {
            wrong.push(format!("{path} does not call {name}(), which {} defines", sql.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_rule_gives_the_files_of_the_architecture() {
    let table = table();
    for (method, path, expected) in [
        ("GET", "/accounts", "accounts/list"),
        ("POST", "/accounts", "accounts/create"),
        ("PATCH", "/accounts/{id}", "accounts/update"),
        ("POST", "/accounts/{id}/restore", "accounts/restore"),
        ("PUT", "/accounts/{id}/secrets/{name}", "secrets/put"),
        ("GET", "/accounts/{id}/secrets/{name}/value", "secrets/value"),
        ("GET", "/accounts/{id}/secrets/{name}/versions", "secrets/versions/list"),
        ("POST", "/accounts/{id}/secrets/{name}/versions/{n}/restore", "secrets/versions/restore"),
        ("POST", "/admin/users/{id}/revoke", "users/revoke"),
        ("GET", "/admin/audit", "audit/list"),
        ("GET", "/admin/audit/verify", "audit/verify"),
        ("POST", "/admin/keys/rotate", "keys/rotate"),
        ("GET", "/admin/status", "status"),
        ("POST", "/auth/login", "login"),
        ("DELETE", "/auth/sessions/{id}", "sessions/delete"),
        ("POST", "/auth/mfa/totp", "mfa/totp/create"),
        ("POST", "/auth/mfa/recovery-codes", "mfa/recovery_codes"),
        ("POST", "/auth/step-up", "step_up"),
        ("POST", "/auth/mfa/totp/confirm", "mfa/totp/confirm"),
        ("POST", "/auth/browser/refresh", "browser/refresh"),
        ("GET", "/.well-known/audit-jwks.json", "audit_jwks"),
        ("GET", "/healthz", "healthz"),
        ("GET", "/metrics", "metrics"),
    ] {
        let route = table.iter().find(|route| route.method == method && route.path == path);
        assert_eq!(file(route.unwrap_or_else(|| panic!("no route {method} {path}")), &table), expected);
    }
}
