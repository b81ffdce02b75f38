//! The local run, for `holdfast run` and for tests: all functions in one process behind one gateway, with a private database.
//! Each function has its own database login, as in a deployment.

mod backups;
mod credentials;
mod database;
mod demo;
mod down;
mod function_settings;
pub mod gateway;
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
use holdfast_shared::db::login_of;
use holdfast_shared::rng::{Rng, SystemRng};
use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use credentials::{Credentials, Login};
pub use down::{Down, down};
pub use function_settings::of_backups as backup_settings;

use crate::cluster::ClusterOptions;
use crate::data_dir::DataDir;
use crate::gateway::Apps;
use database::Database;
use function_settings::FunctionSettings;
use gateway::Patience;
use maintenance::Schedule;
use settings::LocalSettings;

/// Time limit for requests in progress at shutdown.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Location of a run's data.
#[derive(Debug, Clone)]
pub enum Data {
    /// This folder, kept for the next run.
    Kept(PathBuf),
    /// This folder, or a temporary one, removed at the end of the run.
    Ephemeral(Option<PathBuf>),
}

/// Options of a run.
pub struct Options {
    /// Address to listen on; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Location of the data.
    pub data: Data,
    /// Settings by name, as in a deployment's environment. With `DATABASE_URL`, the owner's login, no cluster is started.
    pub settings: BTreeMap<String, String>,
    /// Options of the cluster.
    pub cluster: ClusterOptions,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Random source.
    pub rng: Arc<dyn Rng>,
}

impl Options {
    /// Options of a run on a free port, whose data is removed at the end.
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

/// A run that is serving. Dropping it stops it at once; [`Running::shutdown`] completes requests first.
pub struct Running {
    /// URL of the service.
    pub url: String,
    /// Data folder.
    pub data_dir: PathBuf,
    /// Users that can sign in.
    pub credentials: Credentials,
    /// Notes for the user, in sentences.
    pub notes: Vec<String>,
    gateway: Option<(oneshot::Sender<()>, JoinHandle<std::io::Result<()>>)>,
    _requests: backups::Requests,
    // Fields are dropped in this order: the database after its users, then the folder.
    _maintenance: Schedule,
    _function_settings: FunctionSettings,
    _database: Database,
    _dir: Arc<DataDir>,
}

impl Running {
    /// Stops the run: accepts no new connections, completes requests, then stops the database.
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

/// Starts all functions and serves. Binds the address first: if that fails, nothing has been created.
///
/// # Errors
/// A part cannot be started. The message is one line and names the fix.
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
        notes.push(format!("{address} can be reached from other machines, and the connection is not encrypted."));
    }

    let start = async |function| {
        let needs = Needs { database: login_of(function).is_some(), signing: true, verification: true, vault: true };
        let config = Config::from_settings(&settings.of(function, &database)?, needs)?;
        let app = App::start_with(config, function, Arc::clone(&clock), Arc::clone(&rng)).await?;
        if needs.database {
            app.db.connect().await?;
        }
        anyhow::Ok(app)
    };
    let apps = Apps {
        auth: start("auth").await?,
        accounts: start("accounts").await?,
        admin: start("admin").await?,
        health: start("health").await?,
        metrics: start("metrics").await?,
        console: start("console").await?,
    };
    let function_settings = FunctionSettings::write(Arc::clone(&dir), &settings, &database)?;
    let plan = holdfast_maintenance::Plan::from_settings(&settings.of("maintenance", &database)?).await?;
    let maintenance = Schedule::start(plan, Arc::clone(&clock));
    let requests = holdfast_backup::Plan::from_settings(&settings.of("backup", &database)?).await?;
    let requests = backups::Requests::start(requests, Arc::clone(&clock), Arc::clone(&rng));
    let router = gateway::in_front_of(crate::gateway::router(apps), clock, rng, Patience::default());
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(gateway::serve(
        tokio::net::TcpListener::from_std(listener)?,
        router,
        Patience::default(),
        stopped,
    ));
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

/// Returns the URL of an address.
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
