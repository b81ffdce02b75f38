//! The keys by which failed sign-ins are counted. Only digests are stored: the table holds no name and no address.

use holdfast_shared::db::{Sql, Statement};
use holdfast_shared::id::UserId;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};

const COUNT_FAILURE: Sql = Sql::prepared("SELECT fail_sign_in($1, $2, $3, $4)");

/// The keys by which one attempt is counted.
pub(crate) struct ThrottleKeys {
    /// The given user, existing or not.
    pub(crate) user: Vec<u8>,
    /// The given user, from this address.
    pub(crate) pair: Vec<u8>,
    /// The address.
    pub(crate) address: Vec<u8>,
}

impl ThrottleKeys {
    /// The keys for passwords of anonymous callers.
    pub(crate) fn anonymous(tenant: Option<&str>, username: &str, source_ip: Option<&str>) -> Self {
        let (tenant, username) = (tenant.unwrap_or_default(), username.to_lowercase());
        let address = source_ip.unwrap_or("unknown");
        Self {
            user: digest(&["user", tenant, &username]),
            pair: digest(&["pair", tenant, &username, address]),
            address: digest(&["address", address]),
        }
    }

    /// The keys for one-time codes and passwords of signed-in users.
    pub(crate) fn signed_in(user: UserId, source_ip: Option<&str>) -> Self {
        Self::anonymous(None, &format!("signed-in {user}"), source_ip)
    }

    /// The statement that counts a failed attempt.
    pub(crate) fn count_failure<'a>(&'a self, now: &'a Timestamp) -> Statement<'a> {
        COUNT_FAILURE.bind(now).bind(&self.user).bind(&self.pair).bind(&self.address)
    }
}

fn digest(parts: &[&str]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().to_vec()
}
