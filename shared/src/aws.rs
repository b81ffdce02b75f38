//! The configuration of the AWS clients: ring for TLS, and the roots of Amazon as trust store, which load in under a
//! millisecond. `AWS_ENDPOINT_URL` and `AWS_CA_BUNDLE` apply, as in every AWS SDK.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use secrecy::SecretString;
use tokio::sync::OnceCell;

/// A failed AWS call, in one line without request details.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct AwsError(String);

impl AwsError {
    /// Joins the chain of causes to one line.
    pub fn from_sdk(error: impl std::error::Error) -> Self {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            line = format!("{line}: {deeper}");
            cause = deeper.source();
        }
        Self(line)
    }

    /// A response that lacks a required part.
    pub(crate) fn incomplete() -> Self {
        Self("the response lacks a part".to_owned())
    }
}

/// Names in the roots of AWS (Amazon Trust Services).
const AMAZON: [&[u8]; 2] = [b"Amazon Root CA", b"Starfield Services Root"];

fn is_amazon(root: &[u8]) -> bool {
    AMAZON.iter().any(|name| root.windows(name.len()).any(|window| window == *name))
}

fn pem(der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der)).into_bytes()
}

static CONFIG: OnceCell<SdkConfig> = OnceCell::const_new();

/// Returns the configuration of the SDK, created once.
pub async fn config() -> &'static SdkConfig {
    // Boxed, because the SDK's futures are large, and become part of the callers'.
    CONFIG.get_or_init(|| load().boxed()).await
}

async fn load() -> SdkConfig {
    let mut store = TrustStore::empty();
    if let Some(bundle) = std::env::var_os("AWS_CA_BUNDLE").and_then(|path| std::fs::read(path).ok()) {
        store.add_pem_certificate(bundle);
    } else {
        // AWS endpoints chain to Amazon's own roots; parsing all public ones would slow the start down for nothing.
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|root| is_amazon(root)) {
            store.add_pem_certificate(pem(root));
        }
    }
    let context = TlsContext::builder().with_trust_store(store).build();
    let mut builder = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    if let Ok(context) = context {
        builder = builder.tls_context(context);
    }
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(builder.build_https());
    if let Ok(region) = std::env::var("AWS_REGION") {
        loader = loader.region(Region::new(region));
    }
    loader.load().await
}

/// A version of a secret, by the label that Secrets Manager moves during a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The version in use.
    Current,
    /// The version that a rotation under way will put into use. The database may accept it already.
    Pending,
}

impl Stage {
    /// Returns the label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
        }
    }
}

/// Reads the text of a Secrets Manager secret.
pub async fn secret(arn: &str, stage: Stage) -> Result<SecretString, AwsError> {
    let client = aws_sdk_secretsmanager::Client::new(config().await);
    let get = client.get_secret_value().secret_id(arn).version_stage(stage.label());
    let response = get.send().boxed().await.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
    response.secret_string.map(SecretString::from).ok_or_else(|| AwsError("it is binary, not text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_of_amazon_are_recognised() {
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|root| is_amazon(root)).count() >= 5);
    }
}
