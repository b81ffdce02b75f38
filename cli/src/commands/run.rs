//! `holdfast run`: everything on this machine, until Ctrl-C.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use holdfast::cluster::ClusterOptions;
use holdfast::local::{self, Data, Options, Running};
use holdfast_shared::config::NAMES;
use tokio::signal::unix::{SignalKind, signal};

use super::{DATA_DIR, print};

/// Runs all functions here, with a PostgreSQL of their own, until Ctrl-C
///
/// The database is the one that `DATABASE_URL` names (as its owner reaches it), or a private cluster in the data folder.
/// It is migrated, and on the first run given a tenant `demo` with users admin, editor and viewer, and the platform's
/// operator; `credentials.json` in the data folder has their generated passwords. All other settings come from the
/// environment, as in a deployment.
#[derive(Args)]
pub(super) struct Run {
    /// The address to serve; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where data, keys and passwords are kept [default: .holdfast]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep nothing: the data folder, a temporary one unless named, is removed at the end
    #[arg(long)]
    ephemeral: bool,
}

impl Run {
    pub(super) async fn execute(self) -> anyhow::Result<()> {
        let started = Instant::now();
        holdfast_shared::telemetry::log::plain();
        let ephemeral = self.ephemeral;
        let mut end = std::pin::pin!(end()?);
        let running = tokio::select! {
            running = local::start(self.options()) => running?,
            () = &mut end => return Ok(()),
        };
        print(&welcome(&running, ephemeral, started))?;
        end.await;
        running.shutdown().await
    }

    fn options(self) -> Options {
        let settings = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
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

/// Ends with Ctrl-C, a service manager's request, or the terminal's end; from now on, none of them kills the process.
fn end() -> std::io::Result<impl Future<Output = ()>> {
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

/// What there is, and a first call to try: plain shell, `curl` and `sed`.
fn welcome(running: &Running, ephemeral: bool, started: Instant) -> String {
    let Running { url, credentials, notes, .. } = running;
    let tenant = &credentials.tenant;
    let file = shell_word(&display(&running.data_dir.join("credentials.json")));
    let end = if ephemeral { "and nothing stays" } else { "the data stays for the next run" };
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

/// As short as it can be written from here.
fn display(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).display().to_string()
}

/// Quoted for the shell, where it must be.
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
    fn paths_are_quoted_for_the_shell_where_they_must_be() {
        assert_eq!(shell_word(".holdfast/credentials.json"), ".holdfast/credentials.json");
        assert_eq!(shell_word("/a b/it's"), r"'/a b/it'\''s'");
    }
}
