//! A real browser, headless, driven as the W3C's `WebDriver` says: what people see and press, and what the browser complains of.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use http::{Method, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::Program;
use crate::{loopback, stage, tools, wire};

/// How long something on a page may take to show.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);
/// The name of the field with an element's id, in the driver's answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The running browser, with one window. End it with [`Browser::quit`].
pub struct Browser {
    driver: String,
    session: String,
    _program: Program,
    _folder: TempDir,
}

impl Browser {
    /// Starts it, without history or cookies. It takes any certificate: the tests' authority is unknown to it.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The driver listens on 127.0.0.1 alone.
        let [mut address] = loopback::addresses();
        address.set_ip(Ipv4Addr::LOCALHOST.into());
        let mut command = Command::new(tools::program("chromedriver"));
        command.arg(format!("--port={}", address.port())).arg("--log-level=SEVERE");
        command.env("LD_LIBRARY_PATH", tools::programs().join("lib")).env("HOME", folder.path());
        let log = stage::logs().join(format!("browser-{}-{}.log", std::process::id(), address.port()));
        let program = Program::start(command, address, &log).await;
        // Whoever tests as root has no sandbox; the pages are our own.
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &profile];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "acceptInsecureCerts": true,
            "goog:chromeOptions": {"binary": binary(), "args": args},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let mut browser =
            Self { driver: format!("http://{address}"), session: String::new(), _program: program, _folder: folder };
        let made = browser.ask(Method::POST, "/session", &capabilities).await;
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")));
        browser
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url})).await;
    }

    /// Loads the page again, as somebody does who presses F5.
    pub async fn reload(&self) {
        self.post("/refresh", &json!({})).await;
    }

    /// Writes into the field of this CSS selector, once it is there.
    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.find("css selector", selector).await;
        self.post(&format!("/element/{element}/value"), &json!({"text": text})).await;
    }

    /// Presses what this CSS selector finds, once it is there.
    pub async fn press(&self, selector: &str) {
        let element = self.find("css selector", selector).await;
        self.post(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Presses the button or the link with this text, once it is there.
    pub async fn press_named(&self, text: &str) {
        let element = self.find("xpath", &format!("//*[self::button or self::a][normalize-space()='{text}']")).await;
        self.post(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) {
        let started = Instant::now();
        loop {
            let shown = self.run("return document.body.innerText").await;
            let shown = shown.as_str().unwrap_or_default();
            if shown.contains(text) {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{text:?} is not shown, but {shown:?}; {:?}",
                self.complaints().await
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until a script's body returns this in the page.
    pub async fn finds(&self, script: &str, expected: &str) {
        let started = Instant::now();
        loop {
            let found = self.run(script).await;
            if found == expected {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{script}: {found}, not {expected:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs a script's body in the page and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// The cookies of the page's origin, those that scripts cannot read among them.
    pub async fn cookies(&self) -> Vec<Value> {
        let found = self.ask(Method::GET, &format!("{}/cookie", self.session), &Value::Null).await;
        found.as_array().cloned().unwrap_or_default()
    }

    /// What has been written to the console since the last call: errors of scripts and of loading, breaches of the policy.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"})).await;
        entries.as_array().into_iter().flatten().map(|entry| entry["message"].to_string()).collect()
    }

    /// Closes it.
    pub async fn quit(self) {
        self.ask(Method::DELETE, &self.session, &Value::Null).await;
    }

    /// The id of the first element that is found and shown.
    async fn find(&self, using: &str, value: &str) -> String {
        let started = Instant::now();
        loop {
            let found = self.post("/elements", &json!({"using": using, "value": value})).await;
            for element in found.as_array().into_iter().flatten() {
                let id = element[ELEMENT].as_str().unwrap().to_owned();
                let shown = format!("{}/element/{id}/displayed", self.session);
                if self.try_asking(Method::GET, &shown, &Value::Null).await == Ok(Value::Bool(true)) {
                    return id;
                }
            }
            assert!(started.elapsed() < PATIENCE, "there is no {value}: {:?}", self.complaints().await);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.ask(Method::POST, &format!("{}{path}", self.session), body).await
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        self.try_asking(method, path, body).await.unwrap_or_else(|answer| panic!("{path}: {answer}"))
    }

    /// What the driver answers; where it refuses, why. An element may have gone since it was found.
    async fn try_asking(&self, method: Method, path: &str, body: &Value) -> Result<Value, Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.driver));
        let answer = wire::send(request.header("content-type", "application/json").body(body).unwrap()).await;
        let mut read: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.status() == 200 { Ok(read["value"].take()) } else { Err(read) }
    }
}

/// The browser itself: Debian starts it by a script that looks for it where it would be installed.
fn binary() -> PathBuf {
    let unpacked = tools::programs().join("root/usr/lib/chromium/chromium");
    if unpacked.is_file() { unpacked } else { tools::program("chromium") }
}
