//! Rotation of signing keys: no valid request is rejected, old tokens work until they expire, then their key is removed.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use serde_json::json;

async fn kids(client: &Client) -> Vec<String> {
    let keys = client.get("/.well-known/jwks.json").await;
    keys.body["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid_of(client: &Client) -> String {
    let header = client.access_token.as_ref().unwrap().split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_expires_with_its_last_token() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let old = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let rotated = operator.post("/admin/keys/rotate", &json!({"kind": "signing"})).await;
    assert_eq!((rotated.status.as_u16(), rotated.text_at("state")), (201, "published"), "{rotated:?}");
    let new_kid = rotated.text_at("id").to_owned();

    app.clock.advance(11);
    assert!(kids(&operator).await.contains(&new_kid), "published before it signs");
    assert_eq!(kid_of(&app.sign_in(Tenant::Acme, Role::Viewer).await), kid_of(&old));
    app.clock.advance(20);
    let new = app.sign_in(Tenant::Acme, Role::Viewer).await;
    assert_eq!(kid_of(&new), new_kid);
    for client in [&old, &new] {
        assert_eq!(client.get("/auth/whoami").await.status, 200);
    }
    assert_eq!(kids(&operator).await.len(), 2);
    let states = operator.get("/admin/keys").await;
    assert_eq!(states.each("state"), ["retiring", "active"]);

    app.clock.advance(16 * 60);
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    assert_eq!(kids(&operator).await, [new_kid]);
    assert_eq!(old.get("/auth/whoami").await.outcome(), "401 unauthenticated");
}

#[tokio::test]
async fn under_load_a_rotation_rejects_no_valid_request() {
    let app = TestApp::start().await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let stranger = app.anonymous().with_token("eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Im5vbmUifQ.e30.AAAA");
    let mut client = app.sign_in(Tenant::Acme, Role::Viewer).await;
    for round in 0..3 {
        let request = json!({"kind": "signing"});
        assert_eq!(operator.post("/admin/keys/rotate", &request).await.status, 201);
        for _ in 0..20 {
            // Unknown keys make the functions reload the key set, so that they have just done so when a key is new.
            stranger.get("/accounts").await;
            let refreshed = client.post("/auth/refresh", &json!({"refresh_token": client.refresh_token})).await;
            assert_eq!(refreshed.status, 200, "round {round}: {refreshed:?}");
            client = client.with_tokens(&refreshed.body);
            let responses = futures_util::future::join_all((0..5).map(|_| client.get("/accounts"))).await;
            assert!(responses.iter().all(|response| response.status == 200), "round {round}");
            app.clock.advance(2);
        }
    }
}

#[tokio::test]
async fn hs256_has_no_keys_to_rotate_or_publish() {
    let app = TestApp::builder().setting("SIGNING_KEY_FILE", "");
    let app = app.setting("AUTH_JWT_SECRET", "hMuIYKGl8jQm3pPnqV0oXw2fZtTzB5sL");
    let (_app, operator) = app.start_as(Tenant::Platform, Role::Operator).await;
    assert!(kids(&operator).await.is_empty());
    assert_eq!(operator.post("/admin/keys/rotate", &json!({"kind": "signing"})).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn after_a_vault_key_rotation_old_values_still_open() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let token = json!({"name": "t", "scopes": ["accounts:read"]});
    let keyed = |key: &str| admin.clone().with_header("idempotency-key", key);
    let first = keyed("one").post("/auth/tokens", &token).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let acme = operator.clone().in_tenant(&app.tenant_id(Tenant::Acme).await);
    assert_eq!(acme.post("/admin/keys/rotate", &json!({"kind": "vault"})).await.status, 201);
    keyed("two").post("/auth/tokens", &token).await;
    assert_eq!(keyed("one").post("/auth/tokens", &token).await.text, first.text);
    let listed = acme.get("/admin/keys").await;
    let vault: Vec<_> = listed.items().iter().filter(|key| key["kind"] == "vault").collect();
    let states: Vec<_> =
        vault.iter().map(|key| format!("{} {}", key["id"].as_str().unwrap(), key["state"].as_str().unwrap())).collect();
    // Kept responses have keys of their own. The rotation made the one for secrets; auth uses the one that it has in memory for
    // up to five minutes.
    assert_eq!(states, ["idempotency-v1 retiring", "v1 active"]);
}
