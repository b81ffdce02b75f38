//! A TCP proxy in front of the database: counts round trips, and cuts connections on demand.
//!
//! A round trip is everything that the client sends before it receives a response, and the responses. A counting proxy
//! delays every response by some milliseconds, as a network does. So it counts another round trip exactly where the client
//! had to wait for a response before it could send more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The running proxy.
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    round_trips: AtomicUsize,
    /// The number of open connections.
    open: AtomicUsize,
    /// The bytes of the server that are still forwarded before the connection is cut; negative for no limit.
    budget: AtomicI64,
}

impl Proxy {
    /// Listens on a free port and forwards without delay, to inject faults.
    pub async fn before(database: String) -> Self {
        Self::with_delay(database, Duration::ZERO).await
    }

    /// Listens on a free port and delays responses, to count round trips.
    pub async fn counting(database: String) -> Self {
        Self::with_delay(database, ONE_WAY).await
    }

    async fn with_delay(database: String, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared { budget: AtomicI64::new(-1), ..Shared::default() });
        let forwarding = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, database.clone(), Arc::clone(&forwarding), delay));
            }
        });
        Self { address, shared }
    }

    /// Returns `host:port` to connect to.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Returns the number of round trips since the last call.
    pub fn take_round_trips(&self) -> usize {
        self.shared.round_trips.swap(0, Ordering::SeqCst)
    }

    /// Cuts the connection after this many more bytes of the server's responses.
    pub fn cut_after(&self, bytes: i64) {
        self.shared.budget.store(bytes, Ordering::SeqCst);
    }

    /// Returns the number of open connections.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Waits until at most this many connections are open, and until the client has noticed.
    pub async fn until_open(&self, connections: usize) {
        while self.open_connections() > connections {
            tokio::time::sleep(ONE_WAY).await;
        }
        // The runtime handles the closed sockets before the timer.
        tokio::time::sleep(ONE_WAY).await;
    }

    /// Forwards everything again.
    pub fn repair(&self) {
        self.shared.budget.store(-1, Ordering::SeqCst);
    }
}

/// The delay of a response.
const ONE_WAY: Duration = Duration::from_millis(5);

async fn forward(client: TcpStream, database: String, shared: Arc<Shared>, delay: Duration) {
    let Ok(server) = TcpStream::connect(&database).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // True if the client has sent something since it last received a response.
    let waiting = AtomicBool::new(false);
    shared.open.fetch_add(1, Ordering::SeqCst);
    // The end of one direction ends both.
    tokio::select! {
        () = forward_requests(from_client, to_server, &waiting, &shared) => (),
        () = forward_responses(from_server, to_client, &waiting, &shared, delay) => (),
    }
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

async fn forward_requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    waiting: &AtomicBool,
    shared: &Shared,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer).await {
        if !waiting.swap(true, Ordering::SeqCst) {
            shared.round_trips.fetch_add(1, Ordering::SeqCst);
        }
        if server.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn forward_responses(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    waiting: &AtomicBool,
    shared: &Shared,
    delay: Duration,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = server.read(&mut buffer).await {
        tokio::time::sleep(delay).await;
        let budget = shared.budget.load(Ordering::SeqCst);
        let allowed = usize::try_from(budget).map_or(count, |budget| budget.min(count));
        waiting.store(false, Ordering::SeqCst);
        if client.write_all(&buffer[..allowed]).await.is_err() || allowed < count {
            return;
        }
        if budget >= 0 {
            shared.budget.fetch_sub(i64::try_from(allowed).unwrap(), Ordering::SeqCst);
        }
    }
}
