//! `holdfast run`: the local server, until Ctrl-C.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use holdfast::cluster::ClusterOptions;
use holdfast::local::{self, Data, Options, Running};
use holdfast_shared::config;
use tokio::signal::unix::{SignalKind, signal};

use super::{DATA_DIR, print};

/// Run all functions locally, with a private PostgreSQL, until Ctrl-C
///
/// Uses the database that `DATABASE_URL` names (the owner's login), or else a private cluster in the data folder. Migrates it,
/// and on the first run creates a tenant `demo` with the users admin, editor and viewer, and the platform's operator;
/// `credentials.json` in the data folder holds their generated passwords. All other settings come from the environment, as in
/// a deployment.
#[derive(Args)]
pub(super) struct Run {
    /// Address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder for data, keys and passwords [default: .holdfast]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Remove the data folder at the end; default folder: a temporary one
    #[arg(long)]
    ephemeral: bool,
}

impl Run {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let started = Instant::now();
        holdfast_shared::telemetry::log::plain();
        let ephemeral = self.ephemeral;
        let mut stop = std::pin::pin!(stop_signal()?);
        let running = tokio::select! {
            running = local::start(self.options()) => running?,
            () = &mut stop => return Ok(()),
        };
        print(&welcome(&running, ephemeral, started))?;
        stop.await;
        running.shutdown().await
    }

    fn options(self) -> Options {
        let settings = config::names().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        let (data, cluster) = if self.ephemeral {
            (Data::Ephemeral(self.data_dir), ClusterOptions::throw_away())
        } else {
            (Data::Kept(self.data_dir.unwrap_or_else(|| DATA_DIR.into())), ClusterOptions::default())
        };
        Options {
            listen: self.listen,
            data,
            settings: settings.collect::<BTreeMap<_, _>>(),
            cluster,
            ..Options::ephemeral()
        }
    }
}

/// Resolves on SIGINT, SIGTERM or SIGHUP. From the call on, none of them kills the process.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let [mut interrupt, mut terminate, mut hangup] =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Text shown when the run is ready: its address, and a first call in plain shell with `curl` and `sed`.
fn welcome(running: &Running, ephemeral: bool, started: Instant) -> String {
    let Running { url, credentials, notes, .. } = running;
    let tenant = &credentials.tenant;
    let file = shell_word(&display(&running.data_dir.join("credentials.json")));
    let end = if ephemeral { "and nothing is kept" } else { "the data is kept for the next run" };
    let seconds = started.elapsed().as_secs_f64();
    let notes: Vec<String> = notes.iter().map(|note| format!("Note: {note}\n")).collect();
    let notes = notes.concat();
    format!(
        r#"
Holdfast serves at {url} (ready in {seconds:.1} s), the console at {url}/console.
{notes}
Passwords of admin, editor and viewer (tenant {tenant}) and of the platform's operator:
  {file}

Try this:
  password=$(sed -n '/"admin": {{/,/}}/s/.*"password": "\(.*\)".*/\1/p' {file})
  token=$(curl -s {url}/auth/login -H 'Content-Type: application/json' \
    -d '{{"tenant":"{tenant}","username":"admin","password":"'"$password"'"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s {url}/accounts -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{{"name":"first"}}'
  curl -s {url}/accounts -H "Authorization: Bearer $token"

Ctrl-C stops it; {end}.

"#
    )
}

/// Relative to the working directory if it is below it, else absolute.
fn display(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).display().to_string()
}

/// Quotes a word for the shell if necessary.
fn shell_word(text: &str) -> String {
    if text.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter)) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_the_shell_if_necessary() {
        assert_eq!(shell_word(".holdfast/credentials.json"), ".holdfast/credentials.json");
        assert_eq!(shell_word("/a b/it's"), r"'/a b/it'\''s'");
    }
}
