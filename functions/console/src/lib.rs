//! The console: one page for browsers, which calls the other functions as any client does. Its files are part of the binary
//! and the same for every caller; the function has no credential, and reads none.

mod assets;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use holdfast_shared::app::App;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Endpoint, Route};
use http::{HeaderName, StatusCode, header};

pub use assets::{ASSETS, Asset};

static REDIRECT: Route = Route::get("/console", "console.open")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Redirect to the console.");

static PAGE: Route = Route::get("/console/", "console.page")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Load the console, a page for browsers.")
    .returns_text("text/html; charset=utf-8");

static ASSET: Route = Route::get("/console/{asset}", "console.asset")
    .access(Access::Anyone)
    .audited(Audited::Never)
    .summary("Load a file of the console's page.");

/// The page's name among the assets. `/console` redirects to this one and not to `/console/`: where a gateway passes that on
/// as `/console`, the redirect would be a loop.
const INDEX: &str = "index.html";

/// Content security policy: this origin only, no inline script or style, no script from text (Trusted Types), no framing.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of the console's files, in addition to those of every response.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

async fn redirect() -> impl IntoResponse {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/console/index.html")])
}

async fn page() -> Result<Response, Problem> {
    serve(INDEX)
}

async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    serve(&name)
}

fn serve(name: &str) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(Problem::not_found)?;
    Ok((HEADERS, [(header::CONTENT_TYPE, asset.content_type)], asset.text).into_response())
}

/// The routes and their handlers.
pub fn endpoints() -> Vec<Endpoint> {
    holdfast_shared::endpoints![REDIRECT.to(redirect), PAGE.to(page), ASSET.to(asset)]
}

/// The function as one service.
pub fn router(app: App) -> Router {
    holdfast_shared::web::service(app, endpoints())
}
