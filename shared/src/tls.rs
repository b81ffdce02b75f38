//! The TLS configuration of every client: ring, with verification of the chain and the name of the host.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// A failure to set up TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file with the certificate authority cannot be used.
    #[error("the certificate authority cannot be used ({0})")]
    Authority(String),
    /// rustls rejects the configuration.
    #[error("TLS could not be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Creates a client configuration for these versions, which trusts the authorities in a PEM file, or else the public ones.
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
