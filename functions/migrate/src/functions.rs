//! The SQL functions of `migrations/functions` as repeatable steps: after the versioned steps, every file whose
//! checksum differs from the one recorded is applied again, all of them in one transaction.
//!
//! A file states everything about its function: definition, comment, owner and grants. Grants of an earlier text are
//! revoked first.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_shared::clock::Clock;
use ring::digest;
use tokio_postgres::{Client, Transaction};

use crate::error::MigrateError;

/// Every function: its path below `migrations/functions`, which is its name, and its text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/functions.rs"));

/// Giving a function to another owner needs CREATE on the schema, which that role has in this transaction only.
const ALLOW_DEFINER: &str = "GRANT CREATE ON SCHEMA public TO holdfast_definer";
const FORBID_DEFINER: &str = "REVOKE CREATE ON SCHEMA public FROM holdfast_definer";

const HAS_HISTORY: &str = "SELECT to_regclass('public.repeatable_steps') IS NOT NULL AS found";
const APPLIED: &str = "SELECT name, checksum FROM repeatable_steps";
const RECORD: &str = "INSERT INTO repeatable_steps (name, checksum, applied_at) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at";

/// Statements that revoke what earlier texts of a function set: its owner and its grants.
const RESET: &str = "
    SELECT format('ALTER FUNCTION %s OWNER TO CURRENT_USER', p.oid::regprocedure) AS statement
      FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname = $1
    UNION ALL
    SELECT format('REVOKE ALL ON FUNCTION %s FROM %s', p.oid::regprocedure,
                  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
      FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
     WHERE p.pronamespace = 'public'::regnamespace AND p.proname = $1 AND a.grantee <> p.proowner";

/// A file of `migrations/functions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    name: String,
    sql: String,
}

impl Function {
    /// Creates a function from its file's path below `migrations/functions`, without the ending, and the file's text.
    pub fn new(name: &str, sql: &str) -> Self {
        Self { name: name.to_owned(), sql: sql.to_owned() }
    }

    /// Returns all functions of this build, each after those that its definition calls.
    pub(crate) fn embedded() -> Vec<Self> {
        let functions: Vec<Self> = EMBEDDED.iter().map(|(name, sql)| Self::new(name, sql)).collect();
        in_order(&functions)
    }

    /// Returns the name of the step in reports.
    pub(crate) fn step(&self) -> String {
        format!("functions/{}", self.name)
    }

    /// Returns the name of the SQL function that the file defines.
    pub fn defines(&self) -> &str {
        let definition = self.sql.split_once("CREATE OR REPLACE FUNCTION ").map_or("", |(_, rest)| rest);
        definition.split('(').next().unwrap_or_default().trim()
    }

    fn checksum(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.sql.as_bytes()).as_ref().to_vec()
    }
}

/// Sorts each function after those that it calls: PostgreSQL resolves the calls of a function in SQL when it is
/// created.
fn in_order(functions: &[Function]) -> Vec<Function> {
    let names: BTreeMap<String, usize> =
        functions.iter().enumerate().map(|(at, function)| (function.defines().to_owned(), at)).collect();
    let (mut done, mut order) = (BTreeSet::new(), Vec::with_capacity(functions.len()));
    for at in 0..functions.len() {
        visit(at, functions, &names, &mut done, &mut order);
    }
    order.into_iter().filter_map(|at| functions.get(at).cloned()).collect()
}

fn visit(
    at: usize,
    functions: &[Function],
    names: &BTreeMap<String, usize>,
    done: &mut BTreeSet<usize>,
    order: &mut Vec<usize>,
) {
    let Some(function) = functions.get(at).filter(|_| done.insert(at)) else { return };
    let words = function.sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let called: BTreeSet<usize> = words.filter_map(|word| names.get(word).copied()).collect();
    for other in called {
        visit(other, functions, names, done, order);
    }
    order.push(at);
}

/// Returns the functions whose text differs from the applied one, in order; all of them on a new database.
pub(crate) async fn pending<'a>(owner: &Client, functions: &'a [Function]) -> Result<Vec<&'a Function>, MigrateError> {
    let mut applied: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    if owner.query_one(HAS_HISTORY, &[]).await?.try_get("found")? {
        for row in owner.query(APPLIED, &[]).await? {
            applied.insert(row.try_get("name")?, row.try_get("checksum")?);
        }
    }
    Ok(functions.iter().filter(|function| applied.get(&function.name) != Some(&function.checksum())).collect())
}

/// Applies the functions that differ, in one transaction, and returns the names of the steps applied.
pub(crate) async fn apply(
    owner: &mut Client,
    functions: &[Function],
    clock: &dyn Clock,
) -> Result<Vec<String>, MigrateError> {
    let pending = pending(owner, functions).await?;
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = owner.transaction().await?;
    transaction.batch_execute(ALLOW_DEFINER).await?;
    for function in &pending {
        apply_one(&transaction, function).await.map_err(|error| {
            let cause = holdfast_shared::db::cause(&error).replace('\n', " ");
            MigrateError::Step(format!("error applying {}: {cause}", function.step()))
        })?;
        transaction.execute(RECORD, &[&function.name, &function.checksum(), &clock.now()]).await?;
    }
    transaction.batch_execute(FORBID_DEFINER).await?;
    transaction.commit().await?;
    Ok(pending.into_iter().map(Function::step).collect())
}

async fn apply_one(transaction: &Transaction<'_>, function: &Function) -> Result<(), tokio_postgres::Error> {
    for row in transaction.query(RESET, &[&function.defines()]).await? {
        transaction.batch_execute(row.try_get("statement")?).await?;
    }
    transaction.batch_execute(&function.sql).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_comes_after_those_that_it_calls() {
        let calls = Function::new("a/first", "CREATE OR REPLACE FUNCTION first() RETURNS int RETURN second(1)");
        let called = Function::new("b/second", "CREATE OR REPLACE FUNCTION second(n int) RETURNS int RETURN n");
        assert_eq!(in_order(&[calls.clone(), called.clone()]), [called, calls]);
    }

    #[test]
    fn every_embedded_file_defines_a_function_of_its_own() {
        let all = Function::embedded();
        let names: BTreeSet<&str> = all.iter().map(Function::defines).collect();
        assert!(all.len() > 50 && names.len() == all.len() && !names.contains(""), "{names:?}");
    }
}
