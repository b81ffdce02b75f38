//! The versioned steps of `migrations/`, embedded, and which of them are major.

use refinery::{Migration, Runner};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Prefix of the first line of a major step, before the reason why it is major.
const MAJOR: &str = "-- major:";

/// Steps in order, numbered from 1 without a gap.
#[derive(Debug, Clone)]
pub struct Steps(Vec<Migration>);

impl Steps {
    /// Returns the steps of this build.
    pub fn embedded() -> Self {
        let mut steps = embedded::migrations::runner().get_migrations().clone();
        steps.sort();
        Self(steps)
    }

    /// Keeps the steps up to a version, as an earlier build had them.
    #[must_use]
    pub fn up_to(mut self, version: i32) -> Self {
        self.0.retain(|step| step.version() <= version);
        self
    }

    /// Adds a step, named as its file without the ending.
    ///
    /// # Errors
    /// The name is not `V`, a number, two underscores and words.
    pub fn and(mut self, name: &str, sql: &str) -> Result<Self, refinery::Error> {
        self.0.push(Migration::unapplied(name, sql)?);
        Ok(self)
    }

    /// Returns the version that the schema has after all steps; 0 without any.
    pub fn newest(&self) -> i32 {
        self.0.iter().map(Migration::version).max().unwrap_or(0)
    }

    pub(crate) fn get(&self, version: i32) -> Option<&Migration> {
        self.0.iter().find(|step| step.version() == version)
    }

    pub(crate) fn after(&self, version: i32) -> impl Iterator<Item = &Migration> {
        self.0.iter().filter(move |step| step.version() > version)
    }

    pub(crate) fn runner(&self) -> Runner {
        Runner::new(&self.0)
    }
}

/// Returns the reason why a step is major: it removes something that only a backup can restore, such as a column.
/// `None` for any other step.
pub(crate) fn major(step: &Migration) -> Option<&str> {
    step.sql()?.lines().next()?.strip_prefix(MAJOR).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_a_gap_and_the_build_serves_the_newest_and_the_one_before() {
        let steps = Steps::embedded();
        let versions: Vec<i32> = steps.0.iter().map(Migration::version).collect();
        assert_eq!(versions, (1..=steps.newest()).collect::<Vec<_>>());
        assert_eq!(holdfast_shared::db::SCHEMA_VERSIONS, steps.newest() - 1..=steps.newest());
    }

    #[test]
    fn a_step_is_major_by_its_first_line_only() {
        let reason = |sql| major(&Migration::unapplied("V1__step", sql).unwrap()).map(str::to_owned);
        assert_eq!(reason("-- major: drops accounts.note\nSELECT 1").as_deref(), Some("drops accounts.note"));
        assert_eq!(reason("-- Adds a column.\n-- major: no\nSELECT 1"), None);
    }
}
