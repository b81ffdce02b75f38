//! The gate before every handler: the credential, the permission and the request's conditions, in this order. What is
//! refused here or by the handler is written to the audit log, in one flight.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use std::sync::OnceLock;

use super::context::{RequestContext, RequestFields};
use super::etag::{self, IfMatch};
use super::idempotency;
use super::outer::{RequestId, Served, SourceIp};
use crate::app::App;
use crate::id::TenantId;
use crate::identity::api_token::{self, ApiToken};
use crate::identity::principal::Principal;
use crate::identity::token::{self, Rejection};
use crate::permission::Role;
use crate::problem::{Code, Problem};
use crate::route::{Access, Audited, Route};

/// User agents longer than this are cut: the audit log is not the caller's notebook.
const MAX_USER_AGENT: usize = 256;

pub(super) async fn authorize(
    State((app, route)): State<(App, &'static Route)>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut facts = facts(&app, route, &request);
    let checked = check(&app, route, request.headers(), &mut facts).await;
    let context = RequestContext::new(facts);
    let response = match checked {
        Ok(()) => {
            request.extensions_mut().insert(context.clone());
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) if is_refusal(route, problem) => context.refuse(&app, problem.clone()).await.into_response(),
        _ => response,
    };
    response.extensions_mut().insert(Served(route));
    response
}

/// Whether the audit log must tell of this problem and does not yet. On routes without a principal the handler itself
/// records what matters, but for what it never saw; of what the database could not do (503) it cannot be told.
fn is_refusal(route: &Route, problem: &Problem) -> bool {
    let foreign = route.same_origin && problem.code() == Code::Forbidden;
    !problem.is_audited()
        && (route.access != Access::Anyone || foreign)
        && route.audited != Audited::Never
        && problem.code() != Code::Unavailable
}

fn facts(app: &App, route: &'static Route, request: &Request) -> RequestFields {
    let extensions = request.extensions();
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    // Nested routers and the Lambda stage may rewrite the URI; what was asked for is the original.
    RequestFields {
        route,
        now: app.clock.now(),
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        source_ip: extensions.get::<SourceIp>().map(|ip| ip.0.clone()),
        user_agent: user_agent.map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
        principal: None,
        chosen_tenant: None,
        if_match: IfMatch::default(),
        exists: None,
        idempotency_key: None,
        fingerprint: OnceLock::new(),
    }
}

async fn check(app: &App, route: &Route, headers: &HeaderMap, facts: &mut RequestFields) -> Result<(), Problem> {
    if route.access != Access::Anyone {
        let principal = facts.principal.insert(authenticate(app, headers).await?);
        facts.chosen_tenant = tenant(route, headers, principal)?;
        if route.needs_jwt() && principal.user().is_none() {
            return Err(Problem::of(Code::JwtRequired));
        }
        if let Access::Holder(permission) | Access::Admin(permission) = route.access
            && principal.lacks(permission)
        {
            return Err(Problem::new(Code::Forbidden, format!("This needs {permission}.")));
        }
    }
    if route.same_origin {
        own_origin(headers)?;
    }
    if route.conditional {
        facts.if_match = IfMatch::read(headers)?;
    }
    if route.upserts {
        facts.exists = etag::existence(headers)?;
    }
    if route.creates {
        facts.idempotency_key = idempotency::key(headers)?;
    }
    Ok(())
}

/// Refuses what another site makes a browser send: there the cookie would come along. Browsers set this header themselves, and
/// no script can (Fetch Metadata Request Headers, W3C).
fn own_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) if site == "same-origin" => Ok(()),
        _ => Err(Problem::new(Code::Forbidden, "This is only for pages of this origin: Sec-Fetch-Site must say so.")),
    }
}

/// The principal of the one Bearer credential in the `Authorization` header; credentials are taken from nowhere else.
async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthenticated().because("no_credential"));
    };
    let (scheme, credential) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthenticated().because("no_credential"));
    }
    let now = app.clock.now();
    if credential.starts_with(api_token::PREFIX) {
        // No key is needed for this kind, but pages need one, and it comes with the first connection.
        if !app.keys.is_loaded() {
            app.db.connect().await?;
        }
        let token = ApiToken::parse(credential).map(Principal::ApiToken);
        return token.ok_or_else(|| Problem::unauthenticated().because("invalid_api_token"));
    }
    let verified = match token::verify(credential, &app.keys, &app.config, now) {
        Err(Rejection::UnknownKey) if app.db.learn_keys(now).await? => {
            token::verify(credential, &app.keys, &app.config, now)
        }
        verified => verified,
    };
    verified.map(Principal::User).map_err(|_| Problem::unauthenticated().because("invalid_access_token"))
}

/// `X-Tenant-ID` grants nothing: a tenant's principal may repeat its own tenant, and an operator chooses one by it, on
/// the routes that act in a tenant.
fn tenant(route: &Route, headers: &HeaderMap, principal: &Principal) -> Result<Option<TenantId>, Problem> {
    let mut values = headers.get_all("x-tenant-id").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let id: Option<TenantId> =
        value.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| values.next().is_none());
    match principal.role() {
        Some(Role::Operator) if !route.in_tenant => Ok(None),
        Some(Role::Operator) => {
            id.map(Some).ok_or_else(|| Problem::invalid_request("X-Tenant-ID must be one tenant's id, a UUID."))
        }
        _ if id.is_some() && id == principal.home().public() => Ok(None),
        _ => Err(Problem::of(Code::TenantMismatch)),
    }
}
