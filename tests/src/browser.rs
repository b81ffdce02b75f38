//! A headless browser, driven over the W3C `WebDriver` protocol: what people see and press, and what the browser reports.
//!
//! A page may replace an element between the moment it is found and the moment it is used. So finding and using are one
//! step here, repeated until it succeeds or the time is over. The protocol is spoken by hand: fantoccini brings second
//! versions of a dozen crates and a licence that `deny.toml` does not allow, and thirtyfour makes `serde_json` keep the
//! order of fields, in the functions under test as well.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use http::{Method, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::Program;
use crate::{loopback, stage, tools, wire};

/// The time limit of each step, far longer than a step takes on a loaded machine.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// The name of the field with an element's id, in the driver's responses.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The errors of a page that is about to change: the same step may succeed on the next attempt.
const TRANSIENT: [&str; 6] = [
    "stale element reference",
    "no such element",
    "element not interactable",
    "element click intercepted",
    "invalid element state",
    "javascript error",
];

/// The running browser, with one window. End it with [`Browser::quit`].
pub struct Browser {
    driver: String,
    session: String,
    _program: Program,
    _folder: TempDir,
}

/// A response's value, or the error that the driver reports.
type DriverResult = Result<Value, DriverError>;

/// An error of the driver.
#[derive(Debug)]
struct DriverError(Value);

impl DriverError {
    /// Returns the error code of the protocol, such as `stale element reference`.
    fn code(&self) -> &str {
        self.0["value"]["error"].as_str().unwrap_or_default()
    }

    /// Returns true if the same step may succeed on the next attempt.
    fn is_transient(&self) -> bool {
        TRANSIENT.contains(&self.code())
    }
}

/// An element's address.
#[derive(Debug, Clone, Copy)]
enum Locator<'a> {
    /// The first displayed element of a CSS selector.
    Css(&'a str),
    /// The first displayed button or link with this text.
    Label(&'a str),
}

impl Browser {
    /// Starts the browser without history or cookies. It accepts any certificate: it does not know the tests' authority.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The driver listens on 127.0.0.1 only.
        let [mut address] = loopback::addresses();
        address.set_ip(Ipv4Addr::LOCALHOST.into());
        let mut command = Command::new(tools::program("chromedriver"));
        command.arg(format!("--port={}", address.port())).arg("--log-level=SEVERE");
        command.env("LD_LIBRARY_PATH", tools::programs().join("lib")).env("HOME", folder.path());
        let log = stage::logs().join(format!("browser-{}-{}.log", std::process::id(), address.port()));
        let program = Program::start(command, address, &log).await;
        // Root has no sandbox, and the pages under test are trusted.
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &profile];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "acceptInsecureCerts": true,
            "goog:chromeOptions": {"binary": binary(), "args": args},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let mut browser =
            Self { driver: format!("http://{address}"), session: String::new(), _program: program, _folder: folder };
        let created = browser.send(Method::POST, "/session", &capabilities).await.unwrap();
        browser.session = format!("/session/{}", created["sessionId"].as_str().unwrap_or_else(|| panic!("{created}")));
        browser
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url})).await.unwrap();
    }

    /// Reloads the page.
    pub async fn reload(&self) {
        self.post("/refresh", &json!({})).await.unwrap();
    }

    /// Fills the field of this CSS selector, and returns once the field holds the text.
    pub async fn write(&self, selector: &str, text: &str) {
        self.until(&format!("write into {selector}"), async || {
            let element = self.find(Locator::Css(selector)).await?;
            self.post(&format!("/element/{element}/clear"), &json!({})).await?;
            self.post(&format!("/element/{element}/value"), &json!({"text": text})).await?;
            let held = self.get(&format!("/element/{element}/property/value")).await?;
            Ok((held == text).then_some(()))
        })
        .await;
    }

    /// Clicks the element of this CSS selector.
    pub async fn press(&self, selector: &str) {
        self.click(Locator::Css(selector)).await;
    }

    /// Clicks the button or the link with this text.
    pub async fn press_named(&self, text: &str) {
        self.click(Locator::Label(text)).await;
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) {
        self.until(&format!("see {text:?}"), async || {
            let shown = self.script("return document.body.innerText").await?;
            Ok(shown.as_str().is_some_and(|shown| shown.contains(text)).then_some(()))
        })
        .await;
    }

    /// Waits until a script's body returns this in the page.
    pub async fn finds(&self, script: &str, expected: &str) {
        self.until(&format!("get {expected:?} from {script}"), async || {
            Ok((self.script(script).await? == expected).then_some(()))
        })
        .await;
    }

    /// Waits until the browser reports a message with this text.
    pub async fn reports(&self, text: &str) {
        self.until(&format!("get a message with {text:?}"), async || {
            Ok(self.messages().await.iter().any(|message| message.contains(text)).then_some(()))
        })
        .await;
    }

    /// Runs a script's body in the page and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        self.until(&format!("run {script}"), async || self.script(script).await.map(Some)).await
    }

    /// Returns the cookies of the page's origin, including those that scripts cannot read.
    pub async fn cookies(&self) -> Vec<Value> {
        let found = self.get("/cookie").await.unwrap();
        found.as_array().cloned().unwrap_or_default()
    }

    /// Returns the messages on the browser's console since the last call: errors of scripts and of loading, violations of
    /// the content security policy.
    pub async fn messages(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"})).await.unwrap();
        entries.as_array().into_iter().flatten().map(|entry| entry["message"].to_string()).collect()
    }

    /// Closes the browser.
    pub async fn quit(self) {
        self.send(Method::DELETE, &self.session, &Value::Null).await.unwrap();
    }

    async fn click(&self, locator: Locator<'_>) {
        self.until(&format!("click {locator:?}"), async || {
            let element = self.find(locator).await?;
            self.post(&format!("/element/{element}/click"), &json!({})).await.map(|_| Some(()))
        })
        .await;
    }

    /// Repeats a step until it returns a value, over errors of a page that is about to change.
    async fn until<T>(&self, step: &str, attempt: impl AsyncFn() -> Result<Option<T>, DriverError>) -> T {
        let started = Instant::now();
        loop {
            let failure = match attempt().await {
                Ok(Some(value)) => return value,
                Ok(None) => None,
                Err(error) if error.is_transient() => Some(error.0),
                Err(error) => panic!("cannot {step}: {}", error.0),
            };
            if started.elapsed() > TIME_LIMIT {
                let shown = self.script("return document.body.innerText").await;
                panic!("cannot {step}: {failure:?}; the page shows {shown:?}; {:?}", self.messages().await);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns the id of the first element that is found and displayed.
    async fn find(&self, locator: Locator<'_>) -> Result<String, DriverError> {
        let body = match locator {
            Locator::Css(selector) => json!({"using": "css selector", "value": selector}),
            Locator::Label(text) => {
                json!({"using": "xpath", "value": format!("//*[self::button or self::a][normalize-space()='{text}']")})
            }
        };
        let found = self.post("/elements", &body).await?;
        for element in found.as_array().into_iter().flatten() {
            let id = element[ELEMENT].as_str().unwrap();
            if self.get(&format!("/element/{id}/displayed")).await? == true {
                return Ok(id.to_owned());
            }
        }
        Err(DriverError(json!({"value": {"error": "no such element", "message": body}})))
    }

    async fn script(&self, script: &str) -> DriverResult {
        self.post("/execute/sync", &json!({"script": script, "args": []})).await
    }

    async fn get(&self, path: &str) -> DriverResult {
        self.send(Method::GET, &format!("{}{path}", self.session), &Value::Null).await
    }

    async fn post(&self, path: &str, body: &Value) -> DriverResult {
        self.send(Method::POST, &format!("{}{path}", self.session), body).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> DriverResult {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(format!("{}{path}", self.driver));
        let response = wire::send(request.header("content-type", "application/json").body(body).unwrap()).await;
        let mut body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if response.status() == 200 {
            return Ok(body["value"].take());
        }
        Err(DriverError(body))
    }
}

/// Returns the browser's own binary: Debian starts it by a script that expects it where it would be installed.
fn binary() -> PathBuf {
    let unpacked = tools::programs().join("root/usr/lib/chromium/chromium");
    if unpacked.is_file() { unpacked } else { tools::program("chromium") }
}
