//! A bucket of the test's own in moto, behind a proxy that rejects requests on demand, as an overloaded S3 does.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use holdfast_backup::{BackupStore, Bucket};
use holdfast_shared::rng::{Rng, SystemRng};
use http::{HeaderMap, Request, StatusCode};
use jiff::SignedDuration;
use tokio::net::TcpListener;

use crate::moto::{Moto, REGION};
use crate::wire;

/// The bucket. It has Object Lock and is empty.
pub struct TestBucket {
    /// The bucket's name.
    pub name: String,
    /// A client of S3 that bypasses the proxy.
    pub client: Client,
    proxy: Arc<Proxy>,
    url: String,
    _moto: Option<Moto>,
}

struct Proxy {
    moto: String,
    rejected: AtomicBool,
    parts: AtomicUsize,
    seen: Mutex<Vec<(String, HeaderMap)>>,
}

impl TestBucket {
    /// Creates a bucket.
    pub async fn create() -> Self {
        let moto = Moto::of_the_run().await;
        let bucket = Self::create_in(&moto).await;
        Self { _moto: Some(moto), ..bucket }
    }

    /// Creates a bucket in this moto.
    pub async fn create_in(moto: &Moto) -> Self {
        let client = client(moto.url());
        let rng: &dyn Rng = &SystemRng;
        let name = format!("backups-{}", rng.base62(12).to_lowercase());
        let created = client.create_bucket().bucket(&name).object_lock_enabled_for_bucket(true);
        created.create_bucket_configuration(location()).send().await.unwrap();
        let proxy = Arc::new(Proxy {
            moto: moto.url().to_owned(),
            rejected: AtomicBool::new(false),
            parts: AtomicUsize::new(0),
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(Arc::clone(&proxy));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { name, client, proxy, url, _moto: None }
    }

    /// Returns a store of backups in the bucket, locked for five weeks under this key.
    pub fn store(&self, kms_key: Option<&str>) -> BackupStore {
        BackupStore::Bucket(Bucket::new(client(&self.url), &self.name, kms_key, SignedDuration::from_hours(35 * 24)))
    }

    /// Rejects every part of an upload after the first one.
    pub fn reject_parts(&self) {
        self.proxy.parts.store(0, Ordering::SeqCst);
        self.proxy.rejected.store(true, Ordering::SeqCst);
    }

    /// Forwards every request again.
    pub fn repair(&self) {
        self.proxy.rejected.store(false, Ordering::SeqCst);
    }

    /// Returns the requests through the proxy since the last call: method and query, and the headers.
    pub fn take_requests(&self) -> Vec<(String, HeaderMap)> {
        std::mem::take(&mut self.proxy.seen.lock().unwrap())
    }

    /// Returns the number of unfinished multipart uploads.
    pub async fn uploads(&self) -> usize {
        self.client.list_multipart_uploads().bucket(&self.name).send().await.unwrap().uploads().len()
    }

    /// Returns the keys of all objects.
    pub async fn keys(&self) -> Vec<String> {
        let list = self.client.list_objects_v2().bucket(&self.name).send().await.unwrap();
        list.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }
}

fn location() -> aws_sdk_s3::types::CreateBucketConfiguration {
    aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build()
}

fn client(url: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
        .credentials_provider(Credentials::new("AKIDOFNOBODY", "opens-nothing", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

/// Forwards a request to moto, or rejects it.
async fn pass(State(proxy): State<Arc<Proxy>>, request: Request<Body>) -> Response {
    let (mut parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    proxy.seen.lock().unwrap().push((format!("{} {query}", parts.method), parts.headers.clone()));
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let is_part = query.contains("partNumber=");
    if proxy.rejected.load(Ordering::SeqCst) && is_part && proxy.parts.fetch_add(1, Ordering::SeqCst) > 0 {
        let rejection = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        return Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(rejection.into()).unwrap();
    }
    let path = parts.uri.path_and_query().unwrap().to_string();
    parts.uri = format!("{}{path}", proxy.moto).parse().unwrap();
    let (parts, body): (_, Bytes) = wire::send(Request::from_parts(parts, body)).await.into_parts();
    Response::from_parts(parts, body.into())
}
