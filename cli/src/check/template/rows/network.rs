//! The network: private subnets without a route to the internet, and security groups that refer to each other.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::secrets::has_no_login;
use super::{Stack, functions, is_true, number, pass_unless};

/// Resources that would give the network a route to the internet.
const WAYS_OUT: [&str; 4] =
    ["AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::Route"];

pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    vec![private(stack), by_reference(stack), not_open(stack)]
}

/// Every function that uses the database is in a subnet, and no subnet reaches the internet.
fn private(stack: &Stack) -> Observation {
    let outside =
        functions(stack).filter(|function| !has_no_login(function) && function.at("/VpcConfig/SubnetIds").is_none());
    let mut faults: Vec<_> = outside.map(|function| format!("{} is in no subnet", function.name)).collect();
    for subnet in stack.of("AWS::EC2::Subnet").filter(|subnet| is_true(subnet.at("/MapPublicIpOnLaunch"))) {
        faults.push(format!("{} assigns public addresses", subnet.name));
    }
    for way_out in WAYS_OUT.iter().flat_map(|kind| stack.of(kind)) {
        faults.push(format!("{} is a route to the internet", way_out.name));
    }
    pass_unless(
        "SEC-3",
        &faults,
        "every function that uses the database is in private subnets, without a route to the internet",
    )
}

/// Security groups admit each other by reference, never by address. [`not_open`] judges what is open to the world, unless it
/// reaches the database.
fn by_reference(stack: &Stack) -> Observation {
    let mut faults = Vec::new();
    for (name, rule) in ingress(stack) {
        let by_address = rule.get("CidrIp").is_some() || rule.get("CidrIpv6").is_some();
        if reaches_database(rule) && by_address {
            faults.push(format!("{name} admits addresses, and not a security group, to the database"));
        } else if !is_open(rule) && (by_address || rule.get("SourceSecurityGroupId").is_none()) {
            faults.push(format!("{name} does not admit a security group by reference"));
        }
    }
    pass_unless("SEC-3", &faults, "security groups admit each other by reference")
}

/// No port is open to the world.
fn not_open(stack: &Stack) -> Observation {
    let open = ingress(stack).into_iter().filter(|(_, rule)| is_open(rule));
    let faults: Vec<_> = open.map(|(name, _)| format!("{name} is open to the world")).collect();
    pass_unless("OBS-2", &faults, "no port is open to the world")
}

fn is_open(rule: &Value) -> bool {
    let admits = |field: &str, everyone: &str| rule.get(field).and_then(Value::as_str) == Some(everyone);
    admits("CidrIp", "0.0.0.0/0") || admits("CidrIpv6", "::/0")
}

/// Checks whether a rule admits to PostgreSQL's port: by itself, in a range, or with all protocols.
fn reaches_database(rule: &Value) -> bool {
    const PORT: i64 = 5432;
    let every = rule.get("IpProtocol").is_some_and(|protocol| protocol.as_str() == Some("-1") || protocol == -1);
    let (from, to) = (number(rule.get("FromPort")), number(rule.get("ToPort")));
    every || (from.is_some_and(|from| from <= PORT) && to.is_none_or(|to| to >= PORT))
}

/// Returns every ingress rule, with the name of its resource.
fn ingress(stack: &Stack) -> Vec<(&str, &Value)> {
    let own = stack.of("AWS::EC2::SecurityGroupIngress").map(|rule| (rule.name.as_str(), &rule.properties));
    let inline = stack.of("AWS::EC2::SecurityGroup").flat_map(|group| {
        let rules = group.at("/SecurityGroupIngress").and_then(Value::as_array);
        rules.into_iter().flatten().map(|rule| (group.name.as_str(), rule))
    });
    own.chain(inline).collect()
}
