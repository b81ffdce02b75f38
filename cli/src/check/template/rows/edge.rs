//! The edge: the domain's TLS, the firewall, the throttles.

use std::collections::BTreeSet;

use holdfast_shared::hardening::{EvidenceSource, Observation};
use holdfast_shared::problem::Code;
use serde_json::{Map, Value};

use super::{Resource, Stack, is_false, is_true, judge, pass_unless};

/// Groups of routes, each with a rate of its own; the sign-in beside the rest of auth.
const GROUPS: [&str; 4] = ["auth", "auth/(login", "accounts", "admin"];

/// Status of a response to a body that is too large.
const PAYLOAD_TOO_LARGE: i64 = 413;

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    [domains(stack), vec![choices(stack), firewall(stack), throttles(stack), sign_in(stack), no_traces(stack)]].concat()
}

fn apis(stack: &Stack) -> impl Iterator<Item = &Resource> {
    stack.of("AWS::Serverless::Api").chain(stack.of("AWS::ApiGateway::RestApi"))
}

fn is_modern(policy: &str) -> bool {
    policy == "TLS_1_2" || policy.starts_with("SecurityPolicy_TLS13") || policy.starts_with("SecurityPolicy_TLS12")
}

/// The API has a domain with a modern TLS policy, and no other address.
fn domains(stack: &Stack) -> Vec<Observation> {
    let modern = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(is_modern);
    let domains: Vec<_> = stack.of("AWS::ApiGateway::DomainName").collect();
    if domains.is_empty() {
        let why = "the API has no domain of its own, and the TLS policy of the default address cannot be chosen";
        return vec![Observation::judged("EDGE-1", EvidenceSource::Template, false, why)];
    }
    let expected = "TLS_1_2 or a policy of TLS 1.3";
    let mut observations: Vec<_> =
        domains.into_iter().map(|domain| judge("EDGE-1", domain, "/SecurityPolicy", modern, expected)).collect();
    observations.extend(apis(stack).map(|api| judge("EDGE-1", api, "/DisableExecuteApiEndpoint", is_true, "true")));
    observations
}

/// No parameter allows an old TLS policy.
fn choices(stack: &Stack) -> Observation {
    let is_policy = |value: &str| value.starts_with("TLS_") || value.starts_with("SecurityPolicy_");
    let mut faults = Vec::new();
    for (parameter, values) in &stack.allowed_values {
        let old = values.iter().filter_map(Value::as_str).filter(|value| is_policy(value) && !is_modern(value));
        faults.extend(old.map(|value| format!("the parameter {parameter} allows {value}")));
    }
    pass_unless("EDGE-1", &faults, "no parameter allows an old TLS policy")
}

/// The firewall limits rates and body sizes, has managed rules, and stands before the API's stage.
fn firewall(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let firewalls: Vec<_> = stack.of("AWS::WAFv2::WebACL").collect();
    let rules: Vec<&Value> =
        firewalls.iter().filter_map(|firewall| firewall.at("/Rules")?.as_array()).flatten().collect();
    let blocks = |rule: &&&Value| rule.pointer("/Action/Block").is_some();
    let rates: Vec<String> = rules
        .iter()
        .filter(blocks)
        .filter_map(|rule| rule.pointer("/Statement/RateBasedStatement"))
        .map(|rate| with_patterns(stack, rate))
        .collect();
    for group in GROUPS {
        if !rates.iter().any(|rate| rate.contains(group)) {
            faults.push(format!("no rate rule of the firewall covers /{group}"));
        }
    }
    let sizes: Vec<_> =
        rules.iter().filter(blocks).filter(|rule| rule.to_string().contains("SizeConstraintStatement")).collect();
    let status = |rule: &Value| rule.pointer("/Action/Block/CustomResponse/ResponseCode").and_then(Value::as_i64);
    if sizes.is_empty() {
        faults.push("no rule of the firewall limits the size of a body".to_owned());
    } else if !sizes.iter().any(|rule| status(rule) == Some(PAYLOAD_TOO_LARGE)) {
        faults.push(format!("no size rule of the firewall responds with {PAYLOAD_TOO_LARGE}"));
    }
    if !rules.iter().any(|rule| rule.pointer("/Statement/ManagedRuleGroupStatement").is_some()) {
        faults.push("the firewall has no managed rule group".to_owned());
    }
    let before_stage =
        |association: &Resource| association.text("/ResourceArn").is_some_and(|arn| arn.contains("/stages/"));
    if !stack.of("AWS::WAFv2::WebACLAssociation").any(before_stage) {
        faults.push("the firewall is associated with no stage of an API".to_owned());
    }
    pass_unless("EDGE-3", &faults, format!("{} rate rules, size rules and managed rules", rates.len()))
}

/// Returns a statement with the patterns of the sets that it refers to.
fn with_patterns(stack: &Stack, statement: &Value) -> String {
    let mut text = statement.to_string();
    for set in stack.of("AWS::WAFv2::RegexPatternSet") {
        let name = set.name.rsplit('/').next().unwrap_or_default();
        if text.contains(&format!("${{{name}.Arn}}")) {
            text.push_str(&set.properties.to_string());
        }
    }
    text
}

/// Settings of the methods of an API.
fn method_settings(api: &Resource) -> impl Iterator<Item = &Value> {
    api.at("/MethodSettings").and_then(Value::as_array).into_iter().flatten()
}

/// The gateway throttles every method.
fn throttles(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let limits = ["ThrottlingRateLimit", "ThrottlingBurstLimit"];
    let throttled: Vec<_> = apis(stack)
        .chain(stack.of("AWS::ApiGateway::Stage"))
        .filter(|api| api.at("/MethodSettings").is_some())
        .collect();
    if throttled.is_empty() {
        faults.push("the gateway throttles no method".to_owned());
    }
    for api in &throttled {
        let everything = |setting: &Value| setting.get("ResourcePath").and_then(Value::as_str) == Some("/*");
        if !method_settings(api).any(everything) {
            faults.push(format!("{} has no settings for the path /*", api.name));
        }
        for setting in method_settings(api) {
            let path = setting.get("ResourcePath").and_then(Value::as_str).unwrap_or_default();
            let missing = limits.iter().filter(|limit| setting.get(**limit).is_none());
            faults.extend(missing.map(|limit| format!("{} has no {limit} for {path}", api.name)));
        }
    }
    for api in stack.of("AWS::Serverless::Api").filter(|api| api.at("/MethodSettings").is_none()) {
        faults.push(format!("{} has no MethodSettings", api.name));
    }
    pass_unless("EDGE-3", &faults, "the gateway throttles every method")
}

/// What the gateway throttles at the routes that check a password or a code leaves the other routes alone: they have paths of
/// their own in the gateway, and each of those a throttle of its own.
fn sign_in(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    let mut throttled = 0;
    let settings: Vec<&Value> =
        apis(stack).chain(stack.of("AWS::ApiGateway::Stage")).flat_map(method_settings).collect();
    for api in apis(stack) {
        let Some(paths) = ["/DefinitionBody/paths", "/Body/paths"].iter().find_map(|at| api.at(at)?.as_object()) else {
            continue;
        };
        let (mut checking, mut others) = (BTreeSet::new(), BTreeSet::new());
        for endpoint in crate::gateway::endpoints() {
            let checks = endpoint.route.rejections.contains(&Code::InvalidCredentials);
            let served_by = if checks { &mut checking } else { &mut others };
            served_by.extend(gateway_path(paths, endpoint.route.path));
        }
        for path in &checking {
            if others.contains(path) {
                faults.push(format!("{}: {path} serves sign-in and other routes under one throttle", api.name));
            }
            let setting = format!("/{}", path.replace('/', "~1"));
            let is_own =
                |setting_of: &Value| setting_of.get("ResourcePath").and_then(Value::as_str) == Some(setting.as_str());
            if !settings.iter().copied().any(is_own) {
                faults.push(format!("{} has no throttle of its own for {path}", api.name));
            }
        }
        throttled += checking.len();
    }
    pass_unless(
        "EDGE-3",
        &faults,
        format!("{throttled} paths that check a password or a code have their own throttles"),
    )
}

/// Returns the gateway's path that serves a route: the route's own, or the longest `{proxy+}` before it.
fn gateway_path<'a>(paths: &'a Map<String, Value>, route: &str) -> Option<&'a str> {
    let exact = paths.keys().find(|path| path.as_str() == route);
    let greedy =
        paths.keys().filter(|path| path.strip_suffix("{proxy+}").is_some_and(|start| route.starts_with(start)));
    exact.or_else(|| greedy.max_by_key(|path| path.len())).map(String::as_str)
}

/// The gateway never logs bodies.
fn no_traces(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    for api in apis(stack).chain(stack.of("AWS::ApiGateway::Stage")) {
        if method_settings(api).any(|setting| !is_false(setting.get("DataTraceEnabled"))) {
            faults.push(format!("{} logs the bodies of requests: DataTraceEnabled is not false", api.name));
        }
    }
    pass_unless("SEC-1", &faults, "the gateway logs no bodies")
}
