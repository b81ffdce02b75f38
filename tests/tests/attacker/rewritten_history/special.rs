//! The tamperings that take more than a statement: another key, another clock, versions in S3, a witness, a second sealer; and
//! the restore that is not one of them.

use aws_sdk_s3::primitives::ByteStream;
use data_encoding::BASE64URL_NOPAD;
use holdfast_maintenance::{Outcome, SealStore, Task};
use holdfast_shared::audit::{AuditKeys, Hash, Seal};
use holdfast_shared::clock::Clock;
use holdfast_shared::identity::es256::{self, PublicKey};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::auditor::Audited;
use holdfast_tests::moto::Moto;
use holdfast_tests::sealing::{Sealing, s3};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

use super::{Found, ask, assert_row, objects, verify};

/// Seals into a copy of the store: the seal is in the database, and not in the store itself.
async fn seal_elsewhere(fixture: &mut Audited) {
    let elsewhere = fixture.app.database.folder().join("elsewhere");
    copy(&fixture.sealing.folder, &elsewhere);
    let store = std::mem::replace(&mut fixture.sealing.plan.store, SealStore::Folder(elsewhere));
    fixture.app.sign_in(Tenant::Acme, Role::Editor).await.post("/accounts", &json!({"name": "elsewhere"})).await;
    fixture.sealing.seal_all(&fixture.app).await;
    fixture.sealing.plan.store = store;
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for object in objects(from) {
        let target = to.join(object.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&object, target).unwrap();
    }
}

#[tokio::test]
async fn a_seal_that_is_only_said_to_be_stored_is_found() {
    let mut fixture = Audited::new().await;
    seal_elsewhere(&mut fixture).await;
    assert_row("a_seal_that_is_only_said_to_be_stored_is_found", &fixture).await;
}

#[tokio::test]
async fn the_second_of_two_seals_of_one_number_is_not_stored() {
    let mut fixture = Audited::new().await;
    let newest = fixture.sealing.stored().len();
    // The first sealer stores its seal; the second has signed another of that number, and stored none.
    seal_elsewhere(&mut fixture).await;
    let second = "CREATE TABLE second AS SELECT * FROM audit_seals WHERE number > {n};
        CREATE TABLE second_batches AS SELECT * FROM audit_batches WHERE seal_number > {n};
        DELETE FROM audit_deliveries WHERE seal_number > {n}; DELETE FROM audit_batches WHERE seal_number > {n};
        DELETE FROM audit_seals WHERE number > {n}";
    fixture.tamper(&second.replace("{n}", &newest.to_string())).await;
    fixture.app.clock.advance(1);
    fixture.sealing.seal_all(&fixture.app).await;
    let swap =
        "DELETE FROM audit_deliveries WHERE seal_number > {n}; DELETE FROM audit_batches WHERE seal_number > {n};
        DELETE FROM audit_seals WHERE number > {n};
        INSERT INTO audit_seals SELECT * FROM second; INSERT INTO audit_batches SELECT * FROM second_batches";
    fixture.tamper(&swap.replace("{n}", &newest.to_string())).await;
    assert_row("the_second_of_two_seals_of_one_number_is_not_stored", &fixture).await;
}

#[tokio::test]
async fn a_seal_under_a_key_that_the_database_adds_is_found() {
    let fixture = Audited::new().await;
    let random = SystemRandom::new();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).unwrap();
    let key = PublicKey::from_point(pair.public_key().as_ref()).unwrap();
    let newest = fixture.sealing.stored().pop().unwrap();
    let (last, hash) = fixture.sealing.keys().open(&newest.seal).unwrap();
    let forged = Seal {
        number: last.number + 1,
        from_transaction: last.to_transaction,
        rows: 0,
        previous: Some(hash),
        ..last.clone()
    };
    let input = forged.signing_input(&key.thumbprint());
    let signature = es256::low_s(pair.sign(&random, input.as_bytes()).unwrap().as_ref()).unwrap();
    let document = format!("{input}.{}", BASE64URL_NOPAD.encode(&signature));
    // The forgery is a good one, for whoever trusts the key.
    assert!(AuditKeys::new([key.clone()]).open(&document).is_ok());
    let (kid, x, y) = (key.thumbprint(), &key.x, &key.y);
    fixture
        .tamper(&format!(
            "INSERT INTO audit_keys VALUES ('{kid}', '{x}', '{y}', NULL, now());
             INSERT INTO audit_seals SELECT {number}, epoch, to_transaction, to_transaction, 0, sealed_at, '\\x{digest}', '{kid}', '{document}'
               FROM audit_seals WHERE number = {last}",
            number = forged.number,
            digest = forged.hash(),
            last = last.number,
        ))
        .await;
    let jwks = fixture.admin.get("/.well-known/audit-jwks.json").await;
    assert!(!jwks.text.contains(&kid), "a key that the configuration does not pin is not shown");
    assert_row("a_seal_under_a_key_that_the_database_adds_is_found", &fixture).await;
}

#[tokio::test]
async fn a_sealer_whose_clock_was_set_back_is_found() {
    let fixture = Audited::new().await;
    fixture.app.sign_in(Tenant::Globex, Role::Viewer).await;
    fixture.app.clock.advance(-3 * 24 * 3600);
    fixture.sealing.seal_all(&fixture.app).await;
    fixture.app.clock.advance(3 * 24 * 3600);
    assert_row("a_sealer_whose_clock_was_set_back_is_found", &fixture).await;
}

#[tokio::test]
async fn a_second_version_of_a_stored_seal_is_found() {
    let app = TestApp::start().await;
    let mut sealing = Sealing::of(&app);
    let moto = Moto::of_the_run().await;
    let (client, bucket) = (s3(moto.url()), moto.locking_bucket().await);
    sealing.plan.store = SealStore::bucket(client.clone(), &bucket, 400);
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    sealing.seal_all(&app).await;
    app.sign_in(Tenant::Acme, Role::Viewer).await;
    sealing.seal_all(&app).await;
    let acme = app.tenant_id(Tenant::Acme).await;
    let fixture = Audited { app, sealing, admin, acme };
    assert_eq!(ask(&fixture).await, Found { sealer: None, api: None, verifier: Vec::new() });

    let name = "seals/0000000001/00000000000000000001.json";
    let object = client.get_object().bucket(&bucket).key(name).send().await.unwrap();
    let body = object.body.collect().await.unwrap().into_bytes();
    // The sealer itself cannot write it again.
    let again = client.put_object().bucket(&bucket).key(name).if_none_match("*").body(ByteStream::from(body.clone()));
    assert_eq!(again.send().await.unwrap_err().raw_response().unwrap().status().as_u16(), 412);
    client.put_object().bucket(&bucket).key(name).body(ByteStream::from(body)).send().await.unwrap();
    assert_row("a_second_version_of_a_stored_seal_is_found", &fixture).await;
    // A marker of deletion hides an object without removing it.
    client.delete_object().bucket(&bucket).key(name).send().await.unwrap();
    let findings = verify(&fixture.app, &fixture.sealing).await.findings;
    assert!(findings.iter().any(|finding| finding.to_string().contains("3 versions or markers")), "{findings:?}");
}

#[tokio::test]
async fn a_witness_that_disagrees_is_found() {
    let mut fixture = Audited::new().await;
    let witness = fixture.app.database.folder().join("witness");
    fixture.sealing.plan.witness = Some(SealStore::Folder(witness.clone()));
    // A witness begins with the next seals.
    assert_eq!(ask(&fixture).await, Found { sealer: None, api: None, verifier: Vec::new() });
    fixture.sealing.seal_all(&fixture.app).await;
    fixture.app.sign_in(Tenant::Globex, Role::Viewer).await;
    fixture.sealing.seal_all(&fixture.app).await;
    let stored = objects(&witness);
    assert!(stored.len() >= 2 && stored.len() < objects(&fixture.sealing.folder).len());
    std::fs::copy(&stored[0], stored.last().unwrap()).unwrap();
    assert_row("a_witness_that_disagrees_is_found", &fixture).await;
}

#[tokio::test]
async fn a_restore_that_the_configuration_names_is_recorded_in_a_seal() {
    let mut fixture = Audited::new().await;
    let given_up = fixture.sealing.stored();
    fixture
        .tamper(
            "DELETE FROM http_audit_log WHERE transaction_id >= (SELECT from_transaction FROM audit_seals ORDER BY number DESC LIMIT 1 OFFSET 1);
             CREATE TEMP TABLE gone AS SELECT number FROM audit_seals ORDER BY number DESC LIMIT 2;
             DELETE FROM audit_deliveries WHERE seal_number IN (SELECT number FROM gone);
             DELETE FROM audit_batches WHERE seal_number IN (SELECT number FROM gone);
             DELETE FROM audit_seals WHERE number IN (SELECT number FROM gone)",
        )
        .await;
    let (newest, hash) = fixture.sealing.keys().open(&given_up.last().unwrap().seal).unwrap();
    let failure = async |fixture: &Audited| match fixture.sealing.run(&fixture.app, Task::Seal).await {
        Outcome::Failed { error } => error,
        other => panic!("{other:?}"),
    };
    let alarm = failure(&fixture).await;
    assert!(alarm.contains(&format!("up to seal {} ({hash})", newest.number)), "{alarm}");
    // Neither another seal nor a database without a new epoch is enough.
    fixture.sealing.plan.restored_over = Some(Hash([7; 32]));
    assert_eq!(failure(&fixture).await, alarm);
    fixture.sealing.plan.restored_over = Some(hash);
    assert!(failure(&fixture).await.contains("call begin_audit_epoch()"));

    fixture.tamper("SET ROLE holdfast_owner; SELECT begin_audit_epoch(); RESET ROLE").await;
    fixture.app.sign_in(Tenant::Acme, Role::Editor).await.post("/accounts", &json!({"name": "restored"})).await;
    fixture.sealing.seal_all(&fixture.app).await;
    // The setting has had its effect, and is in nobody's way.
    fixture.sealing.plan.restored_over = None;
    assert_eq!(ask(&fixture).await, Found { sealer: None, api: None, verifier: Vec::new() });
    let verified = verify(&fixture.app, &fixture.sealing).await;
    assert_eq!(verified.restores, [(newest.number - 1, newest.number)]);
    // Nothing that was given up is gone.
    let stored = fixture.sealing.stored();
    assert!(given_up.iter().all(|seal| stored.contains(seal)));
    assert!(fixture.app.clock.now() > newest.sealed_at);
}
