//! `holdfast admin document`: the documents in `docs/` that are generated from code. A test holds each of them current.

use clap::{Args, ValueEnum};
use holdfast::standards;
use holdfast_shared::{hardening, openapi};

use super::print;

/// Print a document of docs/ that is generated from code
#[derive(Args)]
pub(super) struct Document {
    /// The document
    #[arg(value_enum)]
    name: Name,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// The `OpenAPI` document of all routes: docs/openapi.json
    Openapi,
    /// Roles, scopes and the permission of each route: docs/permissions.md
    Permissions,
    /// The catalogue of hardening controls: docs/hardening.md
    Hardening,
    /// OWASP ASVS 5.0, each requirement with its test or its exception: docs/asvs.md
    Asvs,
    /// The API Security Top 10 and the CWE Top 25: docs/weaknesses.md
    Weaknesses,
}

impl Document {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.name {
            Name::Openapi => {
                let endpoints = holdfast::gateway::endpoints();
                let document = openapi::document(endpoints.iter().map(|endpoint| endpoint.route));
                print(&format!("{}\n", serde_json::to_string_pretty(&document)?))
            }
            Name::Permissions => print(&holdfast::permissions::document()),
            Name::Hardening => print(&hardening::markdown()),
            Name::Asvs => print(&standards::asvs()?),
            Name::Weaknesses => print(&standards::weaknesses()?),
        }
    }
}
