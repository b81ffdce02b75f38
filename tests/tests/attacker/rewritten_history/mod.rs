//! History rewritten by somebody who owns the database, or who reached the store of seals: each change is found, and by name.

mod special;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use holdfast_maintenance::{FindingKind, Outcome, SealStore, Task, Verification, VerificationPlan};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::auditor::Audited;
use holdfast_tests::sealing::Sealing;
use serde_json::json;

use table::{How, TAMPERINGS, Tampering};

/// The sealer's alarms: the name in the table, and the words of the alarm.
const ALARMS: [(&str, &str); 8] = [
    ("database_behind", "ALARM: the database lacks "),
    ("stored_otherwise", " has another seal than the database"),
    ("not_in_store", " is missing, but the database says that it was stored"),
    ("chain_changed", " in the database does not follow the one before it"),
    ("invalid_seal", "ALARM: the newest seal in the database is not genuine"),
    ("batches_changed", "ALARM: the batches in the database do not add up"),
    ("went_back", "ALARM: transactions go back"),
    ("not_delivered", " seals are not recorded as stored"),
];

/// What the checks say, by the names of the table.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    sealer: Option<String>,
    api: Option<String>,
    verifier: Vec<String>,
}

impl From<&Tampering> for Found {
    fn from(Tampering { sealer, api, verifier, .. }: &Tampering) -> Self {
        let text = |name: &str| name.to_owned();
        Self {
            sealer: sealer.map(text),
            api: api.map(text),
            verifier: verifier.iter().map(|name| text(name)).collect(),
        }
    }
}

/// The verification of a test's database against its stores.
fn verification(app: &TestApp, sealing: &Sealing) -> VerificationPlan {
    VerificationPlan {
        database_url: app.database.url_of("backup").into(),
        database_ca_file: Some(app.database.ca_file()),
        pins: sealing.plan.pins.clone(),
        store: sealing.plan.store.clone(),
        witness: sealing.plan.witness.clone(),
        newest: None,
    }
}

async fn verify(app: &TestApp, sealing: &Sealing) -> Verification {
    holdfast_maintenance::verify(&verification(app, sealing)).await.unwrap()
}

/// Lets somebody act and the genuine sealer go on, then asks every check.
async fn ask(fixture: &Audited) -> Found {
    let Audited { app, sealing, .. } = fixture;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    editor.post("/accounts", &json!({"name": "afterwards"})).await;
    let sealer = match sealing.run(app, Task::Seal).await {
        Outcome::Failed { error } => {
            let name = ALARMS.iter().find(|(_, words)| error.contains(words)).map(|(name, _)| (*name).to_owned());
            Some(name.unwrap_or(error))
        }
        Outcome::Done(_) => None,
        Outcome::Busy => panic!("the sealer is busy"),
    };
    let verified = fixture.verify().await;
    let api = verified["first_bad"]["fault"].as_str().map(str::to_owned);
    let findings = verify(app, sealing).await.findings;
    let kinds: BTreeSet<&str> = findings.iter().map(|finding| finding.kind.name()).collect();
    Found { sealer, api, verifier: kinds.into_iter().map(str::to_owned).collect() }
}

/// Asserts that the checks find what the row of the table for this test says.
async fn assert_row(test: &str, fixture: &Audited) {
    let row = TAMPERINGS.iter().find(|row| matches!(row.how, How::Test(name) if name == test)).unwrap();
    assert_eq!(ask(fixture).await, Found::from(row), "{test}");
}

/// Returns the stored objects, in order.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let sorted = |folder: PathBuf| {
        let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    sorted(folder.join("seals")).into_iter().flat_map(sorted).collect()
}

/// Runs the tamperings of the table whose number leaves this remainder, each on a log of its own.
async fn run_part(remainder: usize) {
    let mut wrong = Vec::new();
    for row in TAMPERINGS.iter().enumerate().filter(|(at, _)| at % 4 == remainder).map(|(_, row)| row) {
        let fixture = Audited::new().await;
        match row.how {
            How::Sql(sql) => fixture.tamper(sql).await,
            How::Store(change) => change(&objects(&fixture.sealing.folder)),
            How::Test(_) => continue,
        }
        let found = ask(&fixture).await;
        if found != Found::from(row) {
            wrong.push(format!("{}: {}: {found:?}", row.what, row.change));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_first_quarter_of_the_tamperings_is_found_by_name() {
    run_part(0).await;
}

#[tokio::test]
async fn the_second_quarter_of_the_tamperings_is_found_by_name() {
    run_part(1).await;
}

#[tokio::test]
async fn the_third_quarter_of_the_tamperings_is_found_by_name() {
    run_part(2).await;
}

#[tokio::test]
async fn the_last_quarter_of_the_tamperings_is_found_by_name() {
    run_part(3).await;
}

#[tokio::test]
async fn an_untouched_log_has_no_finding() {
    let fixture = Audited::new().await;
    assert_eq!(ask(&fixture).await, Found { sealer: None, api: None, verifier: Vec::new() });
    let Verification { seals, compared, rows, restores, .. } = verify(&fixture.app, &fixture.sealing).await;
    assert!(seals >= 3 && compared == seals && rows >= 18 && restores.is_empty(), "{seals} {compared} {rows}");
    let newest = VerificationPlan { newest: Some(1), ..verification(&fixture.app, &fixture.sealing) };
    let newest = holdfast_maintenance::verify(&newest).await.unwrap();
    assert_eq!((newest.seals, newest.compared, newest.findings.len()), (seals, 1, 0));
    let nowhere = VerificationPlan {
        store: SealStore::Folder(fixture.app.database.file("a-file", "")),
        ..verification(&fixture.app, &fixture.sealing)
    };
    assert!(holdfast_maintenance::verify(&nowhere).await.is_err(), "what cannot be read is no agreement");
}

/// The table as `docs/audit-format.md` prints it.
fn printed() -> String {
    let cell = |name: Option<&str>| name.map_or("-".to_owned(), |name| format!("`{name}`"));
    let mut text =
        "| changed | how | the sealer refuses | `GET /admin/audit/verify` | `holdfast audit verify --store` |\n\
        | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for Tampering { what, change, sealer, api, verifier, .. } in TAMPERINGS {
        let names = verifier.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { "-".to_owned() } else { names };
        writeln!(text, "| {what} | {change} | {} | {} | {names} |", cell(*sealer), cell(*api)).unwrap();
    }
    text
}

#[test]
fn the_documented_table_is_the_tested_one() {
    let path = holdfast_tests::tools::workspace().join("docs/audit-format.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- tamperings -->\n", "<!-- /tamperings -->");
    let (before, rest) = document.split_once(begin).unwrap();
    let (table, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        std::fs::write(&path, format!("{before}{begin}\n{}\n{end}{after}", printed())).unwrap();
        return;
    }
    assert_eq!(table.trim(), printed().trim(), "run this test with UPDATE_DOCUMENTS=1");
}

#[test]
fn every_table_and_every_finding_is_in_the_table() {
    let tables: BTreeSet<&str> = TAMPERINGS.iter().map(|row| row.what).collect();
    for table in ["http_audit_log", "audit_seals", "audit_batches", "audit_deliveries", "audit_drops", "audit_keys"] {
        assert!(tables.contains(table), "{table}");
    }
    let found: BTreeSet<&str> = TAMPERINGS.iter().flat_map(|row| row.verifier.iter().copied()).collect();
    // Rows that change places are reported as altered: their transaction is one of their columns.
    let all = FindingKind::ALL.iter().map(|kind| kind.name()).filter(|name| *name != "out_of_order");
    assert_eq!(found, all.collect());
    assert!(TAMPERINGS.len() >= 20);
}
