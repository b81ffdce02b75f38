//! The OpenAPI document, generated from the route table, which the authorization layer enforces.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::header::Header;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
    Ref, Required, Response, ResponseBuilder, Schema,
};

use crate::problem::{Code, ProblemBody};
use crate::route::{
    Access, Authentication, BodySchema, Effect, Origin, ParameterKind, Precondition, QueryParameter, Route, TenantScope,
};

const SECURITY: &str = "bearer";

/// Description of a 201 response.
const CREATED: &str = "Created.";

/// Generates the document of these routes.
pub fn document<'a>(routes: impl IntoIterator<Item = &'a Route>) -> OpenApi {
    let problem = BodySchema::of::<ProblemBody<'static>>();
    let mut schemas: BTreeMap<_, _> = problem.all().into_iter().collect();
    let mut paths = PathsBuilder::new();
    for route in routes {
        for body in [&route.body, &route.response].into_iter().flatten() {
            schemas.extend(body.all());
        }
        paths = paths.path(route.path, PathItem::new(http_method(route), operation(route, &problem)));
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let bearer = bearer.description(Some("An access token from /auth/login or /auth/refresh."));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(SECURITY, SecurityScheme::Http(bearer.build()));
    let info = InfoBuilder::new()
        .title("Holdfast")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The hardened multi-tenant backend: sign-in, accounts, administration and audit."))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()));
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn http_method(route: &Route) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route, problem: &BodySchema) -> Operation {
    let tag = route.action.split('.').next().unwrap_or_default();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.action.replace('.', "_")))
        .tag(tag)
        .summary(Some(route.summary))
        .parameters(Some(parameters(route)));
    if let Some(body) = &route.body {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(body.name()))).build();
        operation = operation.request_body(Some(
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build(),
        ));
    }
    if let Some(permission) = route.access.permission() {
        operation = operation.description(Some(format!("Needs `{permission}`.")));
    }
    if route.access != Access::Anyone {
        operation = operation.security(SecurityRequirement::new(SECURITY, std::iter::empty::<String>()));
    }
    operation = operation.response(route.success.to_string(), success(route));
    if route.precondition == Precondition::Upsert {
        let mut created = success(route);
        CREATED.clone_into(&mut created.description);
        operation = operation.response("201", created);
    }
    for (status, codes) in rejections(route) {
        operation = operation.response(status.to_string(), rejection(&codes, problem));
    }
    operation.build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let schema = match name {
            "name" => text().pattern(Some(r"^[A-Za-z][A-Za-z0-9_.\-]{0,127}$")),
            "n" => ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(i64::MAX)),
            _ => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
        };
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        parameters.push(parameter.schema(Some(schema)).build());
    }
    parameters.extend(route.query.iter().map(query));
    let mut header = |applies: bool, name: &str, description: &str, schema: ObjectBuilder| {
        if applies {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
            let parameter = parameter.description(Some(description)).required(Required::False).schema(Some(schema));
            parameters.push(parameter.build());
        }
    };
    header(
        route.precondition != Precondition::None,
        "If-Match",
        "The ETag of the version to act on; any other version is rejected.",
        text().pattern(Some(r"^(\*|\x22[!#-~]*\x22)$")),
    );
    header(
        route.precondition == Precondition::Upsert,
        "If-None-Match",
        "`*`: create the resource only if it does not exist.",
        text().enum_values(Some(["*"])),
    );
    header(
        route.effect == Effect::Creates,
        "Idempotency-Key",
        "The same key and body within 24 hours return the first response again.",
        text().pattern(Some("^[!-~]{1,255}$")),
    );
    let tenant = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    header(
        route.tenant == TenantScope::Chosen,
        "X-Tenant-ID",
        "The tenant that an operator acts in. Other callers may only repeat their own.",
        tenant,
    );
    let reason = text().min_length(Some(1)).max_length(Some(3072)).pattern(Some("^[!-~]([ -~]*[!-~])?$"));
    header(
        route.takes_reason(),
        "X-Reason",
        "Why: 1 to 256 characters, percent-encoded UTF-8. Required of an operator who sends X-Tenant-ID; the tenant's audit \
         log has it.",
        reason,
    );
    if route.origin == Origin::Same {
        let parameter = ParameterBuilder::new().name("Sec-Fetch-Site").parameter_in(ParameterIn::Header);
        let parameter = parameter.description(Some("Set by browsers on requests from a page of this origin."));
        let schema = text().enum_values(Some(["same-origin"]));
        parameters.push(parameter.required(Required::True).schema(Some(schema)).build());
    }
    parameters
}

fn query(parameter: &QueryParameter) -> Parameter {
    let schema = match parameter.kind {
        ParameterKind::Text => text(),
        ParameterKind::Id => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
        ParameterKind::Time => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        ParameterKind::Cursor => text().pattern(Some("^[A-Za-z0-9_-]{24,}$")),
        ParameterKind::OneOf(words) => text().enum_values(Some(words.iter().copied())),
        ParameterKind::Number(min, max) => {
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min)).maximum(Some(max))
        }
    };
    let builder = ParameterBuilder::new().name(parameter.name).parameter_in(ParameterIn::Query);
    builder.required(Required::False).description(Some(parameter.description)).schema(Some(schema)).build()
}

fn success(route: &Route) -> Response {
    let mut response = ResponseBuilder::new().description(match route.success {
        201 => CREATED,
        204 => "Success, without a body.",
        _ => "Success.",
    });
    if let Some(body) = &route.response {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(body.name()))).build();
        response = response.content(route.content_type, content);
    } else if route.success != 204 {
        let content = ContentBuilder::new().schema(Some(Schema::from(text().build()))).build();
        response = response.content(route.content_type, content);
    }
    let mut header = |applies: bool, name: &str, description: &str| {
        if applies {
            let mut header = Header::new(text().build());
            header.description = Some(description.to_owned());
            response = std::mem::take(&mut response).header(name, header);
        }
    };
    header(true, "X-Request-Id", "The request's id, as in the audit log.");
    let creates = route.effect == Effect::Creates;
    header(creates, "Location", "Path of the new resource.");
    header(creates, "Idempotency-Replayed", "`true` if this is the stored response of an earlier request.");
    response.build()
}

/// The codes of a route's rejections, by status: those that follow from its properties, and its own.
fn rejections(route: &Route) -> BTreeMap<u16, Vec<&'static str>> {
    let mut codes: BTreeSet<&'static str> = route.rejections.iter().map(|code| code.name()).collect();
    codes.insert(Code::UriTooLong.name());
    let mut add = |applies: bool, more: &[Code]| codes.extend(more.iter().filter(|_| applies).map(|code| code.name()));
    add(
        route.access != Access::Anyone,
        &[Code::Unauthenticated, Code::TenantMismatch, Code::Internal, Code::Unavailable],
    );
    add(route.access.permission().is_some(), &[Code::Forbidden]);
    add(route.origin == Origin::Same, &[Code::Forbidden]);
    add(route.needs_jwt(), &[Code::JwtRequired]);
    add(route.authentication == Authentication::Recent, &[Code::ReauthenticationRequired]);
    add(route.body.is_some(), &[Code::InvalidRequest, Code::ValidationFailed, Code::PayloadTooLarge]);
    add(route.body.is_some(), &[Code::UnsupportedMediaType, Code::Internal, Code::Unavailable]);
    add(route.precondition != Precondition::None, &[Code::InvalidRequest, Code::PreconditionFailed]);
    add(route.effect == Effect::Creates, &[Code::InvalidRequest, Code::IdempotencyMismatch]);
    add(!route.query.is_empty(), &[Code::ValidationFailed]);
    add(route.tenant == TenantScope::Chosen, &[Code::InvalidRequest, Code::NotFound]);
    add(route.takes_reason(), &[Code::ReasonRequired]);
    add(route.path.contains('{'), &[Code::NotFound]);
    let mut by_status = BTreeMap::<u16, Vec<_>>::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code.name())) {
        by_status.entry(code.status().as_u16()).or_default().push(code.name());
    }
    by_status
}

fn rejection(codes: &[&str], problem: &BodySchema) -> Response {
    let names: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(problem.name()))).build();
    ResponseBuilder::new().description(names.join(", ")).content("application/problem+json", content).build()
}
