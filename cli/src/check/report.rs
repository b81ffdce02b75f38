//! Formats of a report: a table for people, JSON, and SARIF 2.1.0 (OASIS).

use std::fmt::Write as _;

use holdfast_shared::hardening::{CATALOGUE, Finding, Outcome, Severity};
use serde_json::{Value, json};

use super::Report;

/// Maximum width of evidence in the table, in characters; the other formats have all of it.
const MAX_WIDTH: usize = 110;

const fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "FAIL",
        Outcome::Unknown => "unknown",
    }
}

/// Formats one line for each finding with its deciding evidence, then the remediation of each failure.
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let seen = match finding.evidence.first() {
            Some(evidence) => cut(&format!("{}: {}", evidence.source.name(), evidence.seen)),
            None => "not checked".to_owned(),
        };
        let _ = writeln!(text, "{:<7} {:<6} {:<7} {seen}", finding.id, finding.severity.name(), result(finding.result));
    }
    for finding in report.findings.iter().filter(|finding| finding.result == Outcome::Fail) {
        let _ = write!(text, "\n{}: {}\n", finding.id, finding.asks);
        for evidence in finding.evidence.iter().filter(|evidence| evidence.result == Outcome::Fail) {
            let _ = writeln!(text, "  {}: {}", evidence.source.name(), evidence.seen);
        }
        let _ = writeln!(text, "  remediation: {}", finding.remediation);
    }
    for target in &report.not_checked {
        let _ = write!(text, "\nnot checked: {target}\n");
    }
    let count = |outcome| report.findings.iter().filter(|finding| finding.result == outcome).count();
    let _ = writeln!(
        text,
        "\n{} pass, {} fail, {} unknown.",
        count(Outcome::Pass),
        count(Outcome::Fail),
        count(Outcome::Unknown)
    );
    text
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_WIDTH {
        return text.to_owned();
    }
    text.chars().take(MAX_WIDTH - 3).chain("...".chars()).collect()
}

/// Formats the report as JSON, in the form of `GET /admin/hardening`.
pub fn json(report: &Report) -> Value {
    json!({"findings": report.findings, "not_checked": report.not_checked})
}

/// Formats the report as SARIF for code scanning: a rule for each row of the catalogue, a result for each finding.
pub fn sarif(report: &Report) -> Value {
    let rules: Vec<_> = CATALOGUE
        .iter()
        .map(|row| {
            json!({
                "id": row.id,
                "shortDescription": {"text": row.asks},
                "fullDescription": {"text": row.default},
                "help": {"text": row.remediation},
                "defaultConfiguration": {"level": level(row.severity)},
                "properties": {"section": row.section, "security-severity": score(row.severity)},
            })
        })
        .collect();
    let notifications: Vec<_> =
        report.not_checked.iter().map(|target| json!({"level": "error", "message": {"text": target}})).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "holdfast check", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": report.findings.iter().map(sarif_result).collect::<Vec<_>>(),
            "invocations": [{
                "executionSuccessful": report.not_checked.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
        }],
    })
}

fn sarif_result(finding: &Finding) -> Value {
    let (kind, level) = match finding.result {
        Outcome::Pass => ("pass", "none"),
        Outcome::Unknown => ("open", "none"),
        Outcome::Fail => ("fail", level(finding.severity)),
    };
    let seen: Vec<_> =
        finding.evidence.iter().map(|evidence| format!("{}: {}", evidence.source.name(), evidence.seen)).collect();
    let text = if seen.is_empty() { "Not checked.".to_owned() } else { seen.join("\n") };
    json!({
        "ruleId": finding.id,
        "ruleIndex": CATALOGUE.iter().position(|row| row.id == finding.id),
        "kind": kind,
        "level": level,
        "message": {"text": text},
        // A deployment has no file and line; the page describes each row of the catalogue.
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "docs/hardening.md"}, "region": {"startLine": 1}}}],
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// Returns the score by which code scanning sorts.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "2.0",
    }
}
