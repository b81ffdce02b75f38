//! The route table. A route states once who may call it, how it is audited, what it takes and what it returns. The
//! authorization layer, the OpenAPI document and the tests that enumerate all routes read it from here.

mod contract;
mod endpoint;
mod query;
mod schema;

use http::Method;
use utoipa::ToSchema;

use crate::problem::Code;

pub use contract::{Access, Audited, Authentication, Effect, Origin, Precondition, Session, TenantScope};
pub use endpoint::{Endpoint, Handled};
pub use query::{ParameterKind, QueryParameter};
pub use schema::BodySchema;

/// Default limit of a request body, in bytes.
pub const MAX_BODY_BYTES: usize = 128 * 1024;

/// A route of the API.
#[derive(Debug, Clone)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path template, such as `/accounts/{id}`.
    pub path: &'static str,
    /// Callers that may use it.
    pub access: Access,
    /// Name in the audit log: noun and verb, such as `account.create`.
    pub action: &'static str,
    /// Successful requests that are audited.
    pub audited: Audited,
    /// Effect of a successful request.
    pub effect: Effect,
    /// Conditional headers that it honours.
    pub precondition: Precondition,
    /// Limit of its request body, in bytes.
    pub max_body: usize,
    /// Tenant that it acts in.
    pub tenant: TenantScope,
    /// Sessions that it accepts.
    pub session: Session,
    /// Authentication that it needs.
    pub authentication: Authentication,
    /// Origins that it accepts requests from.
    pub origin: Origin,
    /// Summary for the OpenAPI document: one imperative sentence.
    pub summary: &'static str,
    /// Query parameters.
    pub query: &'static [QueryParameter],
    /// Request body.
    pub body: Option<BodySchema>,
    /// Status of success.
    pub success: u16,
    /// Response body of success.
    pub response: Option<BodySchema>,
    /// Content type of success.
    pub content_type: &'static str,
    /// Rejections that do not follow from the other properties.
    pub rejections: &'static [Code],
    noun: Option<&'static str>,
}

impl Route {
    const fn new(method: Method, path: &'static str, action: &'static str, effect: Effect) -> Self {
        Self {
            method,
            path,
            access: Access::Authenticated,
            action,
            audited: if matches!(effect, Effect::Reads) { Audited::Reads } else { Audited::Always },
            effect,
            precondition: Precondition::None,
            max_body: MAX_BODY_BYTES,
            tenant: TenantScope::Own,
            session: Session::Full,
            authentication: Authentication::Session,
            origin: Origin::Any,
            summary: "",
            query: &[],
            body: None,
            success: 200,
            response: None,
            content_type: "application/json",
            rejections: &[],
            noun: None,
        }
    }

    /// Describes a route that reads.
    pub const fn get(path: &'static str, action: &'static str) -> Self {
        Self::new(Method::GET, path, action, Effect::Reads)
    }

    /// Describes a route that acts.
    pub const fn post(path: &'static str, action: &'static str) -> Self {
        Self::new(Method::POST, path, action, Effect::Changes)
    }

    /// Describes a route that changes one resource. Honours `If-Match`.
    pub const fn patch(path: &'static str, action: &'static str) -> Self {
        Self::new(Method::PATCH, path, action, Effect::Changes).conditional()
    }

    /// Describes a route that creates or replaces one resource. Honours `If-Match` and `If-None-Match: *`.
    pub const fn put(path: &'static str, action: &'static str) -> Self {
        let mut route = Self::new(Method::PUT, path, action, Effect::Changes);
        route.precondition = Precondition::Upsert;
        route
    }

    /// Describes a route that deletes one resource. Honours `If-Match`.
    pub const fn delete(path: &'static str, action: &'static str) -> Self {
        Self::new(Method::DELETE, path, action, Effect::Changes).conditional().returns_nothing()
    }

    /// Sets the callers that may use it; default: any principal.
    #[must_use]
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets which successful requests are audited, if the default of its method does not fit.
    #[must_use]
    pub const fn audited(mut self, audited: Audited) -> Self {
        self.audited = audited;
        self
    }

    /// Marks a route that creates a resource: 201, and an `Idempotency-Key` is honoured.
    #[must_use]
    pub const fn creates(mut self) -> Self {
        self.effect = Effect::Creates;
        self.success = 201;
        self
    }

    /// Lets an operator choose the tenant by `X-Tenant-ID`.
    #[must_use]
    pub const fn in_tenant(mut self) -> Self {
        self.tenant = TenantScope::Chosen;
        self
    }

    /// Ignores conditional headers: the resource has no versions.
    #[must_use]
    pub const fn unconditional(mut self) -> Self {
        self.precondition = Precondition::None;
        self
    }

    /// Honours `If-Match`: the route acts on a resource that has versions.
    #[must_use]
    pub const fn conditional(mut self) -> Self {
        self.precondition = Precondition::IfMatch;
        self
    }

    /// Sets the limit of its request body, in bytes.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Accepts also sessions that may only enrol in TOTP.
    #[must_use]
    pub const fn enrols(mut self) -> Self {
        self.session = Session::Enrolling;
        self
    }

    /// Requires an authentication of the last 300 seconds.
    #[must_use]
    pub const fn recent(mut self) -> Self {
        self.authentication = Authentication::Recent;
        self
    }

    /// Accepts only requests that a browser sends for a page of this origin.
    #[must_use]
    pub const fn same_origin(mut self) -> Self {
        self.origin = Origin::Same;
        self
    }

    /// Sets the summary for the OpenAPI document: one imperative sentence.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Sets the query parameters.
    #[must_use]
    pub const fn query(mut self, query: &'static [QueryParameter]) -> Self {
        self.query = query;
        self
    }

    /// Sets the type of its request body.
    #[must_use]
    pub const fn body<T: ToSchema>(mut self) -> Self {
        self.body = Some(BodySchema::of::<T>());
        self
    }

    /// Sets the type of its response body.
    #[must_use]
    pub const fn returns<T: ToSchema>(mut self) -> Self {
        self.response = Some(BodySchema::of::<T>());
        self
    }

    /// Returns 204 without a body.
    #[must_use]
    pub const fn returns_nothing(mut self) -> Self {
        self.success = 204;
        self
    }

    /// Returns text of this content type.
    #[must_use]
    pub const fn returns_text(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// Adds rejections that do not follow from the other properties.
    #[must_use]
    pub const fn rejects(mut self, rejections: &'static [Code]) -> Self {
        self.rejections = rejections;
        self
    }

    /// Names the resource that a 404 of this route is about, if it is not the noun of its action: `"Account"` for the
    /// list of an account's secrets.
    #[must_use]
    pub const fn about(mut self, noun: &'static str) -> Self {
        self.noun = Some(noun);
        self
    }

    /// Returns whether only a signed-in user's JWT is accepted.
    pub const fn needs_jwt(&self) -> bool {
        self.access.needs_jwt()
    }

    /// Returns whether `X-Reason` is read: on what writes in a tenant that an operator may choose, where such an operator must
    /// send it.
    pub fn takes_reason(&self) -> bool {
        self.tenant == TenantScope::Chosen && self.effect != Effect::Reads
    }

    /// The resource that a 404 of this route is about, capitalised: that of [`Route::about`], else the noun of the
    /// action (`account.read`: `Account`). A path without parameters names no resource: then only the tenant that an
    /// operator chose can be missing. None for routes without a principal.
    pub fn resource(&self) -> Option<String> {
        let noun = match self.noun {
            Some(noun) => noun,
            None if self.access == Access::Anyone => return None,
            None if self.path.contains('{') => self.action.split('.').next()?,
            None if self.tenant == TenantScope::Chosen => "tenant",
            None => return None,
        };
        let mut letters = noun.chars();
        let first = letters.next()?;
        Some(first.to_uppercase().chain(letters).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permission;

    #[test]
    fn a_404_names_the_resource_of_the_route() {
        let noun = |route: Route| route.resource();
        assert_eq!(noun(Route::get("/accounts/{id}", "account.read")).as_deref(), Some("Account"));
        assert_eq!(
            noun(Route::get("/accounts/{id}/secrets", "secret.list").about("Account")).as_deref(),
            Some("Account")
        );
        assert_eq!(noun(Route::get("/admin/users", "user.list").in_tenant()).as_deref(), Some("Tenant"));
        assert_eq!(noun(Route::get("/accounts", "account.list")), None);
        assert_eq!(noun(Route::get("/console/{asset}", "console.asset").access(Access::Anyone)), None);
    }

    #[test]
    fn only_users_and_administrators_need_a_jwt() {
        let permission = Permission::AccountsRead;
        assert!(Access::User.needs_jwt() && Access::Admin(permission).needs_jwt());
        assert!(!Access::Holder(permission).needs_jwt() && !Access::Authenticated.needs_jwt());
    }
}
