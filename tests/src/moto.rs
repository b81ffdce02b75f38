//! Moto, which stands in for AWS: Secrets Manager, KMS and S3 as the functions call them, over HTTP and through the real SDK.

use std::path::Path;
use std::process::Command;

use holdfast_shared::rng::{Rng, SystemRng};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::program::Program;
use crate::{loopback, stage, tools, wire};

/// The region that everything is in.
pub const REGION: &str = "eu-central-1";

/// Moto, the run's or this test's own.
pub struct Moto {
    url: String,
    /// Ends with this value, where it is not the run's.
    _own: Option<Program>,
}

impl Moto {
    /// Starts one. Dropping it ends it.
    pub async fn start() -> Self {
        Self::start_in(&stage::logs()).await
    }

    /// Starts one with its log in a folder.
    pub async fn start_in(logs: &Path) -> Self {
        let [address] = loopback::addresses();
        let mut command = Command::new(tools::moto_server());
        command.args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()]);
        let program = Program::start(command, address, &logs.join("moto.log")).await;
        Self { url: format!("http://{address}"), _own: Some(program) }
    }

    /// The one that all tests of the run share, or one of this test's own where it runs without the harness. Nothing in
    /// it is ever reset: each test makes what it needs.
    pub async fn of_the_run() -> Self {
        match std::env::var(stage::MOTO) {
            Ok(url) => Self { url, _own: None },
            Err(_) => Self::start().await,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The environment with which an AWS SDK finds it, and nothing else.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDOFNOBODY".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "opens-nothing".to_owned()),
        ]
    }

    /// Makes a secret of settings, as a deployment's `SECRETS_ARN` names one. Gives its ARN.
    pub async fn secret(&self, settings: &[(&str, String)]) -> String {
        let rng: &dyn Rng = &SystemRng;
        let settings: serde_json::Map<_, _> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        let request = json!({
            "Name": format!("holdfast/{}", rng.base62(20)),
            "SecretString": Value::Object(settings).to_string(),
        });
        self.call("secretsmanager", "secretsmanager.CreateSecret", &request).await["ARN"].as_str().unwrap().to_owned()
    }

    /// Makes a key that signs access tokens. Gives its ARN.
    pub async fn signing_key(&self) -> String {
        self.key(&json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})).await
    }

    /// Makes a key that wraps data keys. Gives its ARN.
    pub async fn vault_key(&self) -> String {
        self.key(&json!({"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"})).await
    }

    /// Makes a bucket whose objects can be locked. Gives its name.
    pub async fn locking_bucket(&self) -> String {
        let rng: &dyn Rng = &SystemRng;
        let bucket = format!("seals-{}", rng.base62(20).to_lowercase());
        let request = Request::builder().method(Method::PUT).uri(format!("{}/{bucket}", self.url));
        let request = request.header("authorization", authorization("s3"));
        let request = request.header("x-amz-bucket-object-lock-enabled", "true");
        let location = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let answer = wire::send(request.body(location).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        bucket
    }

    /// Asks S3 for something in a bucket.
    pub async fn object(&self, path: &str) -> http::Response<bytes::Bytes> {
        let request = Request::builder().uri(format!("{}/{path}", self.url));
        wire::send(request.header("authorization", authorization("s3")).body(String::new()).unwrap()).await
    }

    async fn key(&self, request: &Value) -> String {
        self.call("kms", "TrentService.CreateKey", request).await["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// Calls a service.
    async fn call(&self, service: &str, target: &str, request: &Value) -> Value {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.url))
            .header("authorization", authorization(service))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(request.to_string());
        let answer = wire::send(request.unwrap()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{target}: {answer:?}");
        serde_json::from_slice(answer.body()).unwrap()
    }
}

/// Moto asks for a signature only to learn from its scope which service is meant.
fn authorization(service: &str) -> String {
    let scope = format!("AKIDOFNOBODY/20250101/{REGION}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}
