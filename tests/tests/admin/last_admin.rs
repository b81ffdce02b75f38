//! Nobody takes their own role away or puts themselves out, and somebody who can run the tenant always stays.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Reply};
use holdfast_tests::users::{make, operator_in, own_path};
use http::Method;
use serde_json::{Value, json};

const ADMINS: &str = "/admin/users?role=admin&status=active";

async fn start() -> (TestApp, Client) {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    (app, admin)
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn nobody_changes_their_own_role_or_puts_themselves_out() {
    let (app, admin) = start().await;
    make(&app, &admin, "another", Role::Admin).await;
    let own = own_path(&admin).await;
    for change in
        [json!({"role": "viewer"}), json!({"status": "suspended"}), json!({"username": "x", "role": "editor"})]
    {
        assert_eq!(admin.patch(&own, &change).await.outcome(), "409 conflict", "{change}");
    }
    assert_eq!(admin.delete(&own).await.outcome(), "409 conflict");
    assert_eq!(admin.patch(&own, &json!({"username": "boss", "role": "admin"})).await.status, 200);
    assert_eq!(admin.get(&own).await.text_at("username"), "boss");
}

#[tokio::test]
async fn the_last_active_admin_of_a_tenant_stays() {
    let (app, admin) = start().await;
    let operator = operator_in(&app, Tenant::Acme).await;
    let last = own_path(&admin).await;
    let suspended = make(&app, &operator, "suspended", Role::Admin).await;
    operator.patch(&suspended, &json!({"status": "suspended"})).await;
    for change in [json!({"role": "editor"}), json!({"status": "suspended"})] {
        assert_eq!(operator.patch(&last, &change).await.outcome(), "409 conflict", "{change}");
    }
    assert_eq!(operator.delete(&last).await.outcome(), "409 conflict");
    assert_eq!(operator.delete(&suspended).await.status, 204);

    make(&app, &operator, "second", Role::Admin).await;
    assert_eq!(operator.patch(&last, &json!({"role": "editor"})).await.status, 200);
}

#[tokio::test]
async fn the_last_active_operator_of_the_platform_stays() {
    let app = TestApp::start().await;
    let first = app.sign_in(Tenant::Platform, Role::Operator).await;
    make(&app, &first, "second", Role::Operator).await;
    let second = app.sign_in_as(Tenant::Platform, "second").await;
    assert_eq!(second.patch(&own_path(&first).await, &json!({"status": "suspended"})).await.status, 200);
    assert_eq!(first.get("/admin/users").await.outcome(), "401 unauthenticated");
    assert_eq!(second.delete(&own_path(&second).await).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn two_admins_who_remove_each_other_at_once_leave_one() {
    let app = TestApp::start().await;
    let operator = operator_in(&app, Tenant::Acme).await;
    let ways = [
        (Method::PATCH, Some(json!({"role": "viewer"}))),
        (Method::PATCH, Some(json!({"status": "suspended"}))),
        (Method::DELETE, None),
    ];
    for (round, (method, body)) in ways.iter().cycle().take(12).enumerate() {
        // Whoever stayed the round before, and a new one.
        let old = operator.get(ADMINS).await.body["items"][0].clone();
        let name = format!("admin{round}");
        let new_path = make(&app, &operator, &name, Role::Admin).await;
        let old_path = format!("/admin/users/{}", old["id"].as_str().unwrap());
        let (old, new) = (
            app.sign_in_as(Tenant::Acme, old["username"].as_str().unwrap()).await,
            app.sign_in_as(Tenant::Acme, &name).await,
        );
        let replies: [Reply; 2] = tokio::join!(
            old.send(method.clone(), &new_path, body.clone()),
            new.send(method.clone(), &old_path, body.clone()),
        )
        .into();
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status.is_success());
        assert_eq!((won.len(), lost.len()), (1, 1), "{replies:?}");
        assert!(["409 conflict", "401 unauthenticated"].contains(&lost[0].outcome().as_str()), "{lost:?}");
        assert_eq!(names(&operator.get(ADMINS).await.body).len(), 1, "{replies:?}");
    }
}
