//! `holdfast permissions`: prints `docs/permissions.md`.

use clap::Args;

use super::print;

/// Prints who may do what, as docs/permissions.md has it
#[derive(Args)]
pub(super) struct Permissions {}

impl Permissions {
    #[expect(clippy::unused_self, reason = "every sub-command is called alike")]
    pub(super) fn execute(self) -> anyhow::Result<()> {
        print(&holdfast::permissions::document())
    }
}
