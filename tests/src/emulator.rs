//! A function's binary under AWS's Runtime Interface Emulator: the Lambda Runtime API as the service has it, without a
//! container.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::program::Program;
use crate::{loopback, stage, tools, wire};

/// The emulator with a function. Dropping it ends both.
pub struct Emulator {
    program: Program,
    invocations: String,
    /// Like a Lambda instance, it serves one event at a time.
    turn: Mutex<()>,
}

impl Emulator {
    /// Starts the emulator for a function's binary, with this environment and no other. The function itself starts
    /// with the first event.
    pub async fn start(bootstrap: &Path, environment: &[(&str, String)]) -> Self {
        let [events, runtime_api] = loopback::addresses();
        let mut command = Command::new(tools::runtime_emulator());
        command.args(["--runtime-interface-emulator-address", &events.to_string()]);
        command.args(["--runtime-api-address", &runtime_api.to_string()]);
        command.arg(bootstrap).env_clear();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let program = Program::start(command, events, &log_file(bootstrap)).await;
        let invocations = format!("http://{events}/2015-03-31/functions/function/invocations");
        Self { program, invocations, turn: Mutex::default() }
    }

    /// Starts one of Holdfast's own functions.
    pub async fn function(name: &str, environment: &[(&str, String)]) -> Self {
        Self::start(&tools::function(name), environment).await
    }

    /// Hands the function an event. One that fails to handle it answers with an object that has `errorType`; one that
    /// ends instead of waiting for events leaves no answer at all, so null.
    pub async fn invoke(&self, event: &Value) -> Value {
        let _turn = self.turn.lock().await;
        let request = Request::builder().method(Method::POST).uri(&self.invocations).body(event.to_string()).unwrap();
        let answer = wire::send(request).await;
        if answer.status() == StatusCode::BAD_GATEWAY {
            return Value::Null;
        }
        serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("{answer:?}: {}", self.log()))
    }

    /// All that the emulator and the function have written.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// The function's own log lines that are JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.log()
            .lines()
            .filter(|line| line.starts_with('{'))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// How long the function's start took, from the creation of its process to its first wait for an event; none before
    /// the first event.
    pub fn init(&self) -> Option<Duration> {
        let log = self.log();
        let report = log.split("INIT REPORT(durationMs: ").nth(1)?;
        milliseconds(report.split(')').next()?)
    }

    /// How long each event took, in order, as the emulator reports it.
    pub fn durations(&self) -> Vec<Duration> {
        let log = self.log();
        let reports = log.lines().filter(|line| line.starts_with("REPORT RequestId: "));
        let fields = reports.filter_map(|line| line.split('\t').find_map(|field| field.strip_prefix("Duration: ")));
        fields.filter_map(|field| milliseconds(field.strip_suffix(" ms")?)).collect()
    }

    /// The function's process; none before the first event.
    pub fn process(&self) -> Option<u32> {
        self.program.children().first().copied()
    }
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse::<f64>().ok().map(|milliseconds| Duration::from_secs_f64(milliseconds / 1000.0))
}

/// A log for each start: the function's name, this process, and which start of it.
fn log_file(bootstrap: &Path) -> PathBuf {
    static STARTS: SyncMutex<Option<HashMap<String, usize>>> = SyncMutex::new(None);
    let name = bootstrap.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut starts = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    let start = starts.get_or_insert_default().entry(name.clone()).and_modify(|start| *start += 1).or_insert(1);
    stage::logs().join(format!("{name}-{}-{start}.log", std::process::id()))
}
