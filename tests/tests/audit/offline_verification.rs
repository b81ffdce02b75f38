//! Verification of an export and its seals by the real command, without a network: every change is detected.

use std::process::Command;

use holdfast_tests::auditor::{Audited, Files, holdfast, outcome};
use holdfast_tests::tools;
use serde_json::{Value, json};

/// A change to the lines of a file, and the beginning of the error that it causes.
struct Fault {
    apply: fn(&mut Vec<String>),
    error: &'static str,
}

#[tokio::test]
async fn every_change_to_the_files_is_detected_offline() {
    let fixture = Audited::new().await;
    fixture.sealing.seal_all(&fixture.app).await;
    let files = fixture.files().await;
    files.verify().unwrap();
    let rows: Vec<Value> = std::fs::read_to_string(&files.export)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let id = |at: usize| rows[at]["id"].as_str().unwrap().to_owned();

    for field in rows[3].as_object().unwrap().keys().filter(|field| *field != "actor") {
        let found = files.with(true, |lines| {
            let mut row = rows[3].clone();
            row[field] = match field.as_str() {
                "epoch" | "status" => json!(207),
                "transaction_id" => json!("99999999999"),
                "at" => json!("2026-01-01T00:00:00.000000Z"),
                "id" | "tenant_id" | "session_id" => json!("0199a1b2-c3d4-7000-8000-000000000001"),
                "targets" => json!({}),
                "changed" => json!(["x"]),
                _ => json!("x"),
            };
            lines[3] = row.to_string();
        });
        let found = found.verify().unwrap_err();
        assert!(found.starts_with(&format!("holdfast: row {} (seal ", id(3))), "{field}: {found}");
    }
    for at in [0, 4, 7] {
        let removed = files.with(true, |lines| drop(lines.remove(at))).verify().unwrap_err();
        assert!(removed.contains(&id(at)) && removed.contains("it was sealed, and is missing"), "{removed}");
        let repeated = files.with(true, |lines| lines.insert(at, lines[at].clone())).verify().unwrap_err();
        assert!(repeated.contains("not at its position"), "{repeated}");
        let swapped = files.with(true, |lines| lines.swap(at, at + 1)).verify().unwrap_err();
        assert!(swapped.contains("not at its position") || swapped.contains("is missing"), "{swapped}");
    }
    let inserted = files.with(true, |lines| {
        let mut row = rows[2].clone();
        row["id"] = json!("0199a1b2-c3d4-7000-8000-000000000001");
        lines.insert(3, row.to_string());
    });
    assert!(inserted.verify().unwrap_err().contains("it did not exist when its transaction was sealed"));
    let truncated = files.with(true, |lines| lines.truncate(5)).verify().unwrap_err();
    assert!(truncated.contains(&id(5)), "{truncated}");

    let last = std::fs::read_to_string(&files.seals).unwrap().lines().count() - 1;
    for Fault { apply, error } in [
        Fault { apply: |lines| drop(lines.remove(0)), error: "seal 1: " },
        Fault { apply: |lines| lines.insert(1, lines[0].clone()), error: "seal 2: " },
        Fault { apply: |lines| lines.swap(0, 1), error: "seal 1: " },
        Fault { apply: |lines| lines[1] = lines[1].replacen("\"seal\":\"eyJ", "\"seal\":\"eyI", 1), error: "seal 2: " },
    ] {
        let found = files.with(false, apply).verify().unwrap_err();
        assert!(found.starts_with(&format!("holdfast: {error}")), "{error}: {found}");
    }
    // Without the newest seal and its rows, either the seal before does not prove the tenant's log, or the command reports
    // how far it does.
    let cut = files.with(false, |lines| lines.truncate(last)).with(true, |lines| lines.truncate(8));
    let reported = cut.verify().unwrap_or_else(|error| error);
    let through = format!("(seal {last})");
    assert!(
        reported.contains(&through) || reported.contains("it does not prove how many rows the tenant has"),
        "{reported}"
    );
    // Another key.
    let other = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]});
    let jwks = fixture.app.database.file("other.json", &other.to_string());
    let foreign = Files { jwks, ..files };
    assert!(foreign.verify().unwrap_err().contains("which is not one of the pinned keys"));
}

#[tokio::test]
async fn the_proof_of_one_row_verifies_alone() {
    let fixture = Audited::new().await;
    let files = fixture.files().await;
    let text = std::fs::read_to_string(&files.export).unwrap();
    let row: Value = serde_json::from_str(text.lines().nth(4).unwrap()).unwrap();
    let id = row["id"].as_str().unwrap();
    let (export, seals) = (files.export.display().to_string(), files.seals.display().to_string());
    let jwks = files.jwks.display().to_string();
    let from_files = outcome(&holdfast(&["prove", id, "--export", &export, "--seals", &seals])).unwrap();
    let mut command = Command::new(tools::binaries().join("holdfast"));
    command.args(["audit", "prove", id]).env("DATABASE_URL", fixture.app.database.owner_url());
    let from_database = outcome(&command.env("DATABASE_CA_FILE", fixture.app.database.ca_file()).output().unwrap());
    assert_eq!(from_database.unwrap(), from_files);

    let proof = fixture.app.database.file("proof.json", &from_files);
    let proof = proof.display().to_string();
    let accepted = outcome(&holdfast(&["verify", "--proof", &proof, "--jwks", &jwks])).unwrap();
    assert!(accepted.starts_with(&format!("Row {id} is as it was sealed at ")), "{accepted}");
    let mut other: Value = serde_json::from_str(&from_files).unwrap();
    other["row"]["status"] = json!(418);
    let proof = fixture.app.database.file("other-proof.json", &other.to_string()).display().to_string();
    let rejected = outcome(&holdfast(&["verify", "--proof", &proof, "--jwks", &jwks])).unwrap_err();
    assert!(rejected.ends_with("the row differs from what was sealed, or the proof is of another row"), "{rejected}");
    assert!(
        outcome(&holdfast(&["prove", "0199a1b2-c3d4-7000-8000-000000000001", "--export", &export, "--seals", &seals]))
            .is_err()
    );
}
