//! All functions in one process behind one local gateway, over a database of their own: what `holdfast run` and the
//! tests start. Each function keeps the database role that it has in a deployment.

mod backups;
mod credentials;
mod database;
mod demo;
mod down;
mod entrance;
mod function_settings;
mod keys;
mod maintenance;
mod settings;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use holdfast_shared::app::App;
use holdfast_shared::clock::{Clock, SystemClock};
use holdfast_shared::config::{Config, Needs};
use holdfast_shared::rng::{Rng, SystemRng};
use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use credentials::{Credentials, Login};
pub use down::{Down, down};
pub use function_settings::of_backups as backup_settings;

use crate::cluster::ClusterOptions;
use crate::data_dir::DataDir;
use crate::gateway;
use database::Database;
use function_settings::FunctionSettings;
use maintenance::Schedule;
use settings::LocalSettings;

/// How long requests may take to end before the gateway closes.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Where a run keeps its data.
#[derive(Debug, Clone)]
pub enum Data {
    /// In this folder, for the next run too.
    Kept(PathBuf),
    /// In this folder, or a temporary one, until the run ends.
    Ephemeral(Option<PathBuf>),
}

/// How to run.
pub struct Options {
    /// The address to serve; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the data is kept.
    pub data: Data,
    /// Settings by name, as a deployment has them in its environment. With `DATABASE_URL`, the owner's, no cluster is
    /// started.
    pub settings: BTreeMap<String, String>,
    /// How the cluster is run.
    pub cluster: ClusterOptions,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
}

impl Options {
    /// On a free port, with everything thrown away at the end.
    pub fn ephemeral() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            data: Data::Ephemeral(None),
            settings: BTreeMap::new(),
            cluster: ClusterOptions::throw_away(),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
        }
    }
}

/// A run that serves. Dropping it ends it at once; [`Running::shutdown`] lets requests end first.
pub struct Running {
    /// Where it serves.
    pub url: String,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Who can sign in.
    pub credentials: Credentials,
    /// What the one who started it should know, in sentences.
    pub notes: Vec<String>,
    gateway: Option<(oneshot::Sender<()>, JoinHandle<std::io::Result<()>>)>,
    _requests: backups::Requests,
    // Fields are dropped in this order: the database after what uses it, then the folder.
    _maintenance: Schedule,
    _function_settings: FunctionSettings,
    _database: Database,
    _dir: Arc<DataDir>,
}

impl Running {
    /// Ends it: no new connections, requests come to their end, then the database stops.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        if let Some((stop, mut gateway)) = self.gateway.take() {
            drop(stop);
            if let Ok(ended) = tokio::time::timeout(DRAIN_LIMIT, &mut gateway).await {
                ended.context("the gateway failed")??;
            } else {
                gateway.abort();
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((_, gateway)) = self.gateway.take() {
            gateway.abort();
        }
    }
}

/// Starts everything and serves. The address is taken first: where that fails, nothing was made.
///
/// # Errors
/// One line that names the fix.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    let listener = listen(options.listen)?;
    let address = listener.local_addr()?;
    let dir = Arc::new(match &options.data {
        Data::Kept(path) => DataDir::open(path)?,
        Data::Ephemeral(Some(path)) => DataDir::ephemeral(path)?,
        Data::Ephemeral(None) => DataDir::temporary()?,
    });
    let clock = options.clock;
    let rng = options.rng;

    let mut notes = Vec::new();
    let mut settings = LocalSettings::new(options.settings, rng.as_ref());
    let database = Database::start(&settings, Arc::clone(&dir), options.cluster, rng.as_ref()).await?;
    notes.extend(keys::provide(&dir, &mut settings, rng.as_ref())?);
    settings.provide("BACKUP_FOLDER", || dir.file("backups").display().to_string());
    settings.provide("DRILL_DATABASE_URL", || database.owner_url().expose_secret().to_owned());
    let plan = holdfast_migrate::Plan::from_settings(&settings.owner(&database)).await?;
    if !database.is_private() {
        demo::spare_a_deployment(&plan).await?;
    }
    holdfast_migrate::run(&plan, clock.as_ref(), rng.as_ref()).await?;
    let url = url_of(address);
    let demo = demo::Demo { dir: &dir, may_reset: database.is_private(), clock: &clock, rng: &rng };
    let (credentials, note) = demo.ensure(&plan, &url).await?;
    notes.extend(note);
    if !address.ip().is_loopback() {
        notes.push(format!("{address} can be reached from other machines, and nothing is encrypted on the way."));
    }

    let start = async |function, settings| {
        let needs = Needs { signing: true, verification: true, vault: true };
        let config = Config::from_settings(&settings, needs)?;
        let app = App::start_with(config, function, Arc::clone(&clock), Arc::clone(&rng)).await?;
        app.db.connect().await?;
        anyhow::Ok(app)
    };
    let app = start("local", settings.app(&database)?).await?;
    let metrics_app = start("metrics", settings.metrics(&database)?).await?;
    let function_settings = FunctionSettings::write(Arc::clone(&dir), &settings, &database)?;
    let plan = holdfast_maintenance::Plan::from_settings(&settings.maintenance(&database)?).await?;
    let maintenance = Schedule::begin(plan, Arc::clone(&clock));
    let requests = holdfast_backup::Plan::from_settings(&settings.backup(&database)?).await?;
    let requests = backups::Requests::await_them(requests, Arc::clone(&clock), Arc::clone(&rng));
    let router = entrance::before(gateway::router(app, metrics_app), clock, rng);
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(entrance::serve(tokio::net::TcpListener::from_std(listener)?, router, stopped));
    Ok(Running {
        url,
        data_dir: dir.path().to_owned(),
        credentials,
        notes,
        gateway: Some((stop, serving)),
        _maintenance: maintenance,
        _requests: requests,
        _function_settings: function_settings,
        _database: database,
        _dir: dir,
    })
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("{address} cannot be served; stop what listens there, or choose another --listen"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The URL to reach an address with.
fn url_of(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_on_all_interfaces_is_reached_on_the_loopback_one() {
        assert_eq!(url_of("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(url_of("[::1]:8080".parse().unwrap()), "http://[::1]:8080");
    }
}
