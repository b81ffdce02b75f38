//! The hardening checklist as code: what each line asks, what happens here without anyone configuring it, which tests prove
//! it, and what was found. `holdfast check` and `GET /admin/hardening` report from it, `docs/hardening.md` is written from it.
//!
//! A finding passes only on evidence. What nobody looked at, or what could not be judged, is never a pass, and no evidence
//! holds a secret or the name of a tenant or user.

mod catalogue;
mod database;
mod document;
mod settings;

use serde::Serialize;
use utoipa::ToSchema;

pub use catalogue::CATALOGUE;
pub use database::{Fact, SELECT, observe as observe_database};
pub use document::markdown;
pub use settings::{observe as observe_settings, observe_routes};

/// A line of the checklist.
#[derive(Debug)]
pub struct Row {
    /// Its id, such as `AUTH-1`.
    pub id: &'static str,
    /// Where the checklist has it.
    pub section: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// What happens without anyone configuring it.
    pub default: &'static str,
    /// What a finding looks at.
    pub looks_at: &'static str,
    /// How much a failure matters.
    pub severity: Severity,
    /// How a failure is mended.
    pub remediation: &'static str,
    /// Where it can be looked at.
    pub sources: &'static [EvidenceSource],
    /// The tests that prove the default: file and name.
    pub proofs: &'static [(&'static str, &'static str)],
}

/// How much a failure matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It weakens what other lines protect, or makes trouble harder to see.
    Low,
    /// It leaves a gap that takes another fault to be used.
    Medium,
    /// It can be used, or loses data, by itself.
    High,
}

/// Where something is looked at.
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

/// What is known of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds, as the evidence shows.
    Pass,
    /// It could not be judged, or nobody looked.
    Unknown,
    /// It does not hold.
    Fail,
}

impl Severity {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl EvidenceSource {
    /// Its name.
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

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The line that it is about.
    pub row: &'static str,
    /// Where.
    pub source: EvidenceSource,
    /// What it shows.
    pub outcome: Outcome,
    /// What was seen.
    pub evidence: String,
}

impl Observation {
    /// What was seen, and whether it is as it should be.
    pub fn judged(row: &'static str, source: EvidenceSource, holds: bool, evidence: impl Into<String>) -> Self {
        let outcome = if holds { Outcome::Pass } else { Outcome::Fail };
        Self { row, source, outcome, evidence: evidence.into() }
    }

    /// Why it could not be judged.
    pub fn unknown(row: &'static str, source: EvidenceSource, why: impl Into<String>) -> Self {
        Self { row, source, outcome: Outcome::Unknown, evidence: why.into() }
    }
}

/// What was found about a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The line's id.
    pub id: &'static str,
    /// How much a failure matters.
    pub severity: Severity,
    /// What is known.
    pub result: Outcome,
    /// What the line asks.
    pub asks: &'static str,
    /// What was seen, each with its place; first what decides.
    pub evidence: Vec<Evidence>,
    /// How a failure is mended.
    pub remediation: &'static str,
    /// Where it could be looked at too, and was not.
    pub not_looked_at: Vec<EvidenceSource>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HardeningEvidence)]
pub struct Evidence {
    /// Where.
    pub source: EvidenceSource,
    /// What it shows.
    pub result: Outcome,
    /// In words.
    pub seen: String,
}

/// A finding for each line of the catalogue, in its order. One observation that fails makes the line fail; one that could not
/// be judged keeps it from passing; without any it is unknown.
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
        not_looked_at: row.sources.iter().filter(|source| !looked_at(source)).copied().collect(),
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
    fn a_failure_decides_and_what_is_not_known_is_never_a_pass() {
        use Outcome::{Fail, Pass, Unknown};
        assert_eq!(result(&[]), Unknown);
        assert_eq!(result(&[Pass, Pass]), Pass);
        assert_eq!(result(&[Pass, Unknown]), Unknown);
        assert_eq!(result(&[Pass, Unknown, Fail]), Fail);
    }

    #[test]
    fn every_row_has_a_default_a_proof_a_mend_and_a_place_and_an_id_of_its_own() {
        for row in CATALOGUE {
            assert_eq!(CATALOGUE.iter().filter(|other| other.id == row.id).count(), 1, "{}", row.id);
            assert!(!row.sources.is_empty() && !row.proofs.is_empty(), "{}", row.id);
            for text in [row.section, row.asks, row.default, row.looks_at, row.remediation] {
                assert!(!text.is_empty(), "{}", row.id);
            }
        }
    }
}
