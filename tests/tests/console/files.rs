//! The files of the console: their headers, and that they hold nothing that does not belong there.

use holdfast_console::{ASSETS, POLICY};
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};

#[tokio::test]
async fn every_file_of_the_console_is_served_with_its_policy_and_no_other_file() {
    let app = TestApp::start().await;
    for path in std::iter::once("").chain(ASSETS.iter().map(|asset| asset.name)) {
        let response = app.anonymous().get(&format!("/console/{path}")).await;
        assert_eq!(response.status, 200, "{path}");
        for (name, value) in [
            ("content-security-policy", POLICY),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(response.header(name), value, "{path}");
        }
    }
    let bare = app.anonymous().get("/console").await;
    assert_eq!((bare.status.as_u16(), bare.header("location")), (307, "/console/index.html"));
    for unknown in ["/console/nothing.js", "/console/..%2fCargo.toml", "/console/assets/app.js", "/console/APP.JS"] {
        let response = app.anonymous().get(unknown).await;
        assert_eq!(response.outcome(), "404 not_found", "{unknown}");
    }
    assert_eq!(app.anonymous().post_empty("/console/").await.outcome(), "405 method_not_allowed");
    let stranger = app.anonymous().get("/console/").await;
    for (role, tenant) in [(Role::Viewer, Tenant::Acme), (Role::Operator, Tenant::Platform)] {
        let page = app.sign_in(tenant, role).await.get("/console/").await;
        assert_eq!(page.text, stranger.text, "the page is the same for everybody");
    }
}

#[test]
fn the_files_contain_no_token_no_address_and_nothing_the_policy_forbids() {
    // The only URL is the name of SVG's vocabulary, from which nothing is fetched.
    let allowed = "http://www.w3.org/2000/svg";
    let tokens = ["hfk_", "hfr_", "eyJ", "AKIA", "-----BEGIN", "dev-token", "changeme"];
    let addresses = ["http://", "https://", "//cdn", "data:"];
    let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"];
    let inline = ["javascript:", "<style", " style=", " onclick=", "<script>"];
    for asset in ASSETS {
        let text = asset.text.replace(allowed, "");
        for word in tokens.into_iter().chain(addresses).chain(markup).chain(inline) {
            assert!(!text.contains(word), "{} contains {word}", asset.name);
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
