//! The sample events: one for every route, in the form in which the template's API passes it.

use holdfast_shared::route::Route;
use holdfast_tests::{events, tools};
use serde_json::Value;

fn routes() -> impl Iterator<Item = &'static Route> {
    let all = [holdfast::gateway::endpoints(), holdfast_console::endpoints()];
    all.into_iter().flatten().map(|endpoint| endpoint.route)
}

fn samples() -> Vec<(String, Value)> {
    let scheduled = |name: &str| {
        ["backup/", "maintenance/", "migrate/", "rotation/"].iter().any(|function| name.starts_with(function))
    };
    let names = events::names().into_iter().filter(|name| !scheduled(name));
    names.map(|name| (name.clone(), events::unfilled(&name))).collect()
}

/// Returns true if a sample's path, with its placeholders, matches this route.
fn matches(event: &Value, route: &Route) -> bool {
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (sample, template) = (segments(event["path"].as_str().unwrap()), segments(route.path));
    event["httpMethod"] == route.method.as_str()
        && sample.len() == template.len()
        && sample
            .iter()
            .zip(&template)
            .all(|(sample, template)| sample == template || (template.starts_with('{') && !sample.is_empty()))
}

#[test]
fn every_route_has_a_sample_event() {
    let samples = samples();
    let without = routes().filter(|route| !samples.iter().any(|(_, event)| matches(event, route)));
    let without: Vec<_> = without.map(|route| format!("{} {}", route.method, route.path)).collect();
    assert!(without.is_empty(), "write an event for {without:?}");
}

#[test]
fn every_sample_event_matches_one_route() {
    for (name, event) in samples() {
        assert_eq!(routes().filter(|route| matches(&event, route)).count(), 1, "{name}");
    }
}

#[test]
fn every_sample_event_uses_a_path_of_the_template() {
    let template = std::fs::read_to_string(tools::workspace().join("infra/edge.yaml")).unwrap();
    for (name, event) in samples() {
        let resource = event["resource"].as_str().unwrap();
        let path = format!("\n          {resource}:\n");
        assert!(template.contains(&path), "{name}: {resource} is not in infra/edge.yaml");

        // Repeated values of an event are equal.
        let proxy = resource
            .strip_suffix("{proxy+}")
            .map(|prefix| event["path"].as_str().unwrap().strip_prefix(prefix).unwrap());
        assert_eq!(event["pathParameters"]["proxy"].as_str(), proxy, "{name}");
        for (header, value) in event["headers"].as_object().unwrap() {
            assert_eq!(event["multiValueHeaders"][header], serde_json::json!([value]), "{name}: {header}");
        }
    }
}
