//! The shared stage of a run: one PostgreSQL cluster with TLS and a migrated database to copy. The harness sets it up once
//! and passes it to the tests in environment variables; a test without the harness sets up its own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast::cluster::{CertPaths, Cluster, ClusterOptions, OWNER};
use holdfast::data_dir::DataDir;
use holdfast_migrate::{Login, Password, Plan};
use holdfast_shared::clock::SystemClock;
use holdfast_shared::db::LOGINS;
use holdfast_shared::rng::SystemRng;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use secrecy::{ExposeSecret, SecretString};

use crate::tools;

/// The superuser's URL of the run's cluster. Every role in it has the same password.
pub const DATABASE: &str = "HOLDFAST_TEST_DATABASE";
/// The certificate authority of the cluster, as a PEM file.
pub const AUTHORITY: &str = "HOLDFAST_TEST_CA";
/// The URL of the run's moto.
pub const MOTO: &str = "HOLDFAST_TEST_MOTO";
/// The folder of the run's logs.
pub const LOGS: &str = "HOLDFAST_TEST_LOGS";

/// The database that tests copy. It allows no connections.
pub const TEMPLATE: &str = "holdfast_template";

/// Enough for one test on each processor.
const MAX_CONNECTIONS: u16 = 300;

/// Returns the folder of logs: the run's, or one beside the binaries for tests without the harness.
pub fn logs() -> PathBuf {
    let folder = std::env::var_os(LOGS).map_or_else(|| tools::binaries().join("test-logs"), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A cluster for tests, stopped and deleted when dropped.
pub struct Stage {
    cluster: Cluster,
    authority: PathBuf,
}

impl Stage {
    /// Starts a cluster, migrates the template, and enables the roles' logins.
    pub async fn set_up() -> anyhow::Result<Self> {
        let dir = Arc::new(DataDir::temporary()?);
        let authority = dir.file("authority.pem");
        let certificate = CertPaths { certificate: dir.file("server.pem"), key: dir.file("server.key") };
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let (issuer, key) = (self::authority("holdfast tests")?, KeyPair::generate()?);
        fs::write(&authority, issuer.pem())?;
        fs::write(&certificate.certificate, self::certificate(&issuer, &names, &key)?)?;
        dir.write_private("server.key", &key.serialize_pem())?;

        let options =
            ClusterOptions { ssl: Some(certificate), max_connections: MAX_CONNECTIONS, ..ClusterOptions::throw_away() };
        let stage = Self { cluster: Cluster::start(dir, options, &SystemRng).await?, authority };
        stage.create_template().await?;
        Ok(stage)
    }

    /// Returns the superuser's URL.
    pub fn superuser_url(&self) -> String {
        with_tls(self.cluster.superuser_url("postgres").expose_secret())
    }

    /// Returns the certificate authority, as a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.authority.clone()
    }

    /// Returns the server's log.
    pub fn log(&self) -> PathBuf {
        self.cluster.log()
    }

    async fn create_template(&self) -> anyhow::Result<()> {
        self.cluster.create_database(TEMPLATE, None).await?;
        let mut plan = Plan::new(self.cluster.owner_url(TEMPLATE));
        let password = self.password()?;
        plan.logins =
            LOGINS.map(|login| Login { role: login.role, password: Password::Given(password.clone()) }).to_vec();
        holdfast_migrate::run(&plan, &SystemClock, &SystemRng).await?;

        // The owner gets the common password, and the template allows no connections from here on. The server logs only
        // statements that fail.
        let password = password.expose_secret();
        let last =
            format!("ALTER ROLE {OWNER} PASSWORD '{password}'; ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false");
        Ok(self.cluster.connect("postgres").await?.batch_execute(&last).await?)
    }

    fn password(&self) -> anyhow::Result<SecretString> {
        let config: tokio_postgres::Config = self.cluster.superuser_url("postgres").expose_secret().parse()?;
        let password = config.get_password().unwrap_or_default();
        Ok(SecretString::from(std::str::from_utf8(password)?))
    }
}

fn with_tls(url: &str) -> String {
    url.replace("sslmode=disable", "sslmode=verify-full")
}

/// Generates a certificate authority of this name.
pub(crate) fn authority(name: &str) -> anyhow::Result<CertifiedIssuer<'static, KeyPair>> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // OpenSSL takes a certificate with its authority's name for self-signed.
    authority.distinguished_name.push(DnType::CommonName, name);
    Ok(CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?)
}

/// Issues a certificate for a server's names and key, in PEM form.
pub(crate) fn certificate(
    authority: &CertifiedIssuer<'static, KeyPair>,
    names: &[String],
    key: &KeyPair,
) -> anyhow::Result<String> {
    let mut server = CertificateParams::new(names)?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(server.signed_by(key, authority)?.pem())
}
