//! Sign-in: the roles that need a second factor.

use holdfast_shared::hardening::Observation;
use serde_json::Value;

use super::{functions, judge, pass_unless};
use crate::check::template::Stack;

const ROLES: &str = "/Environment/Variables/REQUIRE_MFA_ROLES";

/// Without the variable, or where it is empty, the functions require them of operators and admins.
pub(super) fn observe(stack: &Stack) -> Vec<Observation> {
    let required = |value: Option<&Value>| {
        let roles = value.and_then(Value::as_str).unwrap_or("none");
        let names = |role: &str| roles.split(',').any(|named| named.trim() == role);
        roles.is_empty() || (names("operator") && names("admin"))
    };
    let choosing = functions(stack).filter(|function| function.at(ROLES).is_some());
    let mut seen: Vec<_> =
        choosing.map(|function| judge("AUTH-4", function, ROLES, required, "operator,admin or more")).collect();
    if seen.is_empty() {
        seen.push(pass_unless("AUTH-4", &[], "no function sets REQUIRE_MFA_ROLES: operators and admins need codes"));
    }
    seen
}
