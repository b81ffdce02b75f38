//! The edge: the domain's TLS, the firewall, the throttles.

use holdfast_shared::hardening::{EvidenceSource, Observation};
use serde_json::Value;

use super::{Resource, Stack, is_true, judge, unless};

/// Every route group has a rate of its own.
const GROUPS: [&str; 3] = ["auth", "accounts", "admin"];

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    [domains(stack), vec![limits(stack)]].concat()
}

fn apis(stack: &Stack) -> impl Iterator<Item = &Resource> {
    stack.of("AWS::Serverless::Api").chain(stack.of("AWS::ApiGateway::RestApi"))
}

fn domains(stack: &Stack) -> Vec<Observation> {
    let modern = |value: Option<&Value>| {
        let policy = value.and_then(Value::as_str).unwrap_or_default();
        policy == "TLS_1_2" || policy.starts_with("SecurityPolicy_TLS13") || policy.starts_with("SecurityPolicy_TLS12")
    };
    let domains: Vec<_> = stack.of("AWS::ApiGateway::DomainName").collect();
    if domains.is_empty() {
        let why = "the API has no domain of its own, and the default address has a TLS policy that nobody chose";
        return vec![Observation::judged("EDGE-1", EvidenceSource::Template, false, why)];
    }
    let should = "TLS_1_2 or a policy of TLS 1.3";
    let mut seen: Vec<_> =
        domains.into_iter().map(|domain| judge("EDGE-1", domain, "/SecurityPolicy", modern, should)).collect();
    seen.extend(apis(stack).map(|api| judge("EDGE-1", api, "/DisableExecuteApiEndpoint", is_true, "true")));
    seen
}

fn limits(stack: &Stack) -> Observation {
    let mut against = Vec::new();
    let firewalls: Vec<_> = stack.of("AWS::WAFv2::WebACL").collect();
    let rules: Vec<&Value> =
        firewalls.iter().filter_map(|firewall| firewall.at("/Rules")?.as_array()).flatten().collect();
    let blocks = |rule: &&&Value| rule.pointer("/Action/Block").is_some();
    let rates: Vec<String> = rules
        .iter()
        .filter(blocks)
        .filter_map(|rule| rule.pointer("/Statement/RateBasedStatement"))
        .map(|rate| spelt_out(stack, rate))
        .collect();
    for group in GROUPS {
        if !rates.iter().any(|rate| rate.contains(group)) {
            against.push(format!("no rate rule of the firewall is about /{group}"));
        }
    }
    if !rules.iter().filter(blocks).any(|rule| rule.to_string().contains("SizeConstraintStatement")) {
        against.push("no rule of the firewall limits the size of a body".to_owned());
    }
    if !rules.iter().any(|rule| rule.pointer("/Statement/ManagedRuleGroupStatement").is_some()) {
        against.push("the firewall has no managed rule group".to_owned());
    }
    let before_stage =
        |association: &Resource| association.text("/ResourceArn").is_some_and(|arn| arn.contains("/stages/"));
    if !stack.of("AWS::WAFv2::WebACLAssociation").any(before_stage) {
        against.push("the firewall is associated with no stage of an API".to_owned());
    }
    let throttled = apis(stack).chain(stack.of("AWS::ApiGateway::Stage")).any(|api| {
        let settings = api.at("/MethodSettings").and_then(Value::as_array);
        settings.is_some_and(|settings| {
            settings.iter().any(|setting| setting.get("ThrottlingRateLimit").is_some_and(Value::is_number))
        })
    });
    if !throttled {
        against.push("the gateway throttles no method".to_owned());
    }
    let good = format!("{} rate rules, size rules, managed rules and throttles", rates.len());
    unless("EDGE-3", &against, good)
}

/// A statement with the patterns of the sets that it refers to.
fn spelt_out(stack: &Stack, statement: &Value) -> String {
    let mut text = statement.to_string();
    for set in stack.of("AWS::WAFv2::RegexPatternSet") {
        let name = set.name.rsplit('/').next().unwrap_or_default();
        if text.contains(&format!("${{{name}.Arn}}")) {
            text.push_str(&set.properties.to_string());
        }
    }
    text
}
