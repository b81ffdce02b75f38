//! Moto, the stand-in for AWS: Secrets Manager, KMS and S3, which the functions call through the real SDK.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use holdfast_shared::rng::{Rng, SystemRng};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::program::Program;
use crate::{loopback, stage, tools, wire};

/// The region of everything.
pub const REGION: &str = "eu-central-1";

/// A server of moto: the run's, or the test's own.
pub struct Moto {
    url: String,
    /// The test's own server, stopped when dropped.
    _own: Option<Program>,
}

impl Moto {
    /// Starts a server, stopped when dropped.
    pub async fn start() -> Self {
        Self::start_in(&stage::logs()).await
    }

    /// Starts a server with its log in a folder.
    pub async fn start_in(logs: &Path) -> Self {
        let [address] = loopback::addresses();
        let mut command = Command::new(tools::moto_server());
        command.args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()]);
        let program = Program::start(command, address, &logs.join("moto.log")).await;
        Self { url: format!("http://{address}"), _own: Some(program) }
    }

    /// Returns the server that all tests of the run share, or starts one without the harness. It is never reset: each test
    /// creates what it needs.
    pub async fn of_the_run() -> Self {
        match std::env::var(stage::MOTO) {
            Ok(url) => Self { url, _own: None },
            Err(_) => Self::start().await,
        }
    }

    /// Returns the URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the environment that points an AWS SDK at this server only.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDOFNOBODY".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "opens-nothing".to_owned()),
        ]
    }

    /// Creates a secret that holds settings, for `SECRETS_ARN`. Returns its ARN.
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

    /// Creates a key that signs access tokens. Returns its ARN.
    pub async fn signing_key(&self) -> String {
        self.key(&json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})).await
    }

    /// Creates a key that signs access tokens, with the tags and a policy as in the template. Returns its ARN.
    pub async fn signing_key_of(&self, stack: &str) -> String {
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "AuthSigns",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:role/auth"},
            "Action": "kms:Sign",
            "Resource": "*",
        }]});
        let tags = json!([
            {"TagKey": "holdfast:purpose", "TagValue": "signing"},
            {"TagKey": "holdfast:stack", "TagValue": stack},
        ]);
        let spec =
            json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "Policy": policy.to_string(), "Tags": tags});
        self.key(&spec).await
    }

    /// Returns the ids of the KMS keys that have the tag of a stack.
    pub async fn keys_of(&self, stack: &str) -> BTreeSet<String> {
        let tags = json!([{"Key": "holdfast:stack", "Values": [stack]}]);
        let request = json!({"TagFilters": tags, "ResourceTypeFilters": ["kms:key"]});
        let found = self.call("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", &request).await;
        let keys = found["ResourceTagMappingList"].as_array().into_iter().flatten();
        keys.map(|key| id(key["ResourceARN"].as_str().unwrap())).collect()
    }

    /// Calls an operation of KMS.
    pub async fn kms(&self, operation: &str, request: &Value) -> Value {
        self.call("kms", &format!("TrentService.{operation}"), request).await
    }

    /// Creates a key that wraps data keys. Returns its ARN.
    pub async fn vault_key(&self) -> String {
        self.key(&json!({"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"})).await
    }

    /// Creates a bucket with Object Lock. Returns its name.
    pub async fn locking_bucket(&self) -> String {
        let rng: &dyn Rng = &SystemRng;
        let bucket = format!("seals-{}", rng.base62(20).to_lowercase());
        let request = Request::builder().method(Method::PUT).uri(format!("{}/{bucket}", self.url));
        let request = request.header("authorization", authorization("s3"));
        let request = request.header("x-amz-bucket-object-lock-enabled", "true");
        let location = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let response = wire::send(request.body(location).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        bucket
    }

    /// Reads an object of a bucket.
    pub async fn object(&self, path: &str) -> http::Response<bytes::Bytes> {
        let request = Request::builder().uri(format!("{}/{path}", self.url));
        wire::send(request.header("authorization", authorization("s3")).body(String::new()).unwrap()).await
    }

    async fn key(&self, request: &Value) -> String {
        self.kms("CreateKey", request).await["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
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
        let response = wire::send(request.unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{target}: {response:?}");
        serde_json::from_slice(response.body()).unwrap()
    }
}

/// Returns the id of a KMS key, given its ARN or its id.
pub fn id(key: &str) -> String {
    key.rsplit('/').next().unwrap_or(key).to_owned()
}

/// Returns an unsigned authorization: moto reads only the service in its scope.
fn authorization(service: &str) -> String {
    let scope = format!("AKIDOFNOBODY/20250101/{REGION}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}
