//! The privileges of the functions' database roles (SEC-4): the list in code, and the difference of a database's from it.
//! A grant that is missing from the list, or has no grant, fails a test and the checklist.

mod accounts;
mod admin;
mod auth;
mod backup;
mod definer;
mod health;
mod maintenance;
mod metrics;

use std::collections::BTreeMap;
use std::fmt;

use super::{FromRow, Sql};

/// Reads the effective privileges of the roles: columns `role`, `object`, `privilege`. Every login may.
pub const EFFECTIVE: Sql = Sql::unprepared(include_str!("effective.sql"));

/// A privilege that a role has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub struct Privilege {
    /// Role.
    pub role: String,
    /// Object, with its kind: `table users`, `column users.password_hash`, `function reject`.
    pub object: String,
    /// Privilege, in the words of SQL: `SELECT`. `OWNER` and `MEMBER` stand for all of an object's or role's.
    pub privilege: String,
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} on {}", self.role, self.privilege, self.object)
    }
}

/// The privileges that a role has, beside those of every login: to connect, and to use the schema.
struct RolePrivileges {
    role: &'static str,
    /// Privileges on whole tables, each with the tables.
    tables: &'static [(&'static str, &'static [&'static str])],
    /// Privileges on some columns of a table.
    columns: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Functions that it may execute.
    functions: &'static [&'static str],
    /// Functions that run with its rights, whoever calls them.
    owns: &'static [&'static str],
}

/// Every role that the migrations create.
const ROLES: [RolePrivileges; 8] = [
    auth::PRIVILEGES,
    accounts::PRIVILEGES,
    admin::PRIVILEGES,
    health::PRIVILEGES,
    metrics::PRIVILEGES,
    backup::PRIVILEGES,
    maintenance::PRIVILEGES,
    definer::PRIVILEGES,
];

impl RolePrivileges {
    fn all(&self) -> impl Iterator<Item = Privilege> {
        let login: &[_] = if self.role == definer::PRIVILEGES.role {
            &[]
        } else {
            &[("attribute", "LOGIN"), ("database", "CONNECT")]
        };
        let login = login.iter().chain(&[("schema public", "USAGE")]);
        let login = login.map(|(object, privilege)| ((*object).to_owned(), *privilege));
        let tables = self
            .tables
            .iter()
            .flat_map(|(privilege, tables)| tables.iter().map(move |table| (format!("table {table}"), *privilege)));
        let columns = self.columns.iter().flat_map(|(privilege, table, columns)| {
            columns.iter().map(move |column| (format!("column {table}.{column}"), *privilege))
        });
        let functions = self.functions.iter().map(|name| (format!("function {name}"), "EXECUTE"));
        let owned = self.owns.iter().map(|name| (format!("function {name}"), "OWNER"));
        let role = self.role;
        login.chain(tables).chain(columns).chain(functions).chain(owned).map(move |(object, privilege)| Privilege {
            role: role.to_owned(),
            object,
            privilege: privilege.to_owned(),
        })
    }
}

/// The privileges of the list.
pub fn expected() -> Vec<Privilege> {
    ROLES.iter().flat_map(RolePrivileges::all).collect()
}

/// A privilege that the list and a database do not agree on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrivilegeDifference {
    /// The role has it, and the list does not.
    Unexpected(Privilege),
    /// The list has it, and the role does not.
    Missing(Privilege),
}

impl fmt::Display for PrivilegeDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected(privilege) => write!(f, "unexpected: {privilege}"),
            Self::Missing(privilege) => write!(f, "missing: {privilege}"),
        }
    }
}

/// The differences of the privileges found in a database from the list, in order.
pub fn differences(found: impl IntoIterator<Item = Privilege>) -> Vec<PrivilegeDifference> {
    let mut counts: BTreeMap<Privilege, i64> = BTreeMap::new();
    for privilege in found {
        *counts.entry(privilege).or_default() += 1;
    }
    for privilege in expected() {
        *counts.entry(privilege).or_default() -= 1;
    }
    let mut differences: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(privilege, count)| match count {
            ..0 => PrivilegeDifference::Missing(privilege),
            _ => PrivilegeDifference::Unexpected(privilege),
        })
        .collect();
    differences.sort();
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::LOGINS;

    #[test]
    fn the_list_has_each_login_once_and_no_privilege_twice() {
        for login in LOGINS {
            assert_eq!(ROLES.iter().filter(|role| role.role == login.role).count(), 1, "{}", login.role);
        }
        assert_eq!(differences(expected()), []);
        let mut all = expected();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_privilege_too_many_a_missing_one_and_an_overload_differ() {
        let found = Privilege {
            role: "holdfast_health".to_owned(),
            object: "table users".to_owned(),
            privilege: "SELECT".to_owned(),
        };
        assert_eq!(differences([expected(), vec![found.clone()]].concat()), [PrivilegeDifference::Unexpected(found)]);
        for (at, privilege) in expected().into_iter().enumerate() {
            let mut rest = expected();
            rest.remove(at);
            assert_eq!(differences(rest), [PrivilegeDifference::Missing(privilege.clone())]);
            let twice = [expected(), vec![privilege.clone()]].concat();
            assert_eq!(differences(twice), [PrivilegeDifference::Unexpected(privilege)]);
        }
    }
}
