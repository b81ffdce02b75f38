//! Throughput compared with the database's own: requests a second of the local gateway at saturation, against `pgbench -M
//! prepared` with the same transactions, taken from the server's log, and as many clients. The cluster is durable (fsync on).

mod script;

use std::fmt::Write as _;
use std::process::{Command, Output};

use holdfast::cluster::ClusterOptions;
use holdfast_tests::tools;
use holdfast_tests::wire::Web;
use serde_json::json;

use crate::local::{DATABASE, Local};

/// The number of concurrent clients, and of connections of the gateway.
const CLIENTS: usize = 8;
/// The duration of a round in seconds. Both programs run in turns, and the median of the rounds counts.
const SECONDS: usize = 10;
const ROUNDS: usize = 3;
/// The target for the gateway's share of pgbench's throughput.
const MIN_SHARE: f64 = 0.6;

/// The prefix of the name of each account in the load.
const NAME: &str = "bench-";

/// A request, and its transaction.
struct Load {
    what: &'static str,
    wrk: String,
    pgbench: String,
}

/// Returns the results of both loads, and the missed targets.
pub(crate) async fn measure() -> String {
    let local = Local::start(ClusterOptions::default(), CLIENTS).await;
    let mut text = String::new();
    for load in loads(&local).await {
        let login = script::login(local.folder.path());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(wrk(&local.url, &load.wrk));
            theirs.push(pgbench(&login, &load.pgbench));
        }
        let (ours, theirs) = (middle(ours), middle(theirs));
        let share = ours / theirs;
        let _ = writeln!(text, "{}: {ours:.0}/s by the gateway, {theirs:.0}/s by pgbench: {share:.2}", load.what);
        if share < MIN_SHARE {
            let _ = writeln!(text, "missed: {} should reach {MIN_SHARE} of pgbench's", load.what);
        }
    }
    text
}

/// Sends each request once with the server's statement log on, and derives the scripts of both tools from it.
async fn loads(local: &Local) -> [Load; 2] {
    let Local { url, token, superuser, cluster, folder, .. } = local;
    let web = Web::at(url);
    let insert = json!({"name": format!("{NAME}0")});
    let written = script::logged(superuser, cluster, web.send("POST", "/accounts", Some(token), Some(&insert))).await;
    let id = written.1["id"].as_str().unwrap().to_owned();
    let path = format!("/accounts/{id}");
    let read = script::logged(superuser, cluster, web.send("GET", &path, Some(token), None)).await;

    let headers = format!("wrk.headers[\"Authorization\"] = \"Bearer {token}\"\n");
    let get = format!("{headers}wrk.path = \"{path}\"\n");
    let post = format!(
        "{headers}wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nlocal sent = os.time() * 1000000\n\
         request = function()\n  sent = sent + 1\n  \
         return wrk.format(nil, \"/accounts\", nil, string.format('{{\"name\": \"{NAME}%.0f\"}}', sent))\nend\n"
    );
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    [
        Load {
            what: "GET /accounts/{id}",
            wrk: file("read.lua", get),
            pgbench: file("read.sql", script::pipeline(&read.0, &[])),
        },
        Load {
            what: "POST /accounts, audited",
            wrk: file("write.lua", post),
            pgbench: file("write.sql", script::pipeline(&written.0, &[(&id, "gen_random_uuid()"), (NAME, "")])),
        },
    ]
}

/// Returns responses a second, all of which must succeed.
fn wrk(url: &str, script: &str) -> f64 {
    let mut command = Command::new(tools::program("wrk"));
    command.args(["-t1", &format!("-c{CLIENTS}"), &format!("-d{SECONDS}s"), "-s", script, url]);
    command.env("LD_LIBRARY_PATH", tools::programs().join("lib"));
    let text = stdout(command.output().unwrap());
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    figure(&text, "Requests/sec:")
}

/// Returns transactions a second.
fn pgbench(login: &script::Login, file: &str) -> f64 {
    let mut command = Command::new("pgbench");
    command.args([
        "-n",
        "-M",
        "prepared",
        "-c",
        &CLIENTS.to_string(),
        "-j",
        "1",
        "-T",
        &SECONDS.to_string(),
        "-f",
        file,
    ]);
    command
        .args(["-h", &login.host, "-p", &login.port, "-U", &login.user, DATABASE])
        .env("PGPASSWORD", &login.password);
    let text = stdout(command.output().unwrap());
    figure(&text, "tps =")
}

fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn figure(text: &str, name: &str) -> f64 {
    let figure = text.split(name).nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    figure.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.swap_remove(figures.len() / 2)
}
