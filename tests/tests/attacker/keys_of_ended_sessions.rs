//! Keys are made outside the database, and cost money or fill a quota: neither an ended session nor a repetition makes any.

use std::path::PathBuf;

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use serde_json::json;

/// Counts the key files that rotations made.
fn key_files(app: &TestApp) -> usize {
    let folder: PathBuf = app.database.file("beside-the-keys", "").with_file_name("signing-keys");
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn an_ended_session_makes_no_key() {
    let (app, ended) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    ended.post_empty("/auth/logout").await;
    let keyed = ended.clone().with_header("idempotency-key", "once");
    for (client, kind) in [(&ended, "signing"), (&keyed, "signing"), (&ended, "vault"), (&keyed, "vault")] {
        let response = client.post("/admin/keys/rotate", &json!({"kind": kind})).await;
        assert_eq!(response.outcome(), "401 unauthenticated", "{kind}");
    }
    assert_eq!(key_files(&app), 0);
}

#[tokio::test]
async fn a_repetition_makes_no_key_and_has_its_own_audit_row() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    let keyed = operator.clone().with_header("idempotency-key", "once");
    let rotation = json!({"kind": "signing"});
    let first = keyed.post("/admin/keys/rotate", &rotation).await;
    assert_eq!((first.status.as_u16(), key_files(&app)), (201, 1), "{first:?}");
    for _ in 0..3 {
        let again = keyed.post("/admin/keys/rotate", &rotation).await;
        assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
        assert_eq!(again.header("idempotency-replayed"), "true");
        let rows = operator.get(&format!("/admin/audit?request_id={}", again.header("x-request-id"))).await;
        assert_eq!((rows.items().len(), &rows.items()[0]["status"]), (1, &json!(201)), "{rows:?}");
        assert_eq!(rows.items()[0]["changed"], json!([]));
    }
    assert_eq!(key_files(&app), 1);
    let other = keyed.post("/admin/keys/rotate", &json!({"kind": "vault"})).await;
    assert_eq!((other.outcome().as_str(), key_files(&app)), ("422 idempotency_mismatch", 1));

    let acting = operator.in_tenant(&app.tenant_id(Tenant::Acme).await);
    let keyed = acting.with_header("idempotency-key", "of-the-vault");
    let first = keyed.post("/admin/keys/rotate", &json!({"kind": "vault"})).await;
    let again = keyed.post("/admin/keys/rotate", &json!({"kind": "vault"})).await;
    assert_eq!((again.status.as_u16(), &again.body), (first.status.as_u16(), &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn of_rotations_at_once_under_one_idempotency_key_one_key_remains() {
    let (app, operator) = TestApp::start_as(Tenant::Platform, Role::Operator).await;
    for round in 1..=3 {
        let keyed = operator.clone().with_header("idempotency-key", &format!("round-{round}"));
        let rotation = json!({"kind": "signing"});
        let responses =
            futures_util::future::join_all((0..6).map(|_| keyed.post("/admin/keys/rotate", &rotation))).await;
        let first = &responses[0];
        for response in &responses {
            assert_eq!((response.status.as_u16(), &response.body), (201, &first.body));
        }
        let replayed = responses.iter().filter(|response| response.header("idempotency-replayed") == "true").count();
        assert_eq!((replayed, key_files(&app)), (5, round), "only the registered key's file is left");
        // The key that is left is the one that will sign.
        app.clock.advance(31);
        let fresh = app.sign_in(Tenant::Acme, Role::Viewer).await;
        assert_eq!(fresh.get("/auth/whoami").await.status, 200);
    }
}
