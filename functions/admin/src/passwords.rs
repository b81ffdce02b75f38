//! Passwords of other users: chosen by their administrator, or generated here and shown once.

use holdfast_shared::app::App;
use holdfast_shared::identity::password::{self, PasswordOwner};
use holdfast_shared::problem::Problem;
use secrecy::{ExposeSecret, SecretString};

/// Letters and digits of a generated password: 142 random bits.
const LENGTH: usize = 24;

/// Checks a password and hashes it.
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
    /// Takes the password that the administrator chose.
    ///
    /// # Errors
    /// 400 that names `field`.
    pub(crate) async fn chosen(
        app: &App,
        field: &'static str,
        password: SecretString,
        owner: PasswordOwner<'_>,
    ) -> Result<Self, Problem> {
        Ok(Self { hash: hash(app, field, password, owner).await?, generated: None })
    }

    /// Generates a password, to be shown once.
    pub(crate) async fn generate(app: &App) -> Result<Self, Problem> {
        let password = SecretString::from(app.rng.base62(LENGTH));
        let hash = password::hash_blocking(password.clone(), app.rng.clone()).await?;
        Ok(Self { hash, generated: Some(password) })
    }

    /// The password to show, if it was generated here.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.generated.as_ref().map(ExposeSecret::expose_secret)
    }
}
