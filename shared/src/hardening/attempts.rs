//! Evidence that attempts are counted before they are evaluated (AUTH-5): the database's functions that count are those of
//! this build.

use super::EvidenceSource::Database;
use super::Observation;
use crate::schema::{SchemaObject, expected};

/// The functions that count: those that the others call, and those that the functions' logins call.
const COUNTING: [&str; 12] = [
    "attempt_limit(",
    "attempt_wait(",
    "take_attempt(",
    "give_back_attempt(",
    "own_attempt_keys(",
    "take_own_attempt(",
    "give_back_own_attempt(",
    "fail_own_attempt(",
    "is_known_address(",
    "look_up_sign_in(",
    "give_back_sign_in(",
    "complete_sign_in(",
];

/// Compares the functions that count attempts in a database, whose objects `found` are, with those of the migrations.
pub fn observe(found: &[SchemaObject]) -> Observation {
    let counting = |objects: &[SchemaObject]| -> Vec<SchemaObject> {
        let counts = |object: &&SchemaObject| {
            object.kind == "function" && COUNTING.iter().any(|name| object.name.starts_with(name))
        };
        objects.iter().filter(counts).cloned().collect()
    };
    let (expected, found) = (counting(&expected()), counting(found));
    let differs = |object: &&SchemaObject| !found.contains(object);
    let mut changed: Vec<&str> = expected.iter().filter(differs).map(|object| object.name.as_str()).collect();
    changed.extend(found.iter().filter(|object| !expected.contains(object)).map(|object| object.name.as_str()));
    changed.sort_unstable();
    changed.dedup();
    let holds = changed.is_empty() && expected.len() == COUNTING.len();
    let seen = if holds {
        format!("the {} functions that count attempts are those of this build", expected.len())
    } else {
        format!("these functions count attempts in another way than this build's: {}", changed.join(", "))
    };
    Observation::judged("AUTH-5", Database, holds, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardening::Outcome;

    #[test]
    fn a_function_that_is_missing_changed_or_overloaded_fails() {
        assert_eq!(observe(&expected()).outcome, Outcome::Pass);
        for name in COUNTING {
            let rest: Vec<_> = expected().into_iter().filter(|object| !object.name.starts_with(name)).collect();
            assert_eq!(observe(&rest).outcome, Outcome::Fail, "{name}");
        }
        let other = SchemaObject {
            kind: "function".to_owned(),
            name: "take_attempt(text)".to_owned(),
            definition: "owned by somebody".to_owned(),
        };
        assert_eq!(observe(&[expected(), vec![other]].concat()).outcome, Outcome::Fail);
    }
}
