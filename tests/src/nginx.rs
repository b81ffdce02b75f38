//! An nginx in front of a gateway, as the edge of a deployment: TLS with a certificate of the test's own authority.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use rcgen::KeyPair;
use tempfile::TempDir;

use crate::program::Program;
use crate::{loopback, stage, tools};

/// What an edge has besides TLS and the way to the gateway, as nginx writes it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Edge<'a> {
    /// In the place of `ssl_protocols TLSv1.2 TLSv1.3`.
    pub tls: Option<&'a str>,
    /// Whether it has a certificate with an RSA key, too.
    pub rsa: bool,
    /// What it does without TLS; where it does nothing, that port is closed.
    pub plain: &'a str,
    /// More for the server.
    pub server: &'a str,
    /// More for the location that leads to the gateway.
    pub location: &'a str,
}

/// The running nginx. Dropping it ends it.
pub struct Nginx {
    /// Where it answers.
    pub url: String,
    /// Where it listens without TLS.
    pub http_port: u16,
    /// The certificate authority of its certificate, as a PEM file.
    pub authority: PathBuf,
    _program: Program,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it before a gateway, `http://host:port`.
    pub async fn before(gateway: &str, edge: Edge<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let [address, plain] = loopback::addresses();
        let (authority, names) = (stage::authority("holdfast edge tests").unwrap(), [address.ip().to_string()]);
        std::fs::write(path("authority.pem"), authority.pem()).unwrap();
        let mut keys = vec![KeyPair::generate().unwrap()];
        keys.extend(edge.rsa.then(rsa_key));
        let mut certificates = String::new();
        for (number, key) in keys.iter().enumerate() {
            let certificate = stage::certificate(&authority, &names, key).unwrap();
            let [of, its] = [path(&format!("{number}.pem")), path(&format!("{number}.key"))];
            std::fs::write(&of, certificate).unwrap();
            std::fs::write(&its, key.serialize_pem()).unwrap();
            write!(certificates, "ssl_certificate {}; ssl_certificate_key {}; ", of.display(), its.display()).unwrap();
        }
        let without_tls = match edge.plain {
            "" => String::new(),
            does => format!("server {{ listen {plain}; location / {{ {} }} }}", does.replace("GATEWAY", gateway)),
        };
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};", path(kind).display()))
            .join(" ");
        // As root it would give its rights away, and could not write into the folder any more; as anybody else it says that it
        // cannot, and goes on.
        let config = format!(
            "daemon off; user root; worker_processes 1; error_log stderr; pid {pid};
             events {{}}
             http {{ access_log off; {temporary} client_max_body_size 20m;
               {without_tls}
               server {{ listen {address} ssl; {certificates} {tls}
                 {server}
                 location / {{ proxy_pass {gateway}; {location} }} }} }}",
            pid = path("pid").display(),
            tls = edge.tls.unwrap_or("ssl_protocols TLSv1.2 TLSv1.3;"),
            server = edge.server.replace("GATEWAY", gateway),
            location = edge.location,
        );
        std::fs::write(path("nginx.conf"), config).unwrap();
        let mut command = Command::new(tools::program("nginx"));
        command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(path("nginx.conf"));
        let log = stage::logs().join(format!("nginx-{}-{}.log", std::process::id(), address.port()));
        let program = Program::start(command, address, &log).await;
        let (url, authority) = (format!("https://{address}"), path("authority.pem"));
        Self { url, http_port: plain.port(), authority, _program: program, _folder: folder }
    }
}

/// A new RSA key. Our library for certificates makes none, and Python's, which moto needs, does.
fn rsa_key() -> KeyPair {
    const MAKE: &str = "import sys; from cryptography.hazmat.primitives import serialization as s; \
        from cryptography.hazmat.primitives.asymmetric import rsa; key = rsa.generate_private_key(65537, 2048); \
        sys.stdout.buffer.write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))";
    let output = Command::new(tools::python_of_moto()).args(["-c", MAKE]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    KeyPair::from_pem(&String::from_utf8(output.stdout).unwrap()).unwrap()
}
