//! Names that look like others: an invisible character, a reversed direction, a letter of another script. Each is tried in
//! every field that is shown to somebody.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::sample::code;
use holdfast_tests::secrets;
use holdfast_tests::users::{create_user, login};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Texts that do not show what they are.
const HIDDEN: [&str; 9] = [
    "admin\u{200b}",
    "ad\u{202e}min",
    "ad\u{ad}min",
    "ad\u{2066}min",
    "admin\u{e0061}",
    "ad\u{fe0f}min",
    "ad\nmin",
    "ad\u{85}min",
    "admin\u{3164}",
];
/// Usernames of mixed scripts or with symbols, which other names may have.
const MIXED: [&str; 4] = ["\u{430}dmin", "adm\u{456}n", "\u{3b1}dmin", "admin\u{2713}"];

/// A field that holds a name, and a body in which only the name can be wrong.
struct Field {
    method: Method,
    path: &'static str,
    name: &'static str,
    body: fn(&str) -> Value,
}

const fn field(method: Method, path: &'static str, name: &'static str, body: fn(&str) -> Value) -> Field {
    Field { method, path, name, body }
}

const FIELDS: [Field; 11] = [
    field(Method::POST, "/admin/users", "username", |name| json!({"username": name, "role": "viewer"})),
    field(Method::PATCH, "/admin/users/{id}", "username", |name| json!({"username": name})),
    field(Method::POST, "/admin/tenants", "slug", |name| json!({"slug": name, "name": "x"})),
    field(Method::POST, "/admin/tenants", "name", |name| json!({"slug": "x", "name": name})),
    field(
        Method::POST,
        "/admin/tenants",
        "username",
        |name| json!({"slug": "x", "name": "x", "admin": {"username": name}}),
    ),
    field(Method::PATCH, "/admin/tenants/{id}", "name", |name| json!({"name": name})),
    field(Method::POST, "/accounts", "name", |name| json!({"name": name})),
    field(Method::POST, "/accounts", "owner", |name| json!({"name": "x", "owner": name})),
    field(Method::PATCH, "/accounts/{id}", "name", |name| json!({"name": name})),
    field(Method::PATCH, "/accounts/{id}", "owner", |name| json!({"owner": name})),
    field(Method::POST, "/auth/tokens", "name", |name| json!({"name": name, "scopes": ["accounts:read"]})),
];

#[tokio::test]
async fn no_field_that_is_shown_holds_a_character_that_hides() {
    let app = TestApp::start().await;
    let (operator, admin) =
        (app.sign_in(Tenant::Platform, Role::Operator).await, app.sign_in(Tenant::Acme, Role::Admin).await);
    let user = create_user(&app, &admin, "somebody", Role::Viewer).await;
    let account = app.sign_in(Tenant::Acme, Role::Editor).await.create_account().await;
    let tenant = app.tenant_path(Tenant::Globex).await;
    for Field { method, path, name: field, body } in FIELDS {
        let (client, of) = match path.split('/').nth(2) {
            Some("tenants") => (&operator, &tenant),
            Some("users") => (&admin, &user),
            _ => (&admin, &account),
        };
        let target = if path.contains("{id}") { of.as_str() } else { path };
        let mixed = if field == "username" { &MIXED[..] } else { &[] };
        for name in HIDDEN.iter().chain(mixed) {
            let response = client.send(method.clone(), target, Some(body(name))).await;
            assert_eq!(response.outcome(), "400 validation_failed", "{method} {path} {field}: {name:?}");
        }
    }
    let key = json!({"name": "x", "metadata": {"ad\u{202e}min": ""}});
    assert_eq!(admin.post("/accounts", &key).await.outcome(), "400 validation_failed");
}

/// Fails where a body has a field for a name that the table above lacks.
#[test]
fn every_field_for_a_name_is_tried() {
    let document = holdfast_shared::openapi::document(holdfast::gateway::endpoints().iter().map(|each| each.route));
    let document = serde_json::to_value(document).unwrap();
    let schemas = &document["components"]["schemas"];
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let Some(body) = &route.body else { continue };
        // What only identifies, and is not stored.
        if route.path.starts_with("/auth/login") || route.path.starts_with("/auth/browser") {
            continue;
        }
        let of =
            |schema: &str| schemas[schema]["properties"].as_object().map(|fields| fields.keys().cloned().collect());
        let mut names: Vec<String> = of(&body.name()).unwrap_or_default();
        if body.name() == "NewTenant" {
            names.extend::<Vec<_>>(of("NewAdmin").unwrap());
        }
        for name in names.iter().filter(|name| ["name", "username", "owner", "slug", "title"].contains(&name.as_str()))
        {
            let tried =
                FIELDS.iter().any(|each| each.method == route.method && each.path == route.path && each.name == name);
            assert!(tried, "{} {}: {name}", route.method, route.path);
        }
    }
}

#[tokio::test]
async fn all_forms_of_a_name_are_one_user_with_one_count() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    create_user(&app, &admin, "Zo\u{eb} Stra\u{df}e", Role::Viewer).await;
    let forms = ["ZOE\u{308} STRASSE", "zo\u{eb} stra\u{df}e", "\u{ff3a}o\u{eb} Stra\u{1e9e}e"];
    for form in forms {
        let taken = json!({"username": form, "role": "viewer"});
        assert_eq!(admin.post("/admin/users", &taken).await.outcome(), "409 conflict", "{form}");
        assert_eq!(login(&app, Tenant::Acme, form, app.password.expose_secret()).await.status, 200, "{form}");
    }
    let listed = admin.get("/admin/users?q=ZOE%CC%88").await;
    assert_eq!(listed.each("username"), ["Zo\u{eb} Stra\u{df}e"]);

    // Unknown at this address: the sixth attempt waits, whatever form the name has.
    let stranger = app.anonymous().from_address("198.51.100.99");
    for at in 0..6 {
        let guess = json!({"tenant": "acme", "username": forms[at % 3], "password": "a wrong password"});
        let outcome = stranger.post("/auth/login", &guess).await.outcome();
        assert_eq!(outcome, if at < 5 { "401 invalid_credentials" } else { "429 rate_limited" }, "{at}");
    }
}

#[tokio::test]
async fn a_full_width_name_is_stored_in_its_plain_form() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let wide = json!({"username": "\u{ff21}\u{ff44}\u{ff41}", "role": "viewer"});
    assert_eq!(admin.create("/admin/users", &wide).await.body["username"], "Ada");
    let admin_again = json!({"username": "\u{ff41}\u{ff44}\u{ff4d}\u{ff49}\u{ff4e}", "role": "viewer"});
    assert_eq!(admin.post("/admin/users", &admin_again).await.outcome(), "409 conflict");
}

#[tokio::test]
async fn a_password_is_one_password_however_its_letters_are_composed() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let plain = secrets::unique();
    let forms = [format!("cre\u{300}me {plain}"), format!("cr\u{e8}me {plain}")];
    for form in &forms {
        secrets::keep(form);
    }
    let user = json!({"username": "cook", "role": "viewer", "password": forms[0]});
    admin.create("/admin/users", &user).await;
    for form in &forms {
        let response = login(&app, Tenant::Acme, "cook", form).await;
        assert_eq!(response.status, 200, "{response:?}");
        let cook = app.anonymous().with_tokens(&response.body);
        assert_eq!(cook.post("/auth/step-up", &json!({"password": forms[1]})).await.status, 200);
        let change = json!({"current_password": forms[1], "new_password": form});
        assert_eq!(cook.post("/auth/password", &change).await.status, 204);
    }
}

#[tokio::test]
async fn a_one_time_code_may_hold_spaces_wherever_it_is_asked_for() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let secret = editor.post("/auth/mfa/totp", &app.own_password()).await.text_at("secret").to_owned();
    let spaced = |ahead: i64| {
        let code = code(&secret, holdfast_shared::clock::Clock::now(&*app.clock), ahead);
        format!(" {} {}", &code[..3], &code[3..])
    };
    assert_eq!(editor.post("/auth/mfa/totp/confirm", &json!({"code": spaced(0)})).await.status, 204);
    let mut credentials = app.credentials(Tenant::Acme, Role::Editor);
    credentials["otp"] = spaced(1).into();
    assert_eq!(app.anonymous().post("/auth/login", &credentials).await.status, 200);
}
