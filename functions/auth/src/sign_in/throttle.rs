//! What failed sign-ins are counted by. Only digests are kept: the table holds no name and no address.

use holdfast_shared::id::UserId;
use ring::digest::{Context, SHA256};

/// The keys under which one attempt counts.
pub(crate) struct Keys {
    /// The user named, whether it exists or not.
    pub(crate) user: Vec<u8>,
    /// The user named, from this address.
    pub(crate) pair: Vec<u8>,
    /// The address.
    pub(crate) address: Vec<u8>,
}

impl Keys {
    /// What wrong one-time codes, and passwords of someone who is signed in, are counted by.
    pub(crate) fn of_codes(user: UserId, source_ip: Option<&str>) -> Self {
        Self::of(None, &format!("signed-in {user}"), source_ip)
    }

    /// What wrong passwords at the door are counted by.
    pub(crate) fn of(tenant: Option<&str>, username: &str, source_ip: Option<&str>) -> Self {
        let (tenant, username) = (tenant.unwrap_or_default(), username.to_lowercase());
        let address = source_ip.unwrap_or("unknown");
        Self {
            user: digest(&["user", tenant, &username]),
            pair: digest(&["pair", tenant, &username, address]),
            address: digest(&["address", address]),
        }
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
