//! TLS as every client here speaks it: the chain and the host's name verified, with ring.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the certificate authority does not serve.
    #[error("the certificate authority cannot be used ({0})")]
    Authority(String),
    /// The library refused.
    #[error("TLS could not be set up: {0}")]
    Refused(#[from] rustls::Error),
}

/// A client of these versions, which trusts the authorities in a PEM file, or else the public ones.
///
/// # Errors
/// The file cannot be read, or a certificate in it cannot be used.
pub fn client(
    authority: Option<&Path>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authority {
        let unusable = |error: &dyn std::fmt::Display| TlsError::Authority(error.to_string());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
            roots.add(certificate.map_err(|error| unusable(&error))?)?;
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
