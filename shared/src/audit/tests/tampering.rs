//! Every change to a sealed log is found, and named.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::*;
use super::ledger::{Ledger, row, tenant};

#[test]
fn an_unchanged_log_verifies_for_the_auditor_of_all_tenants_and_of_one() {
    let ledger = Ledger::filled();
    for tenant in [tenant(1), tenant(2), tenant(3)] {
        let mut rows = ledger.rows_of(tenant);
        for documents in [&ledger.documents, &ledger.of(tenant)] {
            assert_eq!(ledger.verify(documents, tenant, &rows), Ok(()));
        }
        // A row that is not sealed yet is not a fault.
        rows.push(row(40, tenant));
        assert_eq!(ledger.verify(&ledger.of(tenant), tenant, &rows), Ok(()));
    }
}

#[test]
fn every_change_to_a_row_is_found_and_the_row_is_named() {
    let ledger = Ledger::filled();
    let rows = ledger.rows_of(tenant(1));
    let original = export::to_json(&rows[3]);
    let other = json!({
        "epoch": 2, "transaction_id": "14", "id": tenant(7), "at": "2026-03-01T12:30:45.123457Z", "tenant_id": tenant(2),
        "actor": {"kind": "api_token", "id": null, "name": null}, "status": 200, "targets": {}, "changed": ["name"],
    });
    let mut checked = 0;
    for (field, value) in original.as_object().unwrap() {
        for new in [other.get(field).cloned().unwrap_or_else(|| json!("changed")), Value::Null] {
            let mut changed = original.clone();
            changed[field] = if new.is_null() && value.is_null() { json!("") } else { new };
            let Ok(row) = export::from_json(&changed) else { continue };
            let mut rows = rows.clone();
            rows[3] = row.clone();
            rows.retain(|row| row.tenant_id == tenant(1));
            let found = ledger.verify(&ledger.of(tenant(1)), tenant(1), &rows).unwrap_err();
            // A row with another position is missing at its own.
            let expected = [format!("Altered 2 {}", row.id), format!("Removed 2 {}", original["id"].as_str().unwrap())];
            assert!(expected.contains(&found), "{field}: {found}");
            checked += 1;
        }
    }
    for field in ["kind", "id", "name"] {
        let mut changed = original.clone();
        changed["actor"][field] = json!(if field == "id" { tenant(9).to_string() } else { "changed".to_owned() });
        let mut rows = rows.clone();
        rows[3] = export::from_json(&changed).unwrap();
        let found = ledger.verify(&ledger.of(tenant(1)), tenant(1), &rows);
        assert_eq!(found, Err(format!("Altered 2 {}", rows[3].id)), "{field}");
    }
    assert!(checked >= 20, "{checked}");
}

#[test]
fn an_ambiguous_line_is_rejected() {
    let mut text = String::new();
    write_ndjson(&row(1, tenant(1)), &mut text);
    let read = |text: &str| RowReader::new(text.as_bytes()).unwrap().next().unwrap().is_ok();
    assert!(read(&text));
    for (from, to) in [
        ("{\"action\":", "{\"action\":\"auth.login\",\"action\":"),
        ("\"targets\":{", "\"targets\":{\"account_id\":\"x\","),
        ("{\"action\":", "{\"note\":1,\"action\":"),
        (".000000Z", ".0000000Z"),
        (".000000Z", ".000000+00:00"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        assert!(!read(&text.replacen(from, to, 1)), "{to}");
    }
}

#[test]
fn every_row_that_is_missing_moved_or_too_many_is_found_and_named() {
    let ledger = Ledger::filled();
    let (documents, rows) = (ledger.of(tenant(1)), ledger.rows_of(tenant(1)));
    let seal_of = |at: usize| if at < 3 { 1 } else { 2 };
    for at in 0..rows.len() {
        let mut fewer = rows.clone();
        let gone = fewer.remove(at);
        assert_eq!(ledger.verify(&documents, tenant(1), &fewer), Err(format!("Removed {} {}", seal_of(at), gone.id)));
        let mut twice = rows.clone();
        twice.insert(at, rows[at].clone());
        let found = ledger.verify(&documents, tenant(1), &twice).unwrap_err();
        assert!(found.starts_with(&format!("OutOfOrder {}", seal_of(at))), "{found}");
        let mut more = rows.clone();
        let mut new = row(rows[at].transaction_id, tenant(1));
        new.id = tenant(9).0;
        more.insert(at, new.clone());
        let expected = format!("Added {} {}", seal_of(at), new.id);
        assert_eq!(ledger.verify(&documents, tenant(1), &more), Err(expected));
    }
    let mut swapped = rows.clone();
    swapped.swap(0, 1);
    assert_eq!(ledger.verify(&documents, tenant(1), &swapped), Err(format!("OutOfOrder 1 {}", rows[1].id)));
    swapped.clone_from(&rows);
    swapped.swap(2, 3);
    assert!(ledger.verify(&documents, tenant(1), &swapped).is_err());
    let truncated = ledger.verify(&documents, tenant(1), &rows[..3]);
    assert_eq!(truncated, Err(format!("Removed 2 {}", rows[3].id)));
}

#[test]
fn every_change_to_the_seals_is_found_and_the_seal_is_named() {
    let ledger = Ledger::filled();
    let other = Ledger::filled();
    let rows = ledger.rows_of(tenant(1));
    let check = |documents: &[SealDocument]| ledger.verify(documents, tenant(1), &rows).unwrap_err();
    for whole in [true, false] {
        let documents = if whole { ledger.documents.clone() } else { ledger.of(tenant(1)) };
        for at in 0..documents.len() {
            let mut fewer = documents.clone();
            fewer.remove(at);
            // A cut at the end does not show in the seals that are left, only where rows of the tenant are missing.
            if at < documents.len() - 1 {
                assert_eq!(check(&fewer), format!("Seal {}", at + 1));
            }
            let mut repeated = documents.clone();
            repeated.insert(at + 1, documents[at].clone());
            assert_eq!(check(&repeated), format!("Seal {}", at + 2));
            let mut foreign = documents.clone();
            foreign[at].seal.clone_from(&other.documents[at].seal);
            assert_eq!(check(&foreign), format!("Seal {}", at + 1));
            let mut swapped = documents.clone();
            swapped.swap(at, (at + 1) % documents.len());
            assert!(check(&swapped).starts_with("Seal"));
        }
    }
    // Rows and seals are cut off together: the seals that are left prove nothing to a single tenant.
    let mut cut = ledger.of(tenant(1));
    cut.truncate(3);
    assert_eq!(ledger.verify(&cut, tenant(1), &rows), Err("State 3".to_owned()));
}

#[test]
fn every_change_to_a_batch_is_found_and_its_seal_is_named() {
    let ledger = Ledger::filled();
    let rows = ledger.rows_of(tenant(1));
    let with = |change: &dyn Fn(&mut Vec<SealDocument>)| {
        let mut documents = ledger.of(tenant(1));
        change(&mut documents);
        ledger.verify(&documents, tenant(1), &rows).unwrap_err()
    };
    assert_eq!(with(&|documents| documents[0].batches.clear()), "Batch 2");
    assert_eq!(with(&|documents| documents[1].batches.clear()), "State 4");
    assert_eq!(with(&|documents| documents[1].batches[0].entries.swap(0, 1)), "Batch 2");
    assert_eq!(with(&|documents| documents[1].batches[0].entries.truncate(1)), "Batch 2");
    assert_eq!(with(&|documents| documents[1].batches[0].total += 1), "Batch 2");
    assert_eq!(with(&|documents| documents[1].batches[0].place.index ^= 1), "Batch 2");
    assert_eq!(with(&|documents| documents[0].batches[0].tenant_id = tenant(2)), "Batch 1");
    assert_eq!(with(&|documents| documents[3].state = None), "State 4");
    assert_eq!(with(&|documents| documents[3].state.as_mut().unwrap().total -= 1), "State 4");
    // Rewritten consistently, but not as signed.
    assert_eq!(
        with(&|documents| {
            let batch = &mut documents[1].batches[0];
            batch.entries.pop();
            (batch.count, batch.total, batch.root) = (1, 4, Batch::root_of(&batch.entries));
            batch.head = head(Some(ledger.documents[0].batches[0].head), batch.root, 1, 4);
        }),
        "Batch 2"
    );
}

#[test]
fn a_dropped_month_may_be_missing_and_nothing_else() {
    let mut ledger = Ledger::filled();
    let before: Timestamp = "2026-01-31T23:59:04Z".parse().unwrap();
    let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    ledger.seal(
        30,
        vec![],
        vec![DroppedMonth { partition: "http_audit_log_2026_01".to_owned(), from, before, rows: 3 }],
    );
    let rows = ledger.rows_of(tenant(1));
    assert_eq!(ledger.verify(&ledger.of(tenant(1)), tenant(1), &rows), Ok(()), "not dropped yet");
    assert_eq!(ledger.verify(&ledger.of(tenant(1)), tenant(1), &rows[2..]), Ok(()));
    let found = ledger.verify(&ledger.of(tenant(1)), tenant(1), &rows[3..]);
    assert_eq!(found, Err(format!("Removed 1 {}", rows[2].id)), "after the bound");
}

#[test]
fn a_proof_verifies_alone_and_for_its_row_only() {
    let ledger = Ledger::filled();
    let (rows, mut previous) = (ledger.rows_of(tenant(1)), None);
    for (document, rows) in ledger.documents.iter().zip([&rows[..3], &rows[3..]]) {
        let batch = document.batches.iter().find(|batch| batch.tenant_id == tenant(1)).unwrap();
        for row in rows {
            let proof = Proof::of(row, batch, previous, &document.seal).unwrap();
            let text = serde_json::to_string(&proof).unwrap();
            let (proven, _) = serde_json::from_str::<Proof>(&text).unwrap().check(&ledger.keys).unwrap();
            assert_eq!(proven, *row);
            let mut other = proof.clone();
            other.row["status"] = json!(500);
            assert!(other.check(&ledger.keys).is_err());
            assert!(Proof { total: proof.total + 1, ..proof.clone() }.check(&ledger.keys).is_err());
            assert!(proof.check(&AuditKeys::default()).is_err());
        }
        previous = Some(batch.head);
    }
}
