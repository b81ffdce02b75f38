//! `holdfast openapi`: the contract as the code has it.

use clap::Args;

use super::print;

/// Prints the OpenAPI document of all routes
#[derive(Args)]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "every sub-command is called alike")]
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let endpoints = holdfast::gateway::endpoints();
        let document = holdfast_shared::openapi::document(endpoints.iter().map(|endpoint| endpoint.route));
        print(&format!("{}\n", serde_json::to_string_pretty(&document)?))
    }
}
