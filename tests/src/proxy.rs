//! A TCP proxy in front of the database: counts flights, and
//! cuts connections where a test asks for it.
//!
//! A flight is what the client sends without hearing an answer, and the answers to it. A counting proxy holds every
//! answer back for some milliseconds, as a network does, so a second flight is counted just where the client had to wait for an answer
//! before it could send more.

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
    flights: AtomicUsize,
    /// Bytes that may still pass from the server before the connection is cut; negative for no limit.
    budget: AtomicI64,
}

impl Proxy {
    /// Listens on a free port and passes all on to the database as it comes, for faults.
    pub async fn before(database: String) -> Self {
        Self::with_delay(database, Duration::ZERO).await
    }

    /// The same, but answers take some milliseconds on their way, so that flights can be told apart and counted.
    pub async fn counting(database: String) -> Self {
        Self::with_delay(database, ONE_WAY).await
    }

    async fn with_delay(database: String, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared { budget: AtomicI64::new(-1), ..Shared::default() });
        let passing = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, database.clone(), Arc::clone(&passing), delay));
            }
        });
        Self { address, shared }
    }

    /// `host:port` to connect to.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Flights since the last request.
    pub fn take_flights(&self) -> usize {
        self.shared.flights.swap(0, Ordering::SeqCst)
    }

    /// Cuts the connection after so many more bytes of the server's answers.
    pub fn cut_after(&self, bytes: i64) {
        self.shared.budget.store(bytes, Ordering::SeqCst);
    }

    /// Lets everything pass again.
    pub fn repair(&self) {
        self.shared.budget.store(-1, Ordering::SeqCst);
    }
}

/// How long answers are held back.
const ONE_WAY: Duration = Duration::from_millis(5);

async fn pass(client: TcpStream, database: String, shared: Arc<Shared>, delay: Duration) {
    let Ok(server) = TcpStream::connect(&database).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whether the client has spoken since it last heard something.
    let asking = AtomicBool::new(false);
    // Whichever side ends first, or is cut, ends both.
    tokio::select! {
        () = ask(from_client, to_server, &asking, &shared) => (),
        () = answer(from_server, to_client, &asking, &shared, delay) => (),
    }
}

async fn ask(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, asking: &AtomicBool, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer).await {
        if !asking.swap(true, Ordering::SeqCst) {
            shared.flights.fetch_add(1, Ordering::SeqCst);
        }
        if server.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn answer(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    asking: &AtomicBool,
    shared: &Shared,
    delay: Duration,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = server.read(&mut buffer).await {
        tokio::time::sleep(delay).await;
        let budget = shared.budget.load(Ordering::SeqCst);
        let allowed = usize::try_from(budget).map_or(count, |budget| budget.min(count));
        asking.store(false, Ordering::SeqCst);
        if client.write_all(&buffer[..allowed]).await.is_err() || allowed < count {
            return;
        }
        if budget >= 0 {
            shared.budget.fetch_sub(i64::try_from(allowed).unwrap(), Ordering::SeqCst);
        }
    }
}
