//! Passwords of other users: chosen by their administrator, or generated here and shown once.

use holdfast_shared::app::App;
use holdfast_shared::identity::password::{self, PasswordOwner};
use holdfast_shared::problem::Problem;
use secrecy::{ExposeSecret, SecretString};

/// Letters and digits of a generated password: 142 random bits.
const LENGTH: usize = 24;

/// Checks a password and hashes it. Fields of `owner` that the request does not know are empty.
///
/// # Errors
/// 400 that names `field`.
pub(crate) async fn hash(
    app: &App,
    field: &'static str,
    password: SecretString,
    owner: PasswordOwner<'_>,
) -> Result<String, Problem> {
    password::check(field, &password, owner)?;
    password::hash_blocking(password, app.rng.clone()).await
}

/// The first password of a new user.
pub(crate) struct FirstPassword {
    /// Hash of the password, as stored.
    pub(crate) hash: String,
    generated: Option<SecretString>,
}

impl FirstPassword {
    /// Takes the given password, or generates one.
    ///
    /// # Errors
    /// 400 that names `field`.
    pub(crate) async fn choose(
        app: &App,
        field: &'static str,
        given: Option<SecretString>,
        owner: PasswordOwner<'_>,
    ) -> Result<Self, Problem> {
        let generated = given.is_none().then(|| SecretString::from(app.rng.base62(LENGTH)));
        let password = given.or_else(|| generated.clone()).unwrap_or_default();
        Ok(Self { hash: hash(app, field, password, owner).await?, generated })
    }

    /// The password to show, if it was generated here.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.generated.as_ref().map(ExposeSecret::expose_secret)
    }
}
