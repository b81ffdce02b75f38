//! The work of each kind of user with the console, in a real browser.

use holdfast_shared::clock::Clock;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::browser::Browser;
use holdfast_tests::nginx::{Edge, Nginx};
use holdfast_tests::sample::code;
use holdfast_tests::secrets::{self, unique};
use holdfast_tests::users::{create_user, operator_in};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const MENU: &str = "return [...document.querySelectorAll('nav a')].map((link) => link.innerText).join()";

async fn sign_in(browser: &Browser, app: &TestApp, tenant: Tenant, username: &str) {
    if let Some(slug) = tenant.slug() {
        browser.write("input[name=tenant]", slug).await;
    }
    browser.write("input[name=username]", username).await;
    browser.write("input[name=password]", app.password.expose_secret()).await;
    browser.press("#sign-in button").await;
}

/// Fails if the browser has reported an error of a script, or a violation of the policy.
async fn assert_no_messages(browser: &Browser) {
    assert_eq!(browser.messages().await, Vec::<String>::new());
}

/// Creates an account with a secret, reveals the secret, and finds both in the audit log.
async fn keep_a_secret(browser: &Browser) {
    let (account, value) = (unique(), unique());
    secrets::keep(&value);
    browser.press("#page-accounts").await;
    browser.write("#new-account input[name=name]", &account).await;
    browser.press("#new-account button").await;
    browser.press_named(&account).await;
    browser.write("#new-secret input[name=name]", "API_KEY").await;
    browser.write("#new-secret input[name=value]", &value).await;
    browser.press("#new-secret button").await;
    browser.sees("API_KEY").await;
    let shown = browser.run("return document.documentElement.outerHTML").await;
    assert!(!shown.as_str().unwrap().contains(&value), "the page holds a value before it is revealed");
    browser.press_named("Reveal").await;
    browser.sees(&value).await;
    browser.press_named("Hide").await;
    browser.press_named("Reveal").await;

    browser.press("#page-audit").await;
    browser.sees("secret.reveal").await;
    browser.write("#filters input[name=action]", "account.create").await;
    browser.press("#filters button").await;
    let actions =
        "return [...document.querySelectorAll('#log tbody tr td:nth-child(3)')].map((cell) => cell.innerText).join()";
    browser.finds(actions, "account.create").await;
    browser.press_named("Verify the log").await;
    browser.sees("Intact:").await;
}

/// Fails unless the refresh token is out of reach of scripts, and nothing else worth stealing is stored.
async fn assert_stores_no_token(browser: &Browser) {
    assert_eq!(browser.run("return document.cookie").await, json!(""));
    let cookies = browser.cookies().await;
    let [cookie] = cookies.as_slice() else { panic!("{cookies:?}") };
    let attributes = ["name", "httpOnly", "secure", "sameSite", "path"].map(|field| cookie[field].clone());
    assert_eq!(attributes, [json!("__Host-holdfast-session"), json!(true), json!(true), json!("Strict"), json!("/")]);
    secrets::keep(cookie["value"].as_str().unwrap());
    let stored = browser.run("return JSON.stringify([{...localStorage}, {...sessionStorage}])").await;
    assert_eq!(stored, json!(r#"[{"holdfast-signed-in":"yes"},{}]"#));
}

/// The work of a tenant's admin, from the first visit to signing out.
async fn work_as_admin(browser: &Browser, app: &TestApp, url: &str) {
    browser.open(&format!("{url}/console")).await;
    sign_in(browser, app, Tenant::Acme, "admin").await;
    browser.sees("admin, admin of acme").await;
    keep_a_secret(browser).await;
    assert_stores_no_token(browser).await;

    browser.press("#page-users").await;
    browser.write("#new-user input[name=username]", &unique()).await;
    browser.press("#new-user button.main").await;
    browser.sees("It is not shown again.").await;
    browser.press("#page-tokens").await;
    browser.write("#new-token input[name=name]", "a robot").await;
    browser.press("#new-token input[value='accounts:read']").await;
    browser.press("#new-token button").await;
    browser.sees("The token a robot.").await;
    let token = browser.run("return document.querySelector('.shown output').innerText").await;
    secrets::keep(token.as_str().unwrap());
    assert!(token.as_str().unwrap().starts_with("hfk_"));
    browser.press("#page-status").await;
    browser.sees("Features").await;
    browser.finds(MENU, "Accounts,Users,Tokens,Audit log,Status,One-time codes").await;

    browser.reload().await;
    browser.sees("admin, admin of acme").await;
    let held = browser.cookies().await;
    browser.press("#sign-out").await;
    browser.sees("Password").await;
    assert_eq!(browser.cookies().await, Vec::<Value>::new());
    browser.reload().await;
    browser.sees("Password").await;
    assert_no_messages(browser).await;

    // A copy of the cookie is worthless after the sign-out.
    let copied = held[0]["value"].as_str().unwrap();
    secrets::keep(copied);
    let attacker = app.anonymous().with_header("cookie", &format!("__Host-holdfast-session={copied}"));
    let attacker = attacker.with_header("sec-fetch-site", "same-origin");
    assert_eq!(attacker.post_empty("/auth/browser/refresh").await.outcome(), "401 unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_works_with_the_console_behind_a_tls_edge() {
    let app = TestApp::start().await;
    let gateway = format!("http://{}", app.listen().await);
    let edge = Nginx::before(&gateway, Edge::default()).await;
    let browser = Browser::start().await;
    work_as_admin(&browser, &app, &edge.url).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_works_with_the_console_of_a_local_run() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    work_as_admin(&browser, &app, &format!("http://{}", app.listen().await)).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_the_platform_and_no_accounts() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    sign_in(&browser, &app, Tenant::Platform, "operator").await;
    browser.finds(MENU, "Tenants,Users,Tokens,Audit log,Backups,Status,One-time codes").await;
    browser.sees("globex").await;
    browser.press("#page-backups").await;
    browser.press_named("Request a backup").await;
    browser.sees("requested").await;
    browser.press("#page-status").await;
    browser.sees("AUTH-1").await;
    assert_no_messages(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_first_what_operators_did_in_the_tenant_and_why() {
    let app = TestApp::start().await;
    let operator = operator_in(&app, Tenant::Acme).await;
    create_user(&app, &operator, "op-made", Role::Admin).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/#/audit", app.listen().await)).await;
    sign_in(&browser, &app, Tenant::Acme, "admin").await;
    let rows = "return [...document.querySelectorAll('#operators tbody tr')].map((row) => \
                [...row.cells].slice(1, 5).map((cell) => cell.innerText).join()).join(';')";
    browser.finds(rows, "operator,user.create,a test,201").await;
    let first = "return document.querySelector('main table').closest('section').id";
    browser.finds(first, "operators").await;
    assert_no_messages(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_totp_is_asked_for_a_code() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let secret = editor.post("/auth/mfa/totp", &app.own_password()).await.text_at("secret").to_owned();
    let confirm = json!({"code": code(&secret, app.clock.now(), 0)});
    assert_eq!(editor.post("/auth/mfa/totp/confirm", &confirm).await.status, 204);
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    sign_in(&browser, &app, Tenant::Acme, "editor").await;
    browser.sees("Send a code from the authenticator app as otp.").await;
    browser.write("input[name=otp]", &code(&secret, app.clock.now(), 1)).await;
    browser.press("#sign-in button").await;
    browser.sees("editor, editor of acme").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_asks_for_the_password_before_it_creates_a_user() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    sign_in(&browser, &app, Tenant::Acme, "admin").await;
    browser.sees("admin, admin of acme").await;
    app.clock.advance(301);
    browser.press("#page-users").await;
    browser.write("#new-user input[name=username]", "late").await;
    browser.press("#new-user button").await;
    browser.write("#step-up input[name=password]", "not the password").await;
    browser.press("#step-up button").await;
    browser.sees("Invalid credentials.").await;
    browser.write("#step-up input[name=password]", app.password.expose_secret()).await;
    browser.press("#step-up button").await;
    browser.sees("It is not shown again.").await;
    assert_eq!(app.database.count("SELECT count(*) FROM users WHERE username = 'late'").await, 1);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_reported_and_an_ended_session_asks_to_sign_in_again() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    browser.write("input[name=tenant]", "acme").await;
    browser.write("input[name=username]", "viewer").await;
    browser.write("input[name=password]", "not the password").await;
    assert!(!browser.run("return document.body.innerText").await.as_str().unwrap().contains("One-time code"));
    browser.press("#sign-in button").await;
    browser.sees("Invalid credentials.").await;
    browser.reload().await;
    sign_in(&browser, &app, Tenant::Acme, "viewer").await;
    // The page's own requests have been answered.
    browser.sees("No entries.").await;
    app.database.execute("UPDATE users SET status = 'suspended' WHERE username = 'viewer'").await;
    browser.press("#page-codes").await;
    browser.write("#enrol-codes input[name=password]", app.password.expose_secret()).await;
    browser.press("#enrol-codes button").await;
    browser.sees("The session has ended. Sign in again.").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_enforces_the_pages_policy() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    browser.sees("Password").await;
    assert_no_messages(&browser).await;
    for (violation, directive) in [
        (
            "const style = document.createElement('style'); style.textContent = 'p {}'; document.head.append(style)",
            "style-src",
        ),
        ("const image = new Image(); image.src = 'https://example.com/x.png'; document.body.append(image)", "img-src"),
        ("fetch('https://example.com/').catch(() => {})", "connect-src"),
        ("try { document.body.innerHTML = '<b>x</b>' } catch {}", "TrustedHTML"),
    ] {
        browser.run(violation).await;
        browser.reports(directive).await;
    }
    browser.quit().await;
}
