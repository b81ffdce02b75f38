//! Administrators cannot remove themselves, and a tenant always keeps an active administrator.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Response;
use holdfast_tests::users::{create_user, operator_in, own_path};
use http::Method;
use serde_json::json;

const ADMINS: &str = "/admin/users?role=admin&status=active";

#[tokio::test]
async fn users_cannot_demote_suspend_or_delete_themselves() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    create_user(&app, &admin, "another", Role::Admin).await;
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
async fn the_last_active_admin_of_a_tenant_cannot_be_removed() {
    let (app, admin) = TestApp::start_as(Tenant::Acme, Role::Admin).await;
    let operator = operator_in(&app, Tenant::Acme).await;
    let last = own_path(&admin).await;
    let suspended = create_user(&app, &operator, "suspended", Role::Admin).await;
    operator.patch(&suspended, &json!({"status": "suspended"})).await;
    for change in [json!({"role": "editor"}), json!({"status": "suspended"})] {
        assert_eq!(operator.patch(&last, &change).await.outcome(), "409 conflict", "{change}");
    }
    assert_eq!(operator.delete(&last).await.outcome(), "409 conflict");
    assert_eq!(operator.delete(&suspended).await.status, 204);

    create_user(&app, &operator, "second", Role::Admin).await;
    assert_eq!(operator.patch(&last, &json!({"role": "editor"})).await.status, 200);
}

#[tokio::test]
async fn the_last_active_operator_cannot_be_removed() {
    let app = TestApp::start().await;
    let first = app.sign_in(Tenant::Platform, Role::Operator).await;
    create_user(&app, &first, "second", Role::Operator).await;
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
        // The admin that the round before left, and a new one.
        let old = operator.get(ADMINS).await.body["items"][0].clone();
        let name = format!("admin{round}");
        let new_path = create_user(&app, &operator, &name, Role::Admin).await;
        let old_path = format!("/admin/users/{}", old["id"].as_str().unwrap());
        let (old, new) = (
            app.sign_in_as(Tenant::Acme, old["username"].as_str().unwrap()).await,
            app.sign_in_as(Tenant::Acme, &name).await,
        );
        let responses: [Response; 2] = tokio::join!(
            old.send(method.clone(), &new_path, body.clone()),
            new.send(method.clone(), &old_path, body.clone()),
        )
        .into();
        let (won, lost): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status.is_success());
        assert_eq!((won.len(), lost.len()), (1, 1), "{responses:?}");
        assert!(["409 conflict", "401 unauthenticated"].contains(&lost[0].outcome().as_str()), "{lost:?}");
        assert_eq!(operator.get(ADMINS).await.items().len(), 1, "{responses:?}");
    }
}
