//! `GET /admin/users`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::{Permission, Role};
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, ParameterKind, QueryParameter, Route};
use holdfast_shared::status::Status;
use holdfast_shared::text::username_key;
use holdfast_shared::web::{ApiResponse, CURSOR, LIMIT, List, Page, Params, RequestContext};

use super::{User, columns};

pub(crate) static ROUTE: Route = Route::get("/admin/users", "user.list")
    .access(Access::Admin(Permission::UsersRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("List the users of the tenant, or the operators of the platform if no tenant is chosen, oldest first.")
    .query(&[
        LIMIT,
        CURSOR,
        QueryParameter::new("q", ParameterKind::Text, "Only users whose name starts with this text, in any case."),
        QueryParameter::new(
            "role",
            ParameterKind::OneOf(&["viewer", "editor", "admin", "operator"]),
            "Only users of this role.",
        ),
        QueryParameter::new(
            "status",
            ParameterKind::OneOf(&["active", "suspended"]),
            "Only `active` or only `suspended` users.",
        ),
    ])
    .returns::<List<User>>();

/// Unprepared: the filters are optional.
const SELECT: Sql = Sql::unprepared(concat!(
    "SELECT ",
    columns!(),
    " FROM users u WHERE u.tenant_id = current_tenant()
        AND ($1::uuid IS NULL OR u.id > $1) AND ($2::text IS NULL OR starts_with(u.username_key, $2))
        AND ($3::text IS NULL OR u.role = $3) AND ($4::text IS NULL OR u.status = $4)
      ORDER BY u.id LIMIT $5"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    params: Params,
    page: Page,
) -> Result<ApiResponse, Problem> {
    let role = params.parse::<Role>("role", "must be viewer, editor, admin or operator")?.map(Role::name);
    let status = params.parse::<Status>("status", "must be active or suspended")?.map(Status::name);
    let (after, prefix, rows) = (page.position::<UserId>(0)?, params.text("q").map(username_key), page.rows());
    let select = SELECT.bind(&after).bind(&prefix).bind(&role).bind(&status).bind(&rows);
    let users: Vec<User> = request.transaction(&app).all(select).await?;
    ApiResponse::ok(&page.list(users, |last| vec![last.id.to_string()]))
}
