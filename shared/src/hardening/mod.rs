//! The hardening checklist as code: the requirement of each line, its default without any configuration, the tests that prove
//! it, and the findings. `holdfast check` and `GET /admin/hardening` report from it; `docs/hardening.md` is generated from it.
//!
//! A finding passes only on evidence. A line that was not checked, or could not be judged, never passes, and no evidence
//! contains a secret or the name of a tenant or user.

mod attempts;
mod catalogue;
mod database;
mod document;
mod privileges;
mod settings;

use serde::Serialize;
use utoipa::ToSchema;

pub use attempts::observe as observe_attempts;
pub use catalogue::CATALOGUE;
pub use database::{Fact, SELECT, observe as observe_database};
pub use document::markdown;
pub use privileges::observe as observe_privileges;
pub use settings::{observe as observe_settings, observe_routes};

/// A line of the checklist.
#[derive(Debug)]
pub struct Row {
    /// Id, such as `AUTH-1`.
    pub id: &'static str,
    /// Section of the checklist.
    pub section: &'static str,
    /// Requirement.
    pub asks: &'static str,
    /// Behaviour without any configuration.
    pub default: &'static str,
    /// Evidence that a finding is based on.
    pub looks_at: &'static str,
    /// Severity of a failure.
    pub severity: Severity,
    /// Remediation of a failure.
    pub remediation: &'static str,
    /// Sources of evidence.
    pub sources: &'static [EvidenceSource],
    /// Tests that prove the default: file and name.
    pub proofs: &'static [(&'static str, &'static str)],
}

/// Severity of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It weakens the protection of other lines, or hides problems.
    Low,
    /// It is exploitable together with another fault.
    Medium,
    /// It is exploitable, or loses data, by itself.
    High,
}

/// Source of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceSource {
    /// The settings, and the route table of this build.
    Configuration,
    /// The live database.
    Database,
    /// The infrastructure's templates and what lies beside them.
    Template,
    /// The running service, over HTTP.
    Url,
    /// The functions and alarms as AWS has them.
    Stack,
}

/// Result of an observation, or of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds, as the evidence shows.
    Pass,
    /// It could not be judged, or was not checked.
    Unknown,
    /// It does not hold.
    Fail,
}

impl Severity {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl EvidenceSource {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Database => "database",
            Self::Template => "template",
            Self::Url => "url",
            Self::Stack => "stack",
        }
    }
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Id of the line that it concerns.
    pub row: &'static str,
    /// Source.
    pub source: EvidenceSource,
    /// Result.
    pub outcome: Outcome,
    /// Description of what was found.
    pub evidence: String,
}

impl Observation {
    /// Creates an observation that passes where the line holds, and else fails.
    pub fn judged(row: &'static str, source: EvidenceSource, holds: bool, evidence: impl Into<String>) -> Self {
        let outcome = if holds { Outcome::Pass } else { Outcome::Fail };
        Self { row, source, outcome, evidence: evidence.into() }
    }

    /// Creates an observation that could not be judged, with the reason.
    pub fn unknown(row: &'static str, source: EvidenceSource, why: impl Into<String>) -> Self {
        Self { row, source, outcome: Outcome::Unknown, evidence: why.into() }
    }
}

/// Finding about a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// Id of the line.
    pub id: &'static str,
    /// Severity of a failure.
    pub severity: Severity,
    /// Result.
    pub result: Outcome,
    /// Requirement of the line.
    pub asks: &'static str,
    /// Evidence; the decisive piece first.
    pub evidence: Vec<Evidence>,
    /// Remediation of a failure.
    pub remediation: &'static str,
    /// Sources that were not checked.
    pub not_checked: Vec<EvidenceSource>,
}

/// A piece of evidence of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HardeningEvidence)]
pub struct Evidence {
    /// Source.
    pub source: EvidenceSource,
    /// Result.
    pub result: Outcome,
    /// Description of what was found.
    pub seen: String,
}

/// Returns a finding for each line of the catalogue, in its order. One observation that fails makes the line fail; one that
/// could not be judged keeps it from passing; without any observation the line is unknown.
pub fn findings(observations: &[Observation]) -> Vec<Finding> {
    CATALOGUE.iter().map(|row| finding(row, observations)).collect()
}

fn finding(row: &'static Row, observations: &[Observation]) -> Finding {
    let mut seen: Vec<_> = observations.iter().filter(|observation| observation.row == row.id).collect();
    seen.sort_by_key(|observation| (std::cmp::Reverse(observation.outcome), observation.source));
    let result = seen.first().map_or(Outcome::Unknown, |worst| worst.outcome);
    let looked_at = |source: &&EvidenceSource| seen.iter().any(|observation| observation.source == **source);
    Finding {
        id: row.id,
        severity: row.severity,
        result,
        asks: row.asks,
        not_checked: row.sources.iter().filter(|source| !looked_at(source)).copied().collect(),
        evidence: seen
            .into_iter()
            .map(|Observation { source, outcome, evidence, .. }| Evidence {
                source: *source,
                result: *outcome,
                seen: evidence.clone(),
            })
            .collect(),
        remediation: row.remediation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(outcomes: &[Outcome]) -> Outcome {
        let observations: Vec<_> = outcomes
            .iter()
            .map(|outcome| Observation {
                row: "EDGE-1",
                source: EvidenceSource::Template,
                outcome: *outcome,
                evidence: String::new(),
            })
            .collect();
        findings(&observations).into_iter().find(|finding| finding.id == "EDGE-1").unwrap().result
    }

    #[test]
    fn one_failure_decides_and_an_unknown_result_never_passes() {
        use Outcome::{Fail, Pass, Unknown};
        assert_eq!(result(&[]), Unknown);
        assert_eq!(result(&[Pass, Pass]), Pass);
        assert_eq!(result(&[Pass, Unknown]), Unknown);
        assert_eq!(result(&[Pass, Unknown, Fail]), Fail);
    }

    #[test]
    fn every_row_has_a_default_a_proof_a_remediation_a_source_and_a_unique_id() {
        for row in CATALOGUE {
            assert_eq!(CATALOGUE.iter().filter(|other| other.id == row.id).count(), 1, "{}", row.id);
            assert!(!row.sources.is_empty() && !row.proofs.is_empty(), "{}", row.id);
            for text in [row.section, row.asks, row.default, row.looks_at, row.remediation] {
                assert!(!text.is_empty(), "{}", row.id);
            }
        }
    }
}
