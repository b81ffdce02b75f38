//! `docs/hardening.md`, generated from the catalogue.

use std::fmt::Write as _;

use super::{CATALOGUE, Row};

const HEAD: &str = "# The hardening checklist

Every line of the checklist is code: it holds by default, tests prove that it does, and `holdfast check` (with `GET
/admin/hardening`) checks whether it holds in a deployment. `holdfast admin document hardening` generates this page from the catalogue
in `shared/src/hardening`; a test fails where it is out of date, or where a line has no default, no proof or no remediation.

A finding is `pass`, `fail` or `unknown`. It passes on evidence only: one observation that fails makes the line fail, and one
that cannot be judged, such as a value that a template gets only when it is deployed, keeps it from passing.
";

/// Returns the page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    let mut section = "";
    for row in CATALOGUE {
        if row.section != section {
            section = row.section;
            let _ = write!(page, "\n## {section}\n");
        }
        write_row(&mut page, row);
    }
    page
}

fn write_row(page: &mut String, row: &Row) {
    let _ = write!(
        page,
        "\n### {}: {}\n\nSeverity {}.\n\n- **Default.** {}\n- **Checks.** {}\n- **Remediation.** {}\n- **Proofs.** ",
        row.id,
        row.asks,
        row.severity.name(),
        row.default,
        row.looks_at,
        row.remediation
    );
    let proofs: Vec<String> = row.proofs.iter().map(|(file, test)| format!("`{file}`: `{test}`")).collect();
    let _ = writeln!(page, "{}", proofs.join("; "));
}
