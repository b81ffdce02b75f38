//! `harness COMMAND ARGUMENTS`: sets up the shared stage of a run, runs the command, and removes the stage, however the
//! command ends. Then it searches every log of the run, and every table of every database, for the secrets of the tests.
#![expect(clippy::print_stderr, reason = "a command prints its errors")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use holdfast_tests::moto::Moto;
use holdfast_tests::stage::{self, Stage};
use holdfast_tests::{leaks, tools};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("harness: name the command to run, such as `harness cargo nextest run`");
        return ExitCode::from(2);
    };
    match run(program, words.collect()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("harness: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(program: OsString, arguments: Vec<OsString>) -> anyhow::Result<u8> {
    let logs = empty_folder(tools::binaries().join("test-logs"))?;
    let mut command = Command::new(&program);
    command.args(arguments).env(stage::LOGS, &logs).env("HOLDFAST_BIN_DIR", tools::binaries());

    // Signals are caught before anything exists that they could leave behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let set_up = async { anyhow::Ok((Stage::set_up().await?, Moto::start_in(&logs).await)) };
    let (stage, moto) = tokio::select! {
        set_up = set_up => set_up?,
        _ = interrupt.recv() => return Ok(interrupted(Signal::INT)),
        _ = terminate.recv() => return Ok(interrupted(Signal::TERM)),
    };
    command.env(stage::DATABASE, stage.superuser_url()).env(stage::AUTHORITY, stage.authority());
    command.env(stage::MOTO, moto.url());

    let mut child = command.spawn().with_context(|| format!("{} cannot be run", program.display()))?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // The terminal interrupts the command as well.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => terminate_child(&child),
        }
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    let code = u8::try_from(code).unwrap_or(1);

    drop(moto);
    let leaks = leaks::find(&logs, &further_logs(&stage))?;
    for leak in &leaks {
        eprintln!("{leak}");
    }
    Ok(if code == 0 && !leaks.is_empty() { 1 } else { code })
}

/// Replaces the folder of an earlier run. Only its owner may read it: it holds the secrets of the tests.
fn empty_folder(path: PathBuf) -> anyhow::Result<PathBuf> {
    if path.exists() {
        fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    fs::DirBuilder::new().recursive(true).create(&path).with_context(|| path.display().to_string())?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(path)
}

/// Returns the logs outside the folder: the database's, and the output of each test as nextest keeps it.
fn further_logs(stage: &Stage) -> Vec<PathBuf> {
    let report = tools::binaries().parent().map(|target| target.join("nextest/default/junit.xml"));
    [Some(stage.log()), report].into_iter().flatten().filter(|path| Path::is_file(path)).collect()
}

fn terminate_child(child: &Child) {
    let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(id) = id {
        // It may have ended just now.
        let _ = kill_process(id, Signal::TERM);
    }
}

/// Returns the exit code of a program that a signal ended, by the convention of shells.
fn interrupted(signal: Signal) -> u8 {
    u8::try_from(128 + signal.as_raw()).unwrap_or(1)
}
