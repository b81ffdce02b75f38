//! Connections to the local gateway that cost their holder nothing: headers that never end, bodies that drip or are large.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast::local::gateway::{Patience, in_front_of, serve};
use holdfast_shared::permission::Role;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::route::{Access, Effect};
use holdfast_tests::app::{Tenant, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const PATIENCE: Patience = Patience { headers: Duration::from_millis(500), body: Duration::from_millis(400) };
/// More than any limit, and enough for a loaded machine.
const LONG: Duration = Duration::from_secs(30);

/// The gateway over the application, on a socket; it stops with the sender.
async fn gateway(app: &TestApp) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let router = in_front_of(app.router(), app.clock.clone(), Arc::new(SystemRng), PATIENCE);
    tokio::spawn(serve(listener, router, PATIENCE, stopped));
    (address, stop)
}

/// Sends a start, and then pieces of it for as long as the server listens. Returns what came back, once the server hangs up
/// or has answered.
async fn trickle(address: &str, start: &str, piece: &[u8], pause: Duration) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut received = Vec::new();
    let send = async {
        while writing.write_all(piece).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = send => {}
        read = tokio::time::timeout(LONG, reading.read_to_end(&mut received)) => {
            read.expect("the server lets the connection be held").ok();
        }
    }
    String::from_utf8_lossy(&received).into_owned()
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end_end_the_connection() {
    let app = TestApp::start().await;
    let (address, _stop) = gateway(&app).await;
    let started = Instant::now();
    let slow = "GET /healthz HTTP/1.1\r\nHost: x\r\n";
    for (start, piece) in [("", &b""[..]), (slow, b"X-a: b\r\n"), ("GET /heal", b"t")] {
        trickle(&address, start, piece, Duration::from_millis(100)).await;
    }
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_refused_on_every_route_that_takes_one() {
    let app = TestApp::start().await;
    let (address, _stop) = gateway(&app).await;
    let mut tried = 0;
    for endpoint in holdfast::gateway::endpoints().iter().filter(|endpoint| endpoint.route.effect != Effect::Reads) {
        let (method, path) = (&endpoint.route.method, endpoint.route.path.replace(['{', '}'], ""));
        let start = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        );
        let response = trickle(&address, &start, b" ", Duration::from_millis(200)).await;
        assert_eq!(status(&response), "400", "{method} {path}: {response}");
        assert!(response.contains("The body was not complete"), "{response}");
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_of_nobody_is_refused_early_and_not_kept() {
    let app = TestApp::start().await;
    let (address, _stop) = gateway(&app).await;
    for endpoint in holdfast::gateway::endpoints().iter().filter(|endpoint| endpoint.route.body.is_some()) {
        let route = endpoint.route;
        let path = route.path.replace(['{', '}'], "");
        let expected = if route.access == Access::Anyone { "413" } else { "401" };
        let head = format!(
            "{} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n",
            route.method
        );
        let declared = format!("{head}Content-Length: 10000000\r\n\r\n");
        // Not one byte of the body is needed for the answer.
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(declared.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        tokio::time::timeout(LONG, stream.read_exact(&mut first)).await.expect("an answer").unwrap();
        assert_eq!(String::from_utf8_lossy(&first), format!("HTTP/1.1 {expected}"), "{path}");

        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
        let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
        let response = trickle(&address, &chunked, &chunk, Duration::ZERO).await;
        assert_eq!(status(&response), expected, "{path}: {response}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_held_up_to_the_limit_of_their_route() {
    let app = TestApp::start().await;
    let (address, _stop) = gateway(&app).await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let account = editor.create_account().await;
    let token = editor.access_token.clone().unwrap();
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    // A secret of 64 KiB, each character escaped, is longer than the usual limit.
    let value = "\\u0061".repeat(60_000);
    let body = format!("{{\"value\":\"{value}\"}}");
    let head = |authorization: &str| {
        format!(
            "PUT {account}/secrets/large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}Content-Type: application/json\r\n"
        )
    };
    let request =
        format!("{}Content-Length: {}\r\n\r\n{body}", head(&format!("Authorization: Bearer {token}\r\n")), body.len());
    let response = trickle(&address, &request, b"", Duration::from_millis(50)).await;
    assert_eq!(status(&response), "201", "{response}");

    let before = resident();
    let mut connections = Vec::new();
    for _ in 0..60 {
        let address = address.clone();
        let start = format!("{}Transfer-Encoding: chunked\r\n\r\n", head(""));
        connections.push(tokio::spawn(async move {
            let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
            trickle(&address, &start, &chunk, Duration::ZERO).await
        }));
    }
    for each in connections {
        assert_eq!(status(&each.await.unwrap()), "401");
    }
    // 60 bodies of 10 MiB would be 600 MiB.
    assert!(resident() < before + 120 * 1024, "{before} KiB before, {} KiB after", resident());
}
