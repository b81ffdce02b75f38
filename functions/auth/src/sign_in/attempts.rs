//! The counts of attempts at passwords and codes. Each attempt is counted in the round trip before it is evaluated, so that
//! attempts at the same time cannot pass uncounted; success gives it back (docs/decisions/0019-attempts-are-counted-first.md).

use std::net::{IpAddr, Ipv6Addr};

use holdfast_shared::db::{Sql, Statement};
use holdfast_shared::id::{TenantId, UserId};
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::text::username_key;
use holdfast_shared::web::Transaction;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};

const GIVE_BACK_SIGN_IN: Sql = Sql::prepared(
    "SELECT give_back_sign_in(
        p_tenant => $1, p_user => $2, p_now => $3, p_address_key => $4, p_user_key => $5, p_pair_key => $6)",
);

const GIVE_BACK: Sql = Sql::prepared("SELECT give_back_own_attempt()");
const FAIL: Sql = Sql::prepared("SELECT fail_own_attempt($1)");

/// Keys by which a sign-in is counted. Only digests are stored: the table holds no name and no address.
pub(crate) struct SignInKeys {
    /// The address, or its IPv6 network.
    pub(crate) address: Vec<u8>,
    /// The given user, existing or not.
    pub(crate) user: Vec<u8>,
    /// The given user, from this address.
    pub(crate) pair: Vec<u8>,
    /// The given user's name, as it is looked up.
    pub(crate) username_key: String,
}

impl SignInKeys {
    pub(crate) fn new(tenant: Option<&str>, username: &str, source_ip: Option<&str>) -> Self {
        let (tenant, username) = (tenant.unwrap_or_default(), username_key(username));
        let address = network(source_ip);
        Self {
            address: digest(&["address", &address]),
            user: digest(&["user", tenant, &username]),
            pair: digest(&["pair", tenant, &username, &address]),
            username_key: username,
        }
    }

    /// The statement that gives back a sign-in whose password was right, and that lacks a code.
    pub(crate) fn give_back<'a>(&'a self, tenant: &'a TenantId, user: &'a UserId, now: &'a Timestamp) -> Statement<'a> {
        let give_back = GIVE_BACK_SIGN_IN.bind(tenant).bind(user).bind(now);
        give_back.bind(&self.address).bind(&self.user).bind(&self.pair)
    }
}

/// Returns the network that an address is counted by: an IPv4 address is one, and an IPv6 customer has at least a network of
/// 64 bits to take addresses from (RFC 6177).
fn network(source_ip: Option<&str>) -> String {
    let Some(text) = source_ip else { return "unknown".to_owned() };
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => text.to_owned(),
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

/// A signed-in user's attempt, which `take_own_attempt` counted in the round trip that looked up what it is compared with.
/// Every way out of a handler decides about it: it fails, is given back, or succeeds.
pub(crate) struct OwnAttempt<'a> {
    transaction: Transaction<'a>,
    now: &'a Timestamp,
}

impl<'a> OwnAttempt<'a> {
    /// The attempt of a look-up; `transaction` is the request's own.
    ///
    /// # Errors
    /// 429, recorded by the transaction, where there were too many attempts: then none was counted.
    pub(crate) async fn taken(
        retry_after: Option<i32>,
        transaction: Transaction<'a>,
        now: &'a Timestamp,
    ) -> Result<Self, Problem> {
        match retry_after {
            Some(seconds) => Err(transaction.reject(Problem::rate_limited(seconds.unsigned_abs())).await),
            None => Ok(Self { transaction, now }),
        }
    }

    /// Rejects a wrong password or code. The attempt stays counted; a session with too many of them ends.
    pub(crate) async fn fail(self) -> Problem {
        match self.transaction.execute(vec![FAIL.bind(self.now)]).await {
            Err(problem) => problem,
            Ok(()) => Problem::of(Code::InvalidCredentials),
        }
    }

    /// Rejects a request in which nothing was guessed, and gives the attempt back.
    pub(crate) async fn give_back(self, problem: Problem) -> Problem {
        self.transaction.first(GIVE_BACK.into()).reject(problem).await
    }

    /// The request's transaction, which consumes the code and gives the attempt back: a code that was used before is rejected,
    /// and stays counted.
    pub(crate) fn succeed_by(self, use_code: Statement<'a>) -> Transaction<'a> {
        self.transaction.first(use_code).first(GIVE_BACK.into())
    }

    /// The request's transaction, which gives the attempt back.
    pub(crate) fn succeed(self) -> Transaction<'a> {
        self.transaction.first(GIVE_BACK.into())
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_address_is_counted_by_its_network() {
        for (address, counted_by) in [
            ("198.51.100.7", "198.51.100.7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:DB8:1:2::", "2001:db8:1:2::"),
            ("not an address", "not an address"),
        ] {
            assert_eq!(network(Some(address)), counted_by);
        }
        assert_eq!(network(None), "unknown");
    }
}
