//! The AWS clients: ring for TLS and the public authorities as trust store, which start in under a millisecond.
//! `AWS_ENDPOINT_URL` and `AWS_CA_BUNDLE` are honoured, as by every AWS SDK.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use secrecy::SecretString;
use tokio::sync::OnceCell;

/// An AWS call that failed, in one line without request details.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct AwsError(String);

impl AwsError {
    /// Keeps the chain of causes as one line.
    pub fn from_sdk(error: impl std::error::Error) -> Self {
        let mut line = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            line = format!("{line}: {deeper}");
            cause = deeper.source();
        }
        Self(line)
    }

    /// An answer without what it must hold.
    pub(crate) fn incomplete() -> Self {
        Self("the answer lacks a part".to_owned())
    }
}

/// The organisations in whose name AWS's roots are issued (Amazon Trust Services).
const AMAZON: [&[u8]; 2] = [b"Amazon Root CA", b"Starfield Services Root"];

fn is_amazon(root: &[u8]) -> bool {
    AMAZON.iter().any(|name| root.windows(name.len()).any(|window| window == *name))
}

fn pem(der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der)).into_bytes()
}

static CONFIG: OnceCell<SdkConfig> = OnceCell::const_new();

/// The SDK's configuration, made once.
pub async fn config() -> &'static SdkConfig {
    // In a box, for the SDK's own futures are deep, and the callers' are around them.
    CONFIG.get_or_init(|| load().boxed()).await
}

async fn load() -> SdkConfig {
    let mut store = TrustStore::empty();
    if let Some(bundle) = std::env::var_os("AWS_CA_BUNDLE").and_then(|path| std::fs::read(path).ok()) {
        store.add_pem_certificate(bundle);
    } else {
        // AWS endpoints chain to Amazon's own roots; parsing all the world's would cost more than it protects.
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

/// Which of a secret's versions is meant, by the label that Secrets Manager moves along while it rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The one that counts.
    Current,
    /// The one that a rotation which is under way will make count. The database may have it already.
    Pending,
}

impl Stage {
    /// The label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
        }
    }
}

/// The text of a Secrets Manager secret.
pub async fn secret(arn: &str, stage: Stage) -> Result<SecretString, AwsError> {
    let client = aws_sdk_secretsmanager::Client::new(config().await);
    let get = client.get_secret_value().secret_id(arn).version_stage(stage.label());
    let answer = get.send().boxed().await.map_err(|error| AwsError::from_sdk(error.into_service_error()))?;
    answer.secret_string.map(SecretString::from).ok_or_else(|| AwsError("it is binary, not text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_roots_are_known() {
        assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|root| is_amazon(root)).count() >= 5);
    }
}
