//! An nginx in front of a gateway, as the edge of a deployment: TLS with a certificate of a private authority.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use rcgen::KeyPair;
use tempfile::TempDir;

use crate::program::Program;
use crate::{loopback, stage, tools};

/// The configuration of an edge beyond TLS and the proxy to the gateway, in the syntax of nginx.
#[derive(Debug, Default, Clone, Copy)]
pub struct Edge<'a> {
    /// Overrides `ssl_protocols TLSv1.2 TLSv1.3`.
    pub tls: Option<&'a str>,
    /// Adds a certificate with an RSA key.
    pub rsa: bool,
    /// The behaviour without TLS. If empty, the port is closed.
    pub plain: &'a str,
    /// Additional directives of the server.
    pub server: &'a str,
    /// Additional directives of the location that proxies to the gateway.
    pub location: &'a str,
}

/// The running nginx, stopped when dropped.
pub struct Nginx {
    /// The URL over TLS.
    pub url: String,
    /// The port without TLS.
    pub http_port: u16,
    /// The authority of the certificate, as a PEM file.
    pub authority: PathBuf,
    _program: Program,
    _folder: TempDir,
}

impl Nginx {
    /// Starts nginx in front of a gateway, `http://host:port`.
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
            let [pem, private] = [path(&format!("{number}.pem")), path(&format!("{number}.key"))];
            std::fs::write(&pem, certificate).unwrap();
            std::fs::write(&private, key.serialize_pem()).unwrap();
            write!(certificates, "ssl_certificate {}; ssl_certificate_key {}; ", pem.display(), private.display())
                .unwrap();
        }
        let without_tls = match edge.plain {
            "" => String::new(),
            behaviour => {
                format!("server {{ listen {plain}; location / {{ {} }} }}", behaviour.replace("GATEWAY", gateway))
            }
        };
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};", path(kind).display()))
            .join(" ");
        // Started as root, nginx would drop its rights and could no longer write into the folder; otherwise it ignores `user`
        // with a warning.
        let config = format!(
            "daemon off; master_process off; user root; worker_processes 1; error_log stderr; pid {pid};
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

/// Generates an RSA key, by the Python library that moto needs: rcgen on ring cannot generate RSA keys.
fn rsa_key() -> KeyPair {
    const GENERATE: &str = "import sys; from cryptography.hazmat.primitives import serialization as s; \
        from cryptography.hazmat.primitives.asymmetric import rsa; key = rsa.generate_private_key(65537, 2048); \
        sys.stdout.buffer.write(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))";
    let output = Command::new(tools::python_of_moto()).args(["-c", GENERATE]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    KeyPair::from_pem(&String::from_utf8(output.stdout).unwrap()).unwrap()
}
