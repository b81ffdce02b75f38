//! A dismissed admin comes back with the next deployment, as long as a setting has the name: each kind of thing that the
//! migrate function creates from settings, deleted and migrated again.

use holdfast_migrate::{Created, Plan};
use holdfast_shared::config::{BootstrapToken, BootstrapUser};
use holdfast_shared::identity::es256::PublicKey;
use holdfast_shared::identity::signer::NewKey;
use holdfast_shared::permission::{Role, Scope};
use holdfast_shared::rng::SystemRng;
use holdfast_tests::app::{Tenant, TestApp};
use serde_json::{Value, json};

/// The point of RFC 7515, appendix A.3.
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const ROWS: &str = "SELECT coalesce(json_agg(json_build_array(action, path, status, tenant_id = '00000000-0000-0000-0000-000000000000',
        actor_kind, actor_name, role) ORDER BY transaction_id, id), '[]') FROM http_audit_log WHERE method = 'MIGRATE'";

fn user(tenant: &str, username: &str, app: &TestApp) -> BootstrapUser {
    let password_hash = holdfast_shared::identity::password::hash(&app.password, &SystemRng).unwrap();
    BootstrapUser {
        tenant: Some(tenant.to_owned()),
        username: username.parse().unwrap(),
        role: Role::Admin,
        password_hash,
    }
}

fn plan(app: &TestApp) -> Plan {
    let token = BootstrapToken {
        tenant: Some("acme".to_owned()),
        name: "ci".to_owned(),
        scopes: vec![Scope::AccountsRead],
        hash: vec![7; 32],
        max_days: 365,
    };
    let public = PublicKey { x: X.to_owned(), y: Y.to_owned() };
    Plan {
        database_ca_file: Some(app.database.ca_file()),
        users: vec![user("initech", "ghost", app), user("acme", "renamed", app), user("acme", "admin", app)],
        tokens: vec![token],
        signing_key: Some(NewKey { public, provider_key: None }),
        ..Plan::new(app.database.owner_url().into())
    }
}

/// What the migrate function recorded, in order.
async fn rows(app: &TestApp) -> Vec<Value> {
    let rows: Value = app.database.value(ROWS, &[]).await;
    rows.as_array().unwrap().clone()
}

async fn migrate(app: &TestApp, plan: &Plan) -> Created {
    holdfast_migrate::run(plan, &*app.clock, &SystemRng).await.unwrap().created
}

#[tokio::test]
async fn everything_that_is_bootstrapped_has_its_audit_row_and_does_not_return() {
    let app = TestApp::start().await;
    let before = rows(&app).await.len();
    let plan = plan(&app);
    let created = migrate(&app, &plan).await;
    assert_eq!(created, Created { tenants: 1, users: 2, tokens: 1, signing_keys: 1 });
    let counts = serde_json::to_value(created).unwrap();
    let total: u64 = counts.as_object().unwrap().values().filter_map(Value::as_u64).sum();
    let recorded = rows(&app).await;
    let row = |action: &str, path: &str, platform: bool| {
        json!([action, path, 200, platform, "system", "holdfast_owner", "operator"])
    };
    let expected = [
        row("tenant.create", "AUTH_USERS", true),
        row("user.create", "AUTH_USERS", false),
        row("user.create", "AUTH_USERS", false),
        row("token.create", "API_TOKENS", false),
        row("key.register", "signing key", true),
    ];
    let mut found = recorded[before..].to_vec();
    assert_eq!(found.len(), usize::try_from(total).unwrap(), "one row for each: {found:?}");
    found.sort_by_key(|row| expected.iter().position(|each| each == row));
    assert_eq!(found, expected);

    // All of it goes: over the API where there is a route, else by hand.
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let users = admin.get("/admin/users?limit=200").await;
    let renamed = users.items().iter().find(|user| user["username"] == "renamed").unwrap();
    let path = format!("/admin/users/{}", renamed["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, &json!({"username": "somebody-else"})).await.status, 200);
    app.database
        .execute(&format!(
            "DELETE FROM users WHERE username = 'ghost'; DELETE FROM tenants WHERE slug = 'initech';
             DELETE FROM api_tokens WHERE name = 'ci'; DELETE FROM signing_keys WHERE x = '{X}'"
        ))
        .await;
    assert_eq!(migrate(&app, &plan).await, Created::default());
    let names = "SELECT count(*) FROM users WHERE username IN ('ghost', 'renamed')";
    assert_eq!(app.database.count(names).await, 0);
    assert_eq!(rows(&app).await, recorded, "and nothing more is recorded");
    let kinds: Value = app.database.value("SELECT json_agg(DISTINCT kind ORDER BY kind) FROM bootstrapped", &[]).await;
    let mut known: Vec<_> = counts.as_object().unwrap().keys().map(|kind| kind.trim_end_matches('s')).collect();
    known.sort_unstable();
    assert_eq!(
        kinds,
        json!(known.iter().map(|kind| kind.replace("token", "api_token")).collect::<std::collections::BTreeSet<_>>())
    );
}

#[tokio::test]
async fn a_user_who_existed_when_the_setting_was_first_read_does_not_return_either() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let early = admin.create("/admin/users", &json!({"username": "early", "role": "viewer"})).await;
    let plan = Plan { tokens: vec![], signing_key: None, users: vec![user("acme", "Early", &app)], ..plan(&app) };
    assert_eq!(migrate(&app, &plan).await, Created::default());
    assert_eq!(admin.delete(early.header("location")).await.status, 204);
    assert_eq!(migrate(&app, &plan).await, Created::default());
    assert_eq!(app.database.count("SELECT count(*) FROM users WHERE username_key = 'early'").await, 0);
}

#[tokio::test]
async fn a_tenants_admin_sees_who_bootstrapped_an_admin_there() {
    let app = TestApp::start().await;
    migrate(&app, &plan(&app)).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let shown = admin.get("/admin/audit?role=operator&action=user.create").await;
    let actor = &shown.items()[0]["actor"];
    assert_eq!((&actor["kind"], &actor["name"]), (&json!("system"), &json!("holdfast_owner")), "{shown:?}");
}
