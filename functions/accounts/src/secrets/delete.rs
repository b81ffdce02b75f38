//! `DELETE /accounts/{id}/secrets/{name}`.

use axum::extract::State;
use axum::response::NoContent;
use holdfast_shared::app::App;
use holdfast_shared::db::Sql;
use holdfast_shared::id::AccountId;
use holdfast_shared::permission::Permission;
use holdfast_shared::problem::{Code, Problem};
use holdfast_shared::route::{Access, Route};
use holdfast_shared::text::SecretName;
use holdfast_shared::web::{Id, Name, RequestContext};

use super::{rejection, transaction};

pub(crate) static ROUTE: Route = Route::delete("/accounts/{id}/secrets/{name}", "secret.delete")
    .access(Access::Holder(Permission::SecretsWrite))
    .summary(
        "Delete a secret with all its versions, for good. A later secret of the same name continues the version count.",
    )
    .rejects(&[Code::Conflict]);

const DELETE: Sql = Sql::prepared("SELECT delete_secret($1, $2, $3, $4)");

pub(crate) async fn handle(
    State(app): State<App>,
    request: RequestContext,
    Id(account): Id<AccountId>,
    Name(name): Name<SecretName>,
) -> Result<NoContent, Problem> {
    let delete = DELETE.bind(&account).bind(&name).bind(&request.if_match.0).bind(&request.now);
    transaction(&request, &app, account, &name).execute(vec![delete]).await.map_err(rejection)?;
    Ok(NoContent)
}
