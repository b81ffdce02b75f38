//! The authorization layer around every handler: it checks the credential, the permission and the request's conditions, in
//! this order. It writes rejections, its own and the handler's, to the audit log, in one round trip.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use std::sync::OnceLock;

use super::context::{RequestContext, RequestFields, RequestId, SourceIp};
use super::etag::{self, IfMatch};
use super::idempotency;
use super::reason;
use super::request_log::Served;
use super::target;
use crate::app::App;
use crate::id::TenantId;
use crate::identity::api_token::{self, ApiToken};
use crate::identity::principal::Principal;
use crate::identity::token::{self, Rejection};
use crate::permission::Role;
use crate::problem::{Code, Problem};
use crate::route::{Access, Audited, Authentication, Effect, Origin, Precondition, Route, TenantScope};

/// Length to which the user agent is truncated, to bound the audit row.
const MAX_USER_AGENT: usize = 256;

pub(super) async fn authorize(
    State((app, served)): State<(App, Served)>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = served.route;
    let mut fields = fields(&app, route, &request);
    let checked = check(&app, route, request.headers(), &mut fields).await;
    let context = RequestContext::new(fields);
    let response = match checked {
        Ok(()) => {
            request.extensions_mut().insert(context.clone());
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) if must_record(route, problem) => {
            context.transaction(&app).reject(problem.clone()).await.into_response()
        }
        _ => response,
    };
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        *problem = name_resource(route, problem.clone());
    }
    response.extensions_mut().insert(served);
    response
}

/// Returns whether a rejection must still be written to the audit log. On routes without a principal the handler records
/// what matters, except for a foreign origin, which it never sees. A failure of the database (503) cannot be recorded.
fn must_record(route: &Route, problem: &Problem) -> bool {
    let foreign_origin = route.origin == Origin::Same && problem.code() == Code::Forbidden;
    !problem.is_audited()
        && (route.access != Access::Anyone || foreign_origin)
        && route.audited != Audited::Never
        && problem.code() != Code::Unavailable
}

/// Names the missing resource in a 404. The detail depends on the route alone, so that a resource of another tenant and one
/// that does not exist get identical responses.
fn name_resource(route: &Route, problem: Problem) -> Problem {
    match route.resource() {
        Some(resource) if problem.code() == Code::NotFound => problem.explain_missing(&resource),
        _ => problem,
    }
}

fn fields(app: &App, route: &'static Route, request: &Request) -> RequestFields {
    let extensions = request.extensions();
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    RequestFields {
        route,
        now: app.clock.now(),
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        method: request.method().clone(),
        path: target::stored_path(request.uri()),
        query: request.uri().query().unwrap_or_default().to_owned(),
        source_ip: extensions.get::<SourceIp>().map(|ip| ip.0.clone()),
        user_agent: user_agent.map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
        principal: None,
        chosen_tenant: None,
        reason: None,
        if_match: IfMatch::default(),
        must_exist: None,
        idempotency_key: None,
        fingerprint: OnceLock::new(),
    }
}

async fn check(app: &App, route: &Route, headers: &HeaderMap, fields: &mut RequestFields) -> Result<(), Problem> {
    if route.access != Access::Anyone {
        let principal = fields.principal.insert(authenticate(app, headers).await?);
        // Read first and required last, so that the rows of other rejections have it too.
        let reason = reason::read(route, headers, principal);
        fields.reason = reason.as_ref().ok().cloned().flatten();
        fields.chosen_tenant = chosen_tenant(route, headers, principal)?;
        if route.needs_jwt() && principal.user().is_none() {
            return Err(Problem::of(Code::JwtRequired));
        }
        if let Some(permission) = route.access.permission()
            && principal.lacks(permission)
        {
            return Err(Problem::new(Code::Forbidden, format!("This needs {permission}.")));
        }
        if reason?.is_none() && fields.chosen_tenant.is_some() && route.takes_reason() {
            return Err(Problem::of(Code::ReasonRequired));
        }
        if route.authentication == Authentication::Recent
            && principal.user().is_some_and(|claims| !claims.is_recent(fields.now))
        {
            return Err(Problem::of(Code::ReauthenticationRequired));
        }
    }
    if route.origin == Origin::Same {
        require_same_origin(headers)?;
    }
    match route.precondition {
        Precondition::None => {}
        Precondition::IfMatch => fields.if_match = IfMatch::read(headers)?,
        Precondition::Upsert => {
            fields.if_match = IfMatch::read(headers)?;
            fields.must_exist = etag::must_exist(headers)?;
        }
    }
    if route.effect == Effect::Creates {
        fields.idempotency_key = idempotency::key(headers)?;
    }
    Ok(())
}

/// Rejects requests that another site makes a browser send, to which the browser would add the cookie. Browsers set
/// `Sec-Fetch-Site` themselves; no script can (Fetch Metadata Request Headers, W3C).
fn require_same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) if site == "same-origin" => Ok(()),
        _ => Err(Problem::new(
            Code::Forbidden,
            "Only pages of this origin may call this: Sec-Fetch-Site must be same-origin.",
        )),
    }
}

/// Verifies the one Bearer credential in the `Authorization` header; credentials are accepted nowhere else.
async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthenticated().reason("no_credential"));
    };
    let (scheme, credential) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthenticated().reason("no_credential"));
    }
    let now = app.clock.now();
    if credential.starts_with(api_token::PREFIX) {
        // API tokens need no key, but page cursors do, and it arrives with the first connection.
        if !app.keys.is_loaded() {
            app.db.connect().await?;
        }
        let token = ApiToken::parse(credential).map(Principal::ApiToken);
        return token.ok_or_else(|| Problem::unauthenticated().reason("invalid_api_token"));
    }
    let verified = match token::verify(credential, &app.keys, &app.config, now) {
        Err(Rejection::UnknownKey) if app.reload_keys(now).await? => {
            token::verify(credential, &app.keys, &app.config, now)
        }
        Err(Rejection::Uncertified) => {
            app.load_certificates().await?;
            token::verify(credential, &app.keys, &app.config, now)
        }
        verified => verified,
    };
    verified.map(Principal::User).map_err(|_| Problem::unauthenticated().reason("invalid_access_token"))
}

/// Reads `X-Tenant-ID`. It grants nothing: a tenant's principal may only repeat its own tenant, and an operator chooses
/// one, on the routes that act in a tenant.
fn chosen_tenant(route: &Route, headers: &HeaderMap, principal: &Principal) -> Result<Option<TenantId>, Problem> {
    let mut values = headers.get_all("x-tenant-id").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let id: Option<TenantId> =
        value.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| values.next().is_none());
    match principal.role() {
        Some(Role::Operator) if route.tenant == TenantScope::Own => Ok(None),
        Some(Role::Operator) => {
            id.map(Some).ok_or_else(|| Problem::invalid_request("X-Tenant-ID must be one tenant's id, a UUID."))
        }
        _ if id.is_some() && id == principal.home().public() => Ok(None),
        _ => Err(Problem::of(Code::TenantMismatch)),
    }
}
