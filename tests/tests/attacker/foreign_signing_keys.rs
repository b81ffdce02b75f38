//! Who can write to the database, but has no key of KMS, names a signing key of his own: no function accepts a token of it.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use holdfast_tests::deployment::{self, Deployment};
use holdfast_tests::events::event;
use holdfast_tests::foreign_key::ForeignKey;
use serde_json::{Value, json};

/// A route of each function that verifies tokens.
const ROUTES: [&str; 4] = ["/auth/whoami", "/accounts", "/admin/users", "/metrics"];

/// Ways to put a key into the table, as the database's owner. `KID`, `X` and `Y` are the foreign key's.
const INSERTS: [(&str, &str); 4] = [
    (
        "beside the others",
        "INSERT INTO signing_keys VALUES ('KID', 'X', 'Y', NULL, now(), now(), NULL, 'rotation', NULL)",
    ),
    (
        "with the certificate of another",
        "INSERT INTO signing_keys SELECT 'KID', 'X', 'Y', NULL, now(), now(), NULL, 'configuration', certificate
           FROM signing_keys WHERE certificate IS NOT NULL",
    ),
    ("under the name of the configured one", "UPDATE signing_keys SET x = 'X', y = 'Y'"),
    (
        "certified by itself",
        "INSERT INTO signing_keys VALUES ('KID', 'X', 'Y', NULL, now(), now(), NULL, 'configuration', 'OWN')",
    ),
];

async fn answers(client: &Client, token: &str) -> Vec<(&'static str, u16)> {
    let mut answers = Vec::new();
    for route in ROUTES {
        let response = client.clone().with_token(token).get(route).await;
        answers.push((route, response.status.as_u16()));
    }
    answers
}

#[tokio::test]
async fn a_key_that_the_database_names_signs_in_nobody() {
    for (way, insert) in INSERTS {
        let app = TestApp::start().await;
        let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
        let victim = app.sign_in(Tenant::Acme, Role::Admin).await;
        // A rotation, so that there is a certified key beside the configured one.
        assert_eq!(operator.post("/admin/keys/rotate", &json!({"kind": "signing"})).await.status, 201);
        app.clock.advance(31);
        let genuine = app.sign_in(Tenant::Acme, Role::Admin).await;
        assert_eq!(genuine.get("/admin/users").await.status, 200);

        let foreign = ForeignKey::new();
        let token = foreign.forged(victim.access_token.as_deref().unwrap());
        let statement = insert
            .replace("KID", &foreign.public.thumbprint())
            .replace("'X'", &format!("'{}'", foreign.public.x))
            .replace("'Y'", &format!("'{}'", foreign.public.y))
            .replace("OWN", &foreign.certificate());
        app.database.execute(&statement).await;
        app.clock.advance(31);
        for _ in 0..2 {
            // Also an instance that starts after the change, and one that certifies what is stored.
            let fresh = app.instance_with(&[], &victim).await;
            fresh.get("/.well-known/jwks.json").await;
            for client in [&victim, &fresh] {
                for (route, status) in answers(client, &token).await {
                    assert_eq!(status, 401, "{way}: {route}");
                }
            }
            app.clock.advance(11);
        }
        let published = app.anonymous().get("/.well-known/jwks.json").await;
        assert!(!published.text.contains(&foreign.public.x), "{way}: {published:?}");
    }
}

#[tokio::test]
async fn a_key_under_another_policy_gets_no_certificate() {
    let deployment = Deployment::create().await;
    deployment.instance("migrate").await.invoke(&event("migrate/migrate", &[])).await;
    let auth = deployment.instance("auth").await;
    let tokens = deployment::body(&auth.invoke(&deployment.operator_login()).await, 200);
    let token = tokens["access_token"].as_str().unwrap();
    let admin = deployment.instance("admin").await;
    deployment::body(&admin.invoke(&event("admin/rotate-key", &[("access_token", token)])).await, 201);
    // The admin function was taken over, and changes the policy of the key that it registered.
    let registered = "SELECT provider_key FROM signing_keys WHERE origin = 'rotation'";
    let key: String = deployment.database.value(registered, &[]).await;
    let policy =
        json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Sign", "Resource": "*"}]});
    let request = json!({"KeyId": key, "PolicyName": "default", "Policy": policy.to_string()});
    deployment.moto.kms("PutKeyPolicy", &request).await;
    deployment.database.execute("UPDATE signing_keys SET activates_at = now() WHERE origin = 'rotation'").await;
    let refused = auth.invoke(&deployment.operator_login()).await;
    assert_eq!(refused["statusCode"], 503, "{refused}\n{}", auth.log());
    assert!(auth.log().contains("was not made by a rotation"), "{}", auth.log());
    let published = deployment::body(&auth.invoke(&event("auth/jwks", &[])).await, 200);
    assert_eq!(published["keys"].as_array().map(Vec::len), Some(1), "{published}");

    // With the policy of the configured key again, it is certified before its first token, and every function accepts that.
    let configured = json!({"KeyId": deployment.signing_key, "PolicyName": "default"});
    let policy = deployment.moto.kms("GetKeyPolicy", &configured).await["Policy"].clone();
    let request = json!({"KeyId": key, "PolicyName": "default", "Policy": policy});
    deployment.moto.kms("PutKeyPolicy", &request).await;
    let tokens = deployment::body(&auth.invoke(&deployment.operator_login()).await, 200);
    let token: &str = tokens["access_token"].as_str().unwrap();
    let certificates: i64 =
        deployment.database.count("SELECT count(*) FROM signing_keys WHERE certificate IS NOT NULL").await;
    assert_eq!(certificates, 1);
    for (function, name, status) in
        [("admin", "admin/tenants", 200), ("metrics", "metrics/metrics", 200), ("auth", "auth/whoami", 200)]
    {
        let instance = deployment.instance(function).await;
        let response: Value = instance.invoke(&event(name, &[("access_token", token)])).await;
        assert_eq!(response["statusCode"], status, "{name}: {response}\n{}", instance.log());
    }
}
