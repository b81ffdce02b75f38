//! `holdfast admin token`: API tokens for `API_TOKENS`, generated without a database.

use anyhow::Context;
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use holdfast_shared::id::TenantId;
use holdfast_shared::identity::api_token::{self, ApiToken};
use holdfast_shared::rng::SystemRng;
use secrecy::ExposeSecret;

use super::print;

/// Generate an API token for `API_TOKENS`, or validate a token's checksum
#[derive(Args)]
pub(super) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a new token and its SHA-256, for an entry `name:scopes:sha256` of `API_TOKENS`
    New {
        /// Id of the tenant; without it, the token belongs to the platform (`metrics:read`)
        #[arg(long)]
        tenant_id: Option<TenantId>,
    },
    /// Read a token from standard input and validate its form and checksum
    Check,
}

impl Token {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::New { tenant_id } => {
                let token = api_token::generate(tenant_id.unwrap_or(TenantId::PLATFORM), &SystemRng);
                let digest = HEXLOWER.encode(&api_token::hash(&token));
                print(&format!("token:  {}\nsha256: {digest}\n", token.expose_secret()))
            }
            Command::Check => {
                let mut text = String::new();
                std::io::stdin().read_line(&mut text).context("standard input is not text")?;
                let token = ApiToken::parse(text.trim()).context("not an API token: its form or checksum is wrong")?;
                let owner = token.tenant.public().map_or("the platform".to_owned(), |id| format!("tenant {id}"));
                print(&format!("A well-formed token of {owner}; sha256: {}\n", HEXLOWER.encode(&token.hash)))
            }
        }
    }
}
