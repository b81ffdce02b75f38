//! The route table. A route says once who may call it, how it is audited and what it takes and gives; the gate,
//! the OpenAPI document and the tests that go through every route all read it from here.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
#[cfg(feature = "document")]
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::app::App;
use crate::permission::Permission;
use crate::problem::Code;
use crate::web::MAX_BODY_BYTES;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone; the handler itself decides where a credential is in the body.
    Anyone,
    /// Any live principal.
    Authenticated,
    /// A signed-in user, by JWT; never an API token.
    User,
    /// Whoever holds this permission, by JWT or API token.
    Holder(Permission),
    /// A signed-in user who holds this permission, by JWT; never an API token, whatever its scopes.
    Admin(Permission),
}

/// When a route's requests are written to the audit log. Refusals always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// Each request.
    Always,
    /// Only with `AUDIT_READS=true`.
    Reads,
    /// Never: it touches nothing (liveness, public keys).
    Never,
}

/// A query parameter, for the document and for refusing those that are unknown.
#[derive(Debug, Clone, Copy)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ParameterKind,
    /// What it does.
    pub description: &'static str,
}

/// What a query parameter holds.
#[derive(Debug, Clone, Copy)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// A whole number from one to another.
    Number(i64, i64),
    /// An id.
    Id,
    /// A time by RFC 3339.
    Time,
    /// Where a list goes on, as an earlier page said.
    Cursor,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl QueryParameter {
    /// A parameter.
    pub const fn new(name: &'static str, kind: ParameterKind, description: &'static str) -> Self {
        Self { name, kind, description }
    }
}

/// Makes a type's name, its schema, and what that refers to.
#[cfg(feature = "document")]
type SchemaOf = (fn() -> std::borrow::Cow<'static, str>, fn() -> RefOr<Schema>, fn(&mut Vec<(String, RefOr<Schema>)>));

/// A body's schema. Only what writes the document has it, by the feature `document`: in a function it would be a part of
/// the package that is never used.
#[derive(Clone, Copy)]
pub struct BodySchema(#[cfg(feature = "document")] SchemaOf);

impl BodySchema {
    /// The schema of a type.
    pub const fn of<T: ToSchema + PartialSchema>() -> Self {
        Self(
            #[cfg(feature = "document")]
            (T::name, T::schema, T::schemas),
        )
    }
}

#[cfg(feature = "document")]
impl BodySchema {
    /// The schema's name.
    pub fn name(&self) -> String {
        (self.0.0)().into_owned()
    }

    /// The schema and all that it refers to, by name.
    pub fn all(&self) -> Vec<(String, RefOr<Schema>)> {
        let mut all = vec![(self.name(), (self.0.1)())];
        (self.0.2)(&mut all);
        all
    }
}

impl std::fmt::Debug for BodySchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodySchema")
    }
}

/// One route of the contract.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of the contract")]
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path template, such as `/accounts/{id}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Its name in the audit log.
    pub action: &'static str,
    /// When it is audited.
    pub audited: Audited,
    /// Whether it creates something, and so takes an `Idempotency-Key`.
    pub creates: bool,
    /// Whether it takes `If-Match`.
    pub conditional: bool,
    /// Whether it makes what is not there yet: 201 then, and `If-None-Match: *` is honoured too.
    pub upserts: bool,
    /// How many bytes its body may have.
    pub max_body: usize,
    /// Whether it acts in a tenant that an operator may choose by `X-Tenant-ID`.
    pub in_tenant: bool,
    /// Whether it takes a signed-in user's JWT only, though API tokens might hold its permission.
    pub jwt_only: bool,
    /// Whether it serves a session that may only set up one-time codes.
    pub enrols: bool,
    /// Whether it reads or sets the session's cookie, and so serves only what a browser says is its own origin's.
    pub same_origin: bool,
    /// One line for the document.
    pub summary: &'static str,
    /// The query parameters it takes.
    pub query: &'static [QueryParameter],
    /// What it takes as its body.
    pub body: Option<BodySchema>,
    /// Its status when all is well.
    pub success: u16,
    /// What it answers then.
    pub answer: Option<BodySchema>,
    /// Its content type then.
    pub content_type: &'static str,
    /// The rejections particular to it, beyond what follows from its access and body.
    pub rejections: &'static [Code],
}

impl Route {
    const fn new(method: Method, path: &'static str, action: &'static str, audited: Audited) -> Self {
        Self {
            method,
            path,
            access: Access::Authenticated,
            action,
            audited,
            creates: false,
            conditional: false,
            upserts: false,
            max_body: MAX_BODY_BYTES,
            in_tenant: false,
            enrols: false,
            same_origin: false,
            jwt_only: false,
            summary: "",
            query: &[],
            body: None,
            success: 200,
            answer: None,
            content_type: "application/json",
            rejections: &[],
        }
    }

    /// A route that only reads.
    pub const fn get(path: &'static str, action: &'static str) -> Self {
        Self::new(Method::GET, path, action, Audited::Reads)
    }

    /// A route that acts.
    pub const fn post(path: &'static str, action: &'static str) -> Self {
        Self::new(Method::POST, path, action, Audited::Always)
    }

    /// A route that changes one resource; takes `If-Match`.
    pub const fn patch(path: &'static str, action: &'static str) -> Self {
        let mut route = Self::new(Method::PATCH, path, action, Audited::Always);
        route.conditional = true;
        route
    }

    /// A route that sets one resource, whether it is there yet or not; takes `If-Match` and `If-None-Match: *`.
    pub const fn put(path: &'static str, action: &'static str) -> Self {
        let mut route = Self::new(Method::PUT, path, action, Audited::Always);
        route.conditional = true;
        route.upserts = true;
        route
    }

    /// A route that deletes one resource; takes `If-Match`.
    pub const fn delete(path: &'static str, action: &'static str) -> Self {
        let mut route = Self::new(Method::DELETE, path, action, Audited::Always);
        route.conditional = true;
        route.success = 204;
        route
    }

    /// Who may call it.
    #[must_use]
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// When it is audited, where that is not what its method implies.
    #[must_use]
    pub const fn audited(mut self, audited: Audited) -> Self {
        self.audited = audited;
        self
    }

    /// It creates something: 201, and an `Idempotency-Key` is honoured.
    #[must_use]
    pub const fn creates(mut self) -> Self {
        self.creates = true;
        self.success = 201;
        self
    }

    /// It acts in a tenant, which an operator chooses by `X-Tenant-ID`.
    #[must_use]
    pub const fn in_tenant(mut self) -> Self {
        self.in_tenant = true;
        self
    }

    /// It takes a signed-in user's JWT only.
    #[must_use]
    pub const fn jwt_only(mut self) -> Self {
        self.jwt_only = true;
        self
    }

    /// It takes no `If-Match`: what it acts on has no versions.
    #[must_use]
    pub const fn unconditional(mut self) -> Self {
        self.conditional = false;
        self
    }

    /// It takes `If-Match`: it acts on something that has versions.
    #[must_use]
    pub const fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// Its body may have so many bytes.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// It serves also a session that may only set up one-time codes.
    #[must_use]
    pub const fn enrols(mut self) -> Self {
        self.enrols = true;
        self
    }

    /// It serves only requests that a browser sends for a page of this origin: `Sec-Fetch-Site: same-origin`.
    #[must_use]
    pub const fn same_origin(mut self) -> Self {
        self.same_origin = true;
        self
    }

    /// One line for the document.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// The query parameters it takes.
    #[must_use]
    pub const fn query(mut self, query: &'static [QueryParameter]) -> Self {
        self.query = query;
        self
    }

    /// What it takes as its body.
    #[must_use]
    pub const fn body<T: ToSchema>(mut self) -> Self {
        self.body = Some(BodySchema::of::<T>());
        self
    }

    /// What it answers.
    #[must_use]
    pub const fn returns<T: ToSchema>(mut self) -> Self {
        self.answer = Some(BodySchema::of::<T>());
        self
    }

    /// It answers without a body.
    #[must_use]
    pub const fn returns_nothing(mut self) -> Self {
        self.success = 204;
        self
    }

    /// It answers text of this type.
    #[must_use]
    pub const fn returns_text(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// The rejections particular to it.
    #[must_use]
    pub const fn rejects(mut self, rejections: &'static [Code]) -> Self {
        self.rejections = rejections;
        self
    }

    /// Whether only a signed-in user's JWT will do.
    pub fn needs_jwt(&self) -> bool {
        self.jwt_only || matches!(self.access, Access::User | Access::Admin(_))
    }

    /// Joins the route to its handler.
    pub fn to<H, T>(&'static self, handler: H) -> Endpoint
    where
        H: Handler<T, App>,
        T: 'static,
    {
        // Every method of the table has a filter; an unknown one could only be a new constructor above.
        let filter = MethodFilter::try_from(self.method.clone()).unwrap_or(MethodFilter::GET);
        Endpoint { route: self, handler: on(filter, handler) }
    }
}

/// A route with its handler, as a function crate exports it.
#[derive(Clone)]
pub struct Endpoint {
    /// The route.
    pub route: &'static Route,
    pub(crate) handler: MethodRouter<App>,
}
