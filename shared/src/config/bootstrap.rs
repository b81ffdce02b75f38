//! The first users and API tokens, as `AUTH_USERS` and `API_TOKENS` hold them: hashes only, never a password or a token.

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;

use super::check::hex;
use super::{ConfigError, Settings};
use crate::permission::{Role, Scope};
use crate::text::{Label, Username};

/// An entry of `AUTH_USERS`: `tenant:username:role:argon2id-hash`, the tenant empty for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapUser {
    /// Slug of the tenant; none for the platform.
    pub tenant: Option<String>,
    /// Username.
    pub username: Username,
    /// Role.
    pub role: Role,
    /// argon2id hash of the password, in PHC form.
    pub password_hash: String,
}

/// The users of `AUTH_USERS`, separated by new lines or semicolons (a PHC string holds commas).
pub fn auth_users(settings: &Settings) -> Result<Vec<BootstrapUser>, ConfigError> {
    let invalid = |fault: &'static str| ConfigError::of("AUTH_USERS", fault);
    let user = |entry: &str| {
        let mut parts = entry.splitn(4, ':');
        let (Some(tenant), Some(username), Some(role), Some(hash)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("an entry does not have four parts"));
        };
        let role: Role = role.parse().map_err(|_| invalid("an entry has an unknown role"))?;
        if tenant.is_empty() != (role == Role::Operator) {
            return Err(invalid("operators have no tenant, and all others have one"));
        }
        if !costs_the_same(hash) {
            return Err(invalid("a password is not an argon2id hash of exactly 19 MiB, 2 passes and 1 lane"));
        }
        let username: Username =
            username.parse().map_err(|_| invalid("an entry has a username that is not allowed"))?;
        Ok(BootstrapUser {
            tenant: (!tenant.is_empty()).then(|| tenant.to_owned()),
            username,
            role,
            password_hash: hash.to_owned(),
        })
    };
    settings.list("AUTH_USERS", &[';', '\n']).map(user).collect()
}

/// Returns whether a text is an argon2id hash that takes as much to verify as all others: 19 MiB, two passes, one lane. One
/// that costs more would show that its user exists, because an unknown user's attempt takes the usual time.
pub fn costs_the_same(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    hash.algorithm.as_str() == "argon2id"
        && params.m_cost() == Params::DEFAULT_M_COST
        && params.t_cost() == Params::DEFAULT_T_COST
        && params.p_cost() == Params::DEFAULT_P_COST
        && hash.hash.is_some_and(|digest| digest.as_bytes().len() == Params::DEFAULT_OUTPUT_LEN)
}

/// An entry of `API_TOKENS`: `name:scopes:sha256-of-token`. The name is `tenant/name` for a tenant's token, and plain for
/// the platform's; the scopes are separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapToken {
    /// Slug of the tenant; none for the platform.
    pub tenant: Option<String>,
    /// Name, which says what the token is for.
    pub name: String,
    /// Scopes.
    pub scopes: Vec<Scope>,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// Lifetime in days, from its first registration.
    pub max_days: u16,
}

/// The tokens of `API_TOKENS`, separated by new lines or semicolons. Only digests are accepted, never a token.
pub fn api_tokens(settings: &Settings) -> Result<Vec<BootstrapToken>, ConfigError> {
    let invalid = |fault: &'static str| ConfigError::of("API_TOKENS", fault);
    let max_days = settings.number("API_TOKEN_MAX_DAYS")?;
    let token = |entry: &str| {
        let (name, rest) = entry.split_once(':').ok_or_else(|| invalid("an entry does not have three parts"))?;
        let (scopes, digest) = rest.rsplit_once(':').ok_or_else(|| invalid("an entry does not have three parts"))?;
        let hash = Some(digest).filter(|digest| digest.len() == 64).and_then(hex);
        let hash = hash.ok_or_else(|| invalid("an entry does not end in the 64 hex digits of a SHA-256"))?;
        let known = |text: &str| Scope::ALL.into_iter().find(|scope| scope.name() == text.trim());
        let scopes: Option<Vec<Scope>> = scopes.split(',').map(known).collect();
        let scopes = scopes.ok_or_else(|| invalid("an entry has an unknown scope"))?;
        let (tenant, name) = match name.split_once('/') {
            Some((tenant, name)) => (Some(tenant.to_owned()), name),
            None => (None, name),
        };
        let name = Label::try_from(name.to_owned());
        let name = name.map_err(|_| {
            invalid("an entry has no name, one of more than 200 characters, or one that is not visible")
        })?;
        if scopes.iter().any(|scope| (*scope == Scope::MetricsRead) != tenant.is_none()) {
            return Err(invalid("tokens of the platform have the scope metrics:read alone, and only they have it"));
        }
        Ok(BootstrapToken { tenant, name: name.as_str().to_owned(), scopes, hash, max_days })
    };
    settings.list("API_TOKENS", &[';', '\n']).map(token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_tenants_and_of_the_platform_are_distinguished() {
        let digest = "ab".repeat(32);
        let entries = format!("acme/ci:accounts:read,accounts:write:{digest};prometheus:metrics:read:{digest}");
        let tokens = api_tokens(&Settings::given([("API_TOKENS", entries)])).unwrap();
        let read: Vec<_> =
            tokens.iter().map(|token| (token.tenant.as_deref(), token.name.as_str(), token.scopes.len())).collect();
        assert_eq!(read, [(Some("acme"), "ci", 2), (None, "prometheus", 1)]);
    }
}
