//! Passwords of other people: given by who administers them, or made here and shown once.

use holdfast_shared::app::App;
use holdfast_shared::identity::password::{self, Owner};
use holdfast_shared::problem::Problem;
use secrecy::{ExposeSecret, SecretString};

/// Letters and digits of a password made here: 142 random bits.
const LENGTH: usize = 24;

/// Checks a password and hashes it. What of its owner is not known to the request is an empty text.
///
/// # Errors
/// 400 that names `field`.
pub(crate) async fn hash(
    app: &App,
    field: &'static str,
    password: SecretString,
    owner: Owner<'_>,
) -> Result<String, Problem> {
    password::check(field, &password, owner)?;
    password::hash_blocking(password, app.rng.clone()).await
}

/// A new user's password.
pub(crate) struct FirstPassword {
    /// Its hash.
    pub(crate) hash: String,
    made: Option<SecretString>,
}

impl FirstPassword {
    /// The one that was given, or else a new one.
    ///
    /// # Errors
    /// 400 that names `field`.
    pub(crate) async fn choose(
        app: &App,
        field: &'static str,
        given: Option<SecretString>,
        owner: Owner<'_>,
    ) -> Result<Self, Problem> {
        let made = given.is_none().then(|| SecretString::from(app.rng.base62(LENGTH)));
        let password = given.or_else(|| made.clone()).unwrap_or_default();
        Ok(Self { hash: hash(app, field, password, owner).await?, made })
    }

    /// The text of one that was made here.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.made.as_ref().map(ExposeSecret::expose_secret)
    }
}
