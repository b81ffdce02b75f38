//! A database that is killed under load: every acknowledged change survives with its audit row, and there is no other audit row.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::{Run, eventually, place, runs, server_of, signal};

/// Number of concurrent writers.
const CALLERS: usize = 8;
/// Number of changes after which the database is killed.
const ENOUGH: usize = 150;

/// Kills the server and all its processes at once, as a machine that loses its power does.
fn kill_server(data_dir: &Path) {
    let server = server_of(data_dir);
    let threads = Path::new("/proc").join(server.to_string()).join("task").read_dir().unwrap().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<i32> =
        children.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect();
    // The server first, so that it restarts no process.
    for process in [&[server], children.as_slice()].concat() {
        if runs(process) {
            signal(process, Signal::KILL);
        }
    }
    eventually("the server is gone", || !runs(server));
}

/// All items of a list, page after page.
fn all(run: &Run, token: &str, list: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, body) = run.call("GET", &format!("{list}limit=200{cursor}"), token, None);
        assert_eq!(status, 200, "{body}");
        let page: Value = serde_json::from_str(&body).unwrap();
        items.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_killed_database_with_its_audit_row_and_nothing_is_half_done() {
    let place = place();
    let run = Run::start(place.path());
    let token = run.sign_in(place.path(), "editor");
    let (done, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let acknowledged: BTreeSet<String> = std::thread::scope(|scope| {
        let (run, token, done, over) = (&run, &token, &done, &over);
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                scope.spawn(move || {
                    let mut created = Vec::new();
                    for at in 0.. {
                        let name = format!("{caller}-{at}");
                        let (status, body) = run.call("POST", "/accounts", token, Some(&json!({"name": name})));
                        match status {
                            201 => {
                                created.push(name);
                                done.fetch_add(1, Ordering::Relaxed);
                            }
                            // Unknown outcome: the change may have been committed.
                            503 => {}
                            _ => panic!("{status} {body}"),
                        }
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    created
                })
            })
            .collect();
        eventually("enough was done", || done.load(Ordering::Relaxed) >= ENOUGH);
        kill_server(place.path());
        over.store(true, Ordering::Relaxed);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    assert!(acknowledged.len() >= ENOUGH);
    run.stop();

    let run = Run::start(place.path());
    let admin = run.sign_in(place.path(), "admin");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let accounts = all(&run, &admin, "/accounts?");
    let names: BTreeSet<String> = accounts.iter().map(|account| text(&account["name"])).collect();
    let lost: Vec<_> = acknowledged.difference(&names).collect();
    assert!(lost.is_empty(), "acknowledged, and gone: {lost:?}");
    let ids: BTreeSet<String> = accounts.iter().map(|account| text(&account["id"])).collect();
    let rows = all(&run, &admin, "/admin/audit?action=account.create&status=201&");
    let recorded: BTreeSet<String> = rows.iter().map(|row| text(&row["targets"]["account_id"])).collect();
    assert_eq!((recorded.len(), &recorded), (rows.len(), &ids), "a row for each account, and an account for each row");

    // What was sealed before and what is sealed after the crash make one chain.
    let verified = || -> Value {
        let (status, body) = run.call("GET", "/admin/audit/verify", &admin, None);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    eventually("the rows are sealed", || verified()["rows"].as_u64().unwrap() >= rows.len() as u64);
    assert_eq!(verified()["ok"], true);
}
