//! `docs/openapi.json` and `docs/permissions.md` match the code.

use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_document_in_docs_is_current() {
    let endpoints = holdfast::gateway::endpoints();
    let document = holdfast_shared::openapi::document(endpoints.iter().map(|endpoint| endpoint.route));
    let mut now = document.to_pretty_json().unwrap();
    now.push('\n');
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "docs/openapi.json is out of date: `cargo run -- admin document openapi > docs/openapi.json`");
}

#[test]
fn the_permissions_in_docs_are_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/permissions.md");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == holdfast::permissions::document(),
        "docs/permissions.md is out of date: `cargo run -- admin document permissions > docs/permissions.md`"
    );
}

#[test]
fn every_operation_has_a_summary_and_a_unique_id() {
    let endpoints = holdfast::gateway::endpoints();
    let actions: BTreeSet<_> = endpoints.iter().map(|endpoint| endpoint.route.action).collect();
    assert_eq!(actions.len(), endpoints.len());
    assert!(endpoints.iter().all(|endpoint| !endpoint.route.summary.is_empty()));
}

#[test]
fn no_two_schemas_share_a_name() {
    let endpoints = holdfast::gateway::endpoints();
    let bodies = endpoints.iter().flat_map(|endpoint| [&endpoint.route.body, &endpoint.route.response]).flatten();
    let mut seen = BTreeMap::<_, BTreeSet<_>>::new();
    for (name, schema) in bodies.flat_map(holdfast_shared::route::BodySchema::all) {
        seen.entry(name).or_default().insert(serde_json::to_string(&schema).unwrap());
    }
    let shared: Vec<_> = seen.iter().filter(|(_, schemas)| schemas.len() > 1).collect();
    assert!(shared.is_empty(), "{shared:#?}");
}
