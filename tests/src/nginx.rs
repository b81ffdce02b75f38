//! An nginx in front of a gateway, as the edge of a deployment: TLS with a certificate of the test's own authority.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::program::Program;
use crate::{loopback, stage, tools};

/// What an edge has besides TLS and the way to the gateway, as nginx writes it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Edge<'a> {
    /// In the place of `ssl_protocols TLSv1.2 TLSv1.3`.
    pub tls: Option<&'a str>,
    /// What it does with requests without TLS, on a port of their own.
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
        let (authority, certificate, key) =
            stage::certificates("holdfast edge tests", [address.ip().to_string()]).unwrap();
        for (name, text) in [("authority.pem", authority), ("server.pem", certificate), ("server.key", key)] {
            std::fs::write(path(name), text).unwrap();
        }
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};", path(kind).display()))
            .join(" ");
        // As root it would give its rights away, and could not write into the folder any more; as anybody else it says that it
        // cannot, and goes on.
        let config = format!(
            "daemon off; user root; worker_processes 1; error_log stderr; pid {pid};
             events {{}}
             http {{ access_log off; {temporary} client_max_body_size 20m;
               server {{ listen {plain}; location / {{ {without_tls} }} }}
               server {{ listen {address} ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; {tls}
                 {server}
                 location / {{ proxy_pass {gateway}; {location} }} }} }}",
            pid = path("pid").display(),
            certificate = path("server.pem").display(),
            key = path("server.key").display(),
            without_tls = edge.plain.replace("GATEWAY", gateway),
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
