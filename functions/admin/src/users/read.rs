//! `GET /admin/users/{id}`.

use axum::extract::State;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::UserId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::Problem;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_shared::web::{ApiResponse, Id, RequestContext};

use super::{User, columns};

pub(crate) static ROUTE: Route = Route::get("/admin/users/{id}", "user.read")
    .access(Access::Admin(Permission::UsersRead))
    .audited(Audited::Always)
    .in_tenant()
    .summary("Read a user.")
    .returns::<User>();

const SELECT: Sql = Sql::prepared(concat!(
    "SELECT ",
    columns!(),
    ", reject(CASE WHEN u.id IS NULL THEN 'not_found' END)
       FROM (VALUES (1)) AS request LEFT JOIN users u ON u.tenant_id = current_tenant() AND u.id = $1"
));

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(id): Id<UserId>,
) -> Result<ApiResponse, Problem> {
    let user: User = request.transaction(&app).target("user_id", id.0).one(SELECT.bind(&id)).await?;
    Ok(ApiResponse::ok(&user)?.version(user.version))
}
