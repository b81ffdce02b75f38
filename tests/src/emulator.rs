//! A function's binary under AWS's Runtime Interface Emulator: the Lambda Runtime API without a container.

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

/// The emulator with a function, both stopped when dropped.
pub struct Emulator {
    program: Program,
    invocations: String,
    /// Serves one event at a time, as a Lambda instance does.
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

    /// Invokes the function. Returns an object with `errorType` if it fails, and null if it exits without a response.
    pub async fn invoke(&self, event: &Value) -> Value {
        let _turn = self.turn.lock().await;
        let request = Request::builder().method(Method::POST).uri(&self.invocations).body(event.to_string()).unwrap();
        let response = wire::send(request).await;
        if response.status() == StatusCode::BAD_GATEWAY {
            return Value::Null;
        }
        serde_json::from_slice(response.body()).unwrap_or_else(|_| panic!("{response:?}: {}", self.log()))
    }

    /// Returns the output of the emulator and the function.
    pub fn log(&self) -> String {
        self.program.log()
    }

    /// Returns the function's log lines that are JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.log()
            .lines()
            .filter(|line| line.starts_with('{'))
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Returns the duration of the function's start, from the creation of its process to its first wait for an event; none
    /// before the first event.
    pub fn init(&self) -> Option<Duration> {
        let log = self.log();
        let report = log.split("INIT REPORT(durationMs: ").nth(1)?;
        milliseconds(report.split(')').next()?)
    }

    /// Returns the duration of each event, in order, as the emulator reports it.
    pub fn durations(&self) -> Vec<Duration> {
        let log = self.log();
        let reports = log.lines().filter(|line| line.starts_with("REPORT RequestId: "));
        let fields = reports.filter_map(|line| line.split('\t').find_map(|field| field.strip_prefix("Duration: ")));
        fields.filter_map(|field| milliseconds(field.strip_suffix(" ms")?)).collect()
    }

    /// Returns the function's process; none before the first event.
    pub fn process(&self) -> Option<u32> {
        self.program.children().first().copied()
    }
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse::<f64>().ok().map(|milliseconds| Duration::from_secs_f64(milliseconds / 1000.0))
}

/// Returns the log file of a start: the function's name, this process, and the number of the start.
fn log_file(bootstrap: &Path) -> PathBuf {
    static STARTS: SyncMutex<Option<HashMap<String, usize>>> = SyncMutex::new(None);
    let name = bootstrap.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut starts = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    let start = starts.get_or_insert_default().entry(name.clone()).and_modify(|start| *start += 1).or_insert(1);
    stage::logs().join(format!("{name}-{}-{start}.log", std::process::id()))
}
