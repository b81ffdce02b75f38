//! Evidence that no database role has a privilege that its function's routes do not need (SEC-4): its privileges are those
//! of the list in code.

use super::EvidenceSource::Database;
use super::Observation;
use crate::db::LOGINS;
use crate::db::privileges::{Privilege, differences, expected};

/// Differences that the evidence names; of more it gives the number.
const MAX_NAMED: usize = 5;

/// Compares the effective privileges of a database's roles with the list.
pub fn observe(found: Vec<Privilege>) -> Observation {
    let differences = differences(found);
    if differences.is_empty() {
        let (count, logins) = (expected().len(), LOGINS.len());
        let seen =
            format!("the {logins} functions' logins have the {count} privileges of the list in code, and no other");
        return Observation::judged("SEC-4", Database, true, seen);
    }
    let mut named: Vec<String> = differences.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    if let Some(more) = differences.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        named.push(format!("{more} more"));
    }
    Observation::judged("SEC-4", Database, false, named.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardening::Outcome;

    #[test]
    fn a_grant_too_many_and_a_missing_one_fail() {
        assert_eq!(observe(expected()).outcome, Outcome::Pass);
        for at in 0..expected().len() {
            let mut rest = expected();
            let missing = rest.remove(at);
            assert_eq!(observe(rest).outcome, Outcome::Fail, "{missing}");
        }
        let grant = Privilege {
            role: "holdfast_admin".to_owned(),
            object: "column users.password_hash".to_owned(),
            privilege: "SELECT".to_owned(),
        };
        let failed = observe([expected(), vec![grant]].concat());
        let seen = "unexpected: holdfast_admin SELECT on column users.password_hash";
        assert_eq!((failed.outcome, failed.evidence.as_str()), (Outcome::Fail, seen));
        assert!(observe(Vec::new()).evidence.ends_with("more"));
    }
}
