//! The console, as a browser shows it, and what it is made of.

use holdfast_console::{ASSETS, POLICY};
use holdfast_shared::clock::Clock;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::browser::Browser;
use holdfast_tests::nginx::{Edge, Nginx};
use holdfast_tests::sample::code;
use holdfast_tests::secrets::{self, unique};
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

/// Nothing that a page does may make the browser complain: no error of a script, and no breach of the policy.
async fn assert_quiet(browser: &Browser) {
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// An account with a secret, made, looked at and found in the audit log, all by hand.
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
    assert!(!shown.as_str().unwrap().contains(&value), "a value is on the page before it was asked for");
    browser.press_named("Reveal").await;
    browser.sees(&value).await;
    browser.press_named("Hide").await;
    browser.press_named("Reveal").await;

    browser.press("#page-audit").await;
    browser.sees("secret.reveal").await;
    browser.write("#filters input[name=action]", "account.create").await;
    browser.press("#filters button").await;
    let actions =
        "return [...document.querySelectorAll('tbody tr td:nth-child(3)')].map((cell) => cell.innerText).join()";
    browser.finds(actions, "account.create").await;
    browser.press_named("Verify the log").await;
    browser.sees("Whole:").await;
}

/// What the page may keep: the refresh token where no script can read it, and nothing else that is worth a theft.
async fn assert_keeps_no_token(browser: &Browser) {
    assert_eq!(browser.run("return document.cookie").await, json!(""));
    let cookies = browser.cookies().await;
    let [cookie] = cookies.as_slice() else { panic!("{cookies:?}") };
    let said = ["name", "httpOnly", "secure", "sameSite", "path"].map(|field| cookie[field].clone());
    assert_eq!(said, [json!("__Host-holdfast-session"), json!(true), json!(true), json!("Strict"), json!("/")]);
    secrets::keep(cookie["value"].as_str().unwrap());
    let stored = browser.run("return JSON.stringify([{...localStorage}, {...sessionStorage}])").await;
    assert_eq!(stored, json!(r#"[{"holdfast-signed-in":"yes"},{}]"#));
}

/// The way of a tenant's admin, from a stranger's first look to signing out.
async fn an_admins_way(browser: &Browser, app: &TestApp, url: &str) {
    browser.open(&format!("{url}/console")).await;
    sign_in(browser, app, Tenant::Acme, "admin").await;
    browser.sees("admin, admin of acme").await;
    keep_a_secret(browser).await;
    assert_keeps_no_token(browser).await;

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
    browser.sees("Switched on").await;
    browser.finds(MENU, "Accounts,Users,Tokens,Audit log,Status,One-time codes").await;

    browser.reload().await;
    browser.sees("admin, admin of acme").await;
    let held = browser.cookies().await;
    browser.press("#sign-out").await;
    browser.sees("Password").await;
    assert_eq!(browser.cookies().await, Vec::<Value>::new());
    browser.reload().await;
    browser.sees("Password").await;
    assert_quiet(browser).await;

    // Whoever has copied the cookie before has nothing.
    let copied = held[0]["value"].as_str().unwrap();
    secrets::keep(copied);
    let thief = app.anonymous().with_header("cookie", &format!("__Host-holdfast-session={copied}"));
    let thief = thief.with_header("sec-fetch-site", "same-origin");
    assert_eq!(thief.act("/auth/browser/refresh").await.outcome(), "401 unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_keeps_a_secret_and_signs_out_behind_a_tls_edge_without_a_complaint_of_the_browser() {
    let app = TestApp::start().await;
    let gateway = format!("http://{}", app.listen().await);
    let edge = Nginx::before(&gateway, Edge::default()).await;
    let browser = Browser::start().await;
    an_admins_way(&browser, &app, &edge.url).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_works_on_the_plain_address_of_a_local_run() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    an_admins_way(&browser, &app, &format!("http://{}", app.listen().await)).await;
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
    browser.press_named("Ask for a backup").await;
    browser.sees("requested").await;
    browser.press("#page-status").await;
    browser.sees("AUTH-1").await;
    assert_quiet(&browser).await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_one_time_codes_is_asked_for_one() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let secret = editor.act("/auth/mfa/totp").await.text_at("secret").to_owned();
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
async fn a_wrong_password_is_told_and_a_session_that_was_ended_elsewhere_asks_again() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    browser.write("input[name=tenant]", "acme").await;
    browser.write("input[name=username]", "viewer").await;
    browser.write("input[name=password]", "not the password").await;
    assert!(!browser.run("return document.body.innerText").await.as_str().unwrap().contains("One-time code"));
    browser.press("#sign-in button").await;
    browser.sees("The tenant, username or password is not right.").await;
    browser.reload().await;
    sign_in(&browser, &app, Tenant::Acme, "viewer").await;
    browser.sees("Sign out").await;
    let suspend = "UPDATE users SET status = 'suspended' WHERE username = 'viewer'";
    app.database.superuser().await.batch_execute(suspend).await.unwrap();
    browser.press("#page-codes").await;
    browser.press_named("Set up").await;
    browser.sees("The session is over. Sign in again.").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_holds_the_page_to_its_policy() {
    let app = TestApp::start().await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/console/", app.listen().await)).await;
    browser.sees("Password").await;
    assert_quiet(&browser).await;
    for (breach, named) in [
        (
            "const style = document.createElement('style'); style.textContent = 'p {}'; document.head.append(style)",
            "style-src",
        ),
        ("const image = new Image(); image.src = 'https://example.com/x.png'; document.body.append(image)", "img-src"),
        ("fetch('https://example.com/').catch(() => {})", "connect-src"),
        ("try { document.body.innerHTML = '<b>x</b>' } catch {}", "TrustedHTML"),
    ] {
        browser.run(breach).await;
        let started = std::time::Instant::now();
        let mut complaints = browser.complaints().await;
        while complaints.is_empty() && started.elapsed().as_secs() < 10 {
            complaints = browser.complaints().await;
        }
        assert!(complaints.iter().any(|complaint| complaint.contains(named)), "{named}: {complaints:?}");
    }
    browser.quit().await;
}

#[tokio::test]
async fn every_file_of_the_console_is_served_with_its_own_policy_and_none_else() {
    let app = TestApp::start().await;
    for path in std::iter::once("").chain(ASSETS.iter().map(|asset| asset.name)) {
        let reply = app.anonymous().get(&format!("/console/{path}")).await;
        assert_eq!(reply.status, 200, "{path}");
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
    }
    let entrance = app.anonymous().get("/console").await;
    assert_eq!((entrance.status.as_u16(), entrance.header("location")), (307, "/console/index.html"));
    for nothing in ["/console/nothing.js", "/console/..%2fCargo.toml", "/console/assets/app.js", "/console/APP.JS"] {
        let reply = app.anonymous().get(nothing).await;
        assert_eq!(reply.outcome(), "404 not_found", "{nothing}");
    }
    assert_eq!(app.anonymous().act("/console/").await.outcome(), "405 method_not_allowed");
    let stranger = app.anonymous().get("/console/").await;
    for (role, whose) in [(Role::Viewer, Tenant::Acme), (Role::Operator, Tenant::Platform)] {
        let page = app.sign_in(whose, role).await.get("/console/").await;
        assert_eq!(page.text, stranger.text, "the page is the same for everybody");
    }
}

#[test]
fn the_files_hold_no_token_no_address_and_nothing_that_the_policy_forbids() {
    // SVG's own name is the one URL: it names a vocabulary, and nothing is fetched from it.
    let allowed = "http://www.w3.org/2000/svg";
    let tokens = ["hfk_", "hfr_", "eyJ", "AKIA", "-----BEGIN", "dev-token", "changeme"];
    let addresses = ["http://", "https://", "//cdn", "data:"];
    let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"];
    let inline = ["javascript:", "<style", " style=", " onclick=", "<script>"];
    for asset in ASSETS {
        let text = asset.text.replace(allowed, "");
        for word in tokens.into_iter().chain(addresses).chain(markup).chain(inline) {
            assert!(!text.contains(word), "{} holds {word}", asset.name);
        }
    }
    let folder = holdfast_tests::tools::workspace().join("functions/console/assets");
    let files = folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = files.collect();
    let mut names: Vec<_> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names, "each file of the folder is served, and no other");
}
