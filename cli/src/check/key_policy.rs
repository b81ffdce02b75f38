//! The rules for policies of KMS keys, the same for a key of a template and for one of an account: who may use a key is in its
//! own policy, and is a service or named roles, each for what it needs.

use std::collections::BTreeSet;

use serde_json::Value;

/// Operations that use a key, or let others use it. The rest reads or administers it.
const USES: [&str; 12] = [
    "kms:creategrant",
    "kms:decrypt",
    "kms:derivesharedsecret",
    "kms:encrypt",
    "kms:generatedatakey",
    "kms:generatedatakeypair",
    "kms:generatedatakeywithoutplaintext",
    "kms:generatemac",
    "kms:reencryptfrom",
    "kms:reencryptto",
    "kms:sign",
    "kms:verifymac",
];

/// Condition keys that restrict a whole account to what it does through a service of AWS.
const VIA: &str = "kms:ViaService";
const PURPOSE: &str = "kms:EncryptionContext:purpose";
const TENANT: &str = "kms:EncryptionContext:tenant";
const CONTEXT: &str = "kms:EncryptionContextKeys";

/// Returns the faults of a key's policy: none if there is no other way to use the key than the policy's roles and services.
pub(super) fn faults(key: &str, policy: Option<&Value>) -> Vec<String> {
    let statements = policy.and_then(|policy| policy.get("Statement")).and_then(Value::as_array);
    let Some(statements) = statements else {
        return vec![format!("{key} has no policy of its own: any policy of IAM may allow its use")];
    };
    let allowed: Vec<_> = statements.iter().filter(|statement| text(statement, "Effect") == Some("Allow")).collect();
    let mut faults = Vec::new();
    let separates = allowed.iter().any(|statement| condition(statement, PURPOSE).is_some());
    for statement in &allowed {
        let sid = text(statement, "Sid").unwrap_or("a statement");
        if statement.get("NotAction").is_some() || statement.get("NotPrincipal").is_some() {
            faults.push(format!("{key}: {sid} allows all but some"));
            continue;
        }
        let uses = uses(statement);
        if uses.is_empty() {
            continue;
        }
        let everyone = principals(statement).iter().any(|principal| is_account(principal));
        if everyone && condition(statement, VIA).is_none() {
            faults.push(format!("{key}: {sid} lets a whole account use it; any policy of IAM may do so then"));
        }
        if separates && !of_one_tenant(statement) {
            faults.push(format!("{key}: {sid} does not ask for a tenant and a purpose"));
        }
    }
    let signers = signers(policy);
    if signers.len() > 1 {
        let signers: Vec<_> = signers.into_iter().collect();
        faults.push(format!("{key}: more than one may sign: {}", signers.join(", ")));
    }
    faults
}

/// Returns who may sign with a key.
fn signers(policy: Option<&Value>) -> BTreeSet<String> {
    let statements = policy.and_then(|policy| policy.get("Statement")).and_then(Value::as_array);
    let signs = |statement: &&Value| text(statement, "Effect") == Some("Allow") && uses(statement).contains("kms:sign");
    statements.into_iter().flatten().filter(signs).flat_map(principals).map(str::to_owned).collect()
}

/// Returns the operations that a statement allows and that use the key, in lower case.
pub(super) fn uses(statement: &Value) -> BTreeSet<&'static str> {
    let patterns = texts(statement.get("Action"));
    let matches = |operation: &&'static str| {
        patterns.iter().any(|pattern| {
            let pattern = pattern.to_lowercase();
            pattern == **operation || pattern.strip_suffix('*').is_some_and(|start| operation.starts_with(start))
        })
    };
    USES.into_iter().filter(matches).collect()
}

/// Returns the accounts, roles and users that a statement names, and `*` for everybody; services are left out.
fn principals(statement: &Value) -> Vec<&str> {
    match statement.get("Principal") {
        Some(Value::String(everybody)) => vec![everybody],
        Some(principal) => texts(principal.get("AWS")),
        None => Vec::new(),
    }
}

/// Returns whether a principal is everybody, or all of an account: its root, or its number.
fn is_account(principal: &str) -> bool {
    principal == "*" || principal.ends_with(":root") || principal.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a statement asks for a purpose and a tenant in the encryption context, and nothing beside them.
fn of_one_tenant(statement: &Value) -> bool {
    let named = |kind: &str, key: &str| statement.pointer(&format!("/Condition/{kind}/{key}"));
    let purpose = named("StringEquals", PURPOSE).is_some_and(|purpose| !texts(Some(purpose)).contains(&"*"));
    let tenant = named("StringEquals", TENANT).is_some()
        || named("Null", TENANT).and_then(Value::as_str).is_some_and(|null| null == "false");
    purpose && tenant && named("ForAllValues:StringEquals", CONTEXT).is_some()
}

/// Finds a condition key under any operator.
fn condition<'a>(statement: &'a Value, key: &str) -> Option<&'a Value> {
    statement.get("Condition")?.as_object()?.values().find_map(|operator| operator.get(key))
}

fn text<'a>(statement: &'a Value, name: &str) -> Option<&'a str> {
    statement.get(name).and_then(Value::as_str)
}

/// Reads a text or a list of texts.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROOT: &str = "arn:aws:iam::123456789012:root";

    fn allows(principal: &Value, action: &Value, condition: Option<Value>) -> Value {
        let mut statement = json!({"Sid": "It", "Effect": "Allow", "Principal": principal, "Action": action});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    }

    fn of(statements: &[Value]) -> Vec<String> {
        faults("key", Some(&json!({"Statement": statements})))
    }

    #[test]
    fn an_account_administers_but_does_not_use_a_key() {
        let role = json!({"AWS": "arn:aws:iam::123456789012:role/auth"});
        assert!(
            of(&[
                allows(&json!({"AWS": ROOT}), &json!(["kms:PutKeyPolicy", "kms:DescribeKey"]), None),
                allows(&role, &json!("kms:Sign"), None),
                allows(&json!({"Service": "logs.amazonaws.com"}), &json!("kms:GenerateDataKey*"), None),
            ])
            .is_empty()
        );
        let via = json!({"StringEquals": {"kms:ViaService": "rds.eu-central-1.amazonaws.com"}});
        assert!(of(&[allows(&json!({"AWS": ROOT}), &json!("kms:Decrypt"), Some(via))]).is_empty());
        for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ROOT}), json!({"AWS": ["123456789012"]})] {
            for action in ["*", "kms:*", "kms:Sign", "kms:SIGN", "kms:Gen*", "kms:ReEncrypt*", "kms:CreateGrant"] {
                let found = of(&[allows(&principal, &json!([action]), None)]);
                assert!(found[0].contains("lets a whole account use it"), "{principal} {action}: {found:?}");
            }
        }
    }

    #[test]
    fn a_key_needs_a_policy_without_exceptions_and_with_one_signer() {
        assert_eq!(faults("key", None).len(), 1);
        assert_eq!(faults("key", Some(&json!({}))).len(), 1);
        let other = json!({"Effect": "Allow", "Principal": {"AWS": ROOT}, "NotAction": "kms:Sign"});
        assert_eq!(of(&[other]), ["key: a statement allows all but some"]);
        let role = |name: &str| json!({"AWS": format!("arn:aws:iam::123456789012:role/{name}")});
        let two = of(&[allows(&role("a"), &json!("kms:Sign"), None), allows(&role("b"), &json!("kms:Sign"), None)]);
        assert!(two[0].contains("more than one may sign"), "{two:?}");
    }

    #[test]
    fn a_key_with_purposes_asks_each_of_its_users_for_one_and_for_a_tenant() {
        let role = json!({"AWS": "arn:aws:iam::123456789012:role/accounts"});
        let whole = json!({
            "StringEquals": {PURPOSE: "secret"},
            "Null": {TENANT: "false"},
            "ForAllValues:StringEquals": {CONTEXT: ["purpose", "tenant"]},
        });
        let statement = |condition: Value| allows(&role, &json!("kms:Decrypt"), Some(condition));
        assert!(of(&[statement(whole.clone())]).is_empty());
        for missing in ["StringEquals", "Null", "ForAllValues:StringEquals"] {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(missing);
            let found = of(&[statement(whole.clone()), statement(less)]);
            assert_eq!(found, ["key: It does not ask for a tenant and a purpose"], "{missing}");
        }
        let any = of(&[statement(whole), allows(&role, &json!("kms:GenerateDataKey"), None)]);
        assert_eq!(any.len(), 1);
    }
}
