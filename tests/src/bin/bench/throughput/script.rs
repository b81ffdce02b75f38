//! The statements of a request, converted from the server's log to a script for pgbench.

use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast::cluster::Cluster;
use regex::{Captures, Regex};
use tokio_postgres::Client;

/// Marks each line of the log with its role.
const PREFIX: &str = "%%u=%u ";

/// The login of the role that serves requests.
pub(super) struct Login {
    pub(super) host: String,
    pub(super) port: String,
    pub(super) user: String,
    pub(super) password: String,
}

/// Returns the login that a local run gives to its functions.
pub(super) fn login(folder: &Path) -> Login {
    let settings = fs::read_to_string(folder.join("accounts.env")).unwrap();
    let url = settings.lines().find_map(|line| line.strip_prefix("DATABASE_URL=")).unwrap();
    let config: tokio_postgres::Config = url.trim_matches('\'').trim_matches('"').parse().unwrap();
    let password = String::from_utf8(config.get_password().unwrap().to_vec()).unwrap();
    Login {
        host: "127.0.0.1".to_owned(),
        port: config.get_ports()[0].to_string(),
        user: config.get_user().unwrap().to_owned(),
        password,
    }
}

/// Sends a request. Returns the statements between its `BEGIN` and `COMMIT` with their values, and the response.
pub(super) async fn logged(
    superuser: &Client,
    cluster: &Cluster,
    request: impl Future<Output = (u16, serde_json::Value)>,
) -> (Vec<String>, serde_json::Value) {
    let before = fs::metadata(cluster.log()).unwrap().len();
    set(superuser, "all").await;
    let (status, body) = request.await;
    set(superuser, "none").await;
    assert!(matches!(status, 200 | 201), "{status} {body}");
    let log = fs::read(cluster.log()).unwrap();
    let log = String::from_utf8_lossy(&log[usize::try_from(before).unwrap()..]).into_owned();
    let transaction = log.split("statement: BEGIN").last().unwrap();
    let transaction = transaction.split("statement: COMMIT").next().unwrap();
    (statements(transaction), body)
}

async fn set(superuser: &Client, what: &str) {
    for statement in
        [format!("ALTER SYSTEM SET log_line_prefix = '{PREFIX}'"), format!("ALTER SYSTEM SET log_statement = '{what}'")]
    {
        superuser.batch_execute(&statement).await.unwrap();
    }
    superuser.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    // A server process rereads its settings before its next command.
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// Returns each statement of the log with its parameters filled in.
fn statements(log: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for entry in log.split("%u=").filter(|entry| entry.starts_with("holdfast_accounts ")) {
        // A prepared statement is logged with its name.
        if let Some((_, statement)) = entry.split_once("execute ").and_then(|(_, rest)| rest.split_once(": ")) {
            found.push(statement.trim().to_owned());
        } else if let (Some((_, values)), Some(statement)) = (entry.split_once("arameters: "), found.last_mut()) {
            *statement = filled(statement, values);
        }
    }
    assert!(!found.is_empty(), "the server's log has no statement: {log}");
    // Only some requests report counters.
    found.retain(|statement| !statement.contains("report_metrics"));
    found
}

fn filled(statement: &str, values: &str) -> String {
    let value = Regex::new(r"\$(\d+) = (NULL|'(?:[^']|'')*')").unwrap();
    let values: Vec<&str> = value.captures_iter(values).map(|found| found.get(2).unwrap().as_str()).collect();
    let parameter = Regex::new(r"\$(\d+)").unwrap();
    let fill = |found: &Captures<'_>| values[found[1].parse::<usize>().unwrap() - 1].to_owned();
    parameter.replace_all(statement, fill).into_owned()
}

/// Returns the statements as one transaction in one round trip. Values that must differ each time are replaced by
/// expressions: texts that begin with the given name, and whole values.
pub(super) fn pipeline(statements: &[String], new: &[(&str, &str)]) -> String {
    let mut script = "\\set n random(1, 1000000000000000)\n\\startpipeline\nBEGIN;\n".to_owned();
    let id = Regex::new(r"'[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}'").unwrap();
    for statement in statements {
        let mut statement = statement.replace('\n', " ");
        if statement.contains("record_audit(") {
            statement = id.replace(&statement, "gen_random_uuid()").into_owned();
        }
        for (value, expression) in new {
            statement = match *expression {
                "" => statement.replace(&format!("'{value}0'"), &format!("'{value}' || :n")),
                expression => statement.replace(&format!("'{value}'"), expression),
            };
        }
        script.push_str(&statement);
        script.push_str(";\n");
    }
    script + "COMMIT;\n\\endpipeline\n"
}
