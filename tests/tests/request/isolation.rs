//! Every route, called by every role, for its own tenant, another one and none. The cases come from the route table: a
//! route without a sample request fails the test, so that none is forgotten.

use holdfast_shared::permission::Role;
use holdfast_shared::route::{Access, Route};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::sample::Samples;
use holdfast_tests::secrets::unique;
use http::Method;

/// The owner of the data that a request concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DataOwner {
    /// The caller's tenant.
    Own,
    /// Another tenant.
    Other,
}

async fn send(samples: &Samples<'_>, route: &Route, client: &Client, owner: DataOwner, role: Option<Role>) -> Response {
    let tenant = match (owner, role) {
        (DataOwner::Own, Some(Role::Viewer | Role::Editor | Role::Admin)) => Tenant::Acme,
        (DataOwner::Own, Some(Role::Operator)) => Tenant::Platform,
        _ => Tenant::Globex,
    };
    let response = samples.of(route, tenant, client).await.send(route, client).await;
    samples.disable_totp().await;
    response
}

const ROLES: [Option<Role>; 5] =
    [None, Some(Role::Viewer), Some(Role::Editor), Some(Role::Admin), Some(Role::Operator)];

async fn caller(app: &TestApp, role: Option<Role>) -> Client {
    match role {
        None => app.anonymous(),
        Some(Role::Operator) => app.sign_in(Tenant::Platform, Role::Operator).await,
        Some(role) => app.sign_in(Tenant::Acme, role).await,
    }
}

/// Returns the outcome of a request by this role for data of its own tenant, by the route table.
fn expected(route: &Route, role: Option<Role>) -> String {
    match (route.access, role) {
        (Access::Anyone, _) => route.success.to_string(),
        (_, None) => "401 unauthenticated".to_owned(),
        (Access::Holder(permission) | Access::Admin(permission), Some(role)) if !role.may(permission) => {
            "403 forbidden".to_owned()
        }
        _ => route.success.to_string(),
    }
}

#[tokio::test]
async fn every_role_can_do_in_its_tenant_exactly_what_the_route_table_allows() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let mut wrong = Vec::new();
    for endpoint in holdfast::gateway::endpoints() {
        for role in ROLES {
            let client = caller(&app, role).await;
            let response = send(&samples, endpoint.route, &client, DataOwner::Own, role).await;
            let expected = expected(endpoint.route, role);
            if response.outcome() != expected {
                wrong.push(format!(
                    "{} {} as {role:?}: {} not {expected}",
                    endpoint.route.method,
                    endpoint.route.path,
                    response.outcome()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn another_tenants_data_looks_as_if_it_did_not_exist() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let mut checked = 0;
    for endpoint in holdfast::gateway::endpoints().iter().filter(|endpoint| endpoint.route.path.contains("{id}")) {
        let route = endpoint.route;
        for role in [Role::Viewer, Role::Editor, Role::Admin] {
            let client = caller(&app, Some(role)).await;
            let others = send(&samples, route, &client, DataOwner::Other, Some(role)).await;
            let allowed = expected(route, Some(role)) == route.success.to_string();
            let (status, code) = if allowed { (404, "not_found") } else { (403, "forbidden") };
            assert_eq!(
                (others.status.as_u16(), others.code()),
                (status, code),
                "{} {} as {role}",
                route.method,
                route.path
            );

            // The response for an id that never existed is the same, except for the request id.
            let never = route.path.replace("{id}", &unique()).replace("{name}", "token").replace("{n}", "1");
            let body = samples.of(route, Tenant::Globex, &client).await.body;
            let never = client.send(route.method.clone(), &never, body).await;
            let without_id = |response: &Response| response.text.replace(response.text_at("request_id"), "");
            assert_eq!(without_id(&others), without_id(&never));
            checked += 1;
        }
    }
    assert!(checked >= 12, "{checked}");
}

#[tokio::test]
async fn lists_contain_nothing_of_another_tenant() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let (acme, globex) = (samples.account(Tenant::Acme).await, samples.account(Tenant::Globex).await);
    let id = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    for endpoint in holdfast::gateway::endpoints().iter().filter(|endpoint| endpoint.route.method == Method::GET) {
        let route = endpoint.route;
        if route.path.contains('{') || route.access == Access::Anyone {
            continue;
        }
        for role in [Role::Viewer, Role::Editor, Role::Admin] {
            let client = caller(&app, Some(role)).await;
            let response = client.get(route.path).await;
            assert!(!response.text.contains(&id(&globex)), "{} shows {role} another tenant", route.path);
            assert!(!response.text.contains(&app.tenant_id(Tenant::Globex).await), "{}", route.path);
        }
    }
    let viewer = caller(&app, Some(Role::Viewer)).await;
    assert!(viewer.get("/accounts").await.text.contains(&id(&acme)));
}

#[tokio::test]
async fn the_tenant_header_never_grants_anything() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let (acme, globex) = (app.tenant_id(Tenant::Acme).await, app.tenant_id(Tenant::Globex).await);
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        for role in [Role::Viewer, Role::Editor, Role::Admin] {
            let client = caller(&app, Some(role)).await;
            // The accepted request comes last: it may end the session.
            for (header, mismatch) in [(globex.as_str(), true), ("acme", true), ("", true), ("*", true), (&acme, false)]
            {
                let client = client.clone().with_header("x-tenant-id", header);
                let response = send(&samples, route, &client, DataOwner::Own, Some(role)).await;
                let expected = match (route.access, mismatch) {
                    (Access::Anyone, _) | (_, false) => expected(route, Some(role)),
                    _ => "403 tenant_mismatch".to_owned(),
                };
                assert_eq!(
                    response.outcome(),
                    expected,
                    "{} {} as {role}, X-Tenant-ID {header:?}",
                    route.method,
                    route.path
                );
            }
        }
    }
}

#[tokio::test]
async fn an_operator_acts_in_the_tenant_of_the_header_only_on_admin_routes() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let operator = caller(&app, Some(Role::Operator)).await;
    let globex = app.tenant_id(Tenant::Globex).await;
    samples.account(Tenant::Globex).await;

    let audit = operator.clone().with_header("x-tenant-id", &globex).get("/admin/audit?action=account.create").await;
    assert_eq!(audit.body["items"][0]["tenant_id"], globex.as_str());
    let platform = operator.get("/admin/audit").await;
    assert!(platform.body["items"].as_array().is_some_and(|rows| rows.iter().all(|row| row["tenant_id"].is_null())));

    for (header, outcome) in [(unique(), "404 not_found"), ("globex".into(), "400 invalid_request")] {
        assert_eq!(operator.clone().with_header("x-tenant-id", &header).get("/admin/audit").await.outcome(), outcome);
    }
    assert_eq!(operator.with_header("x-tenant-id", &globex).get("/accounts").await.outcome(), "403 forbidden");
}
