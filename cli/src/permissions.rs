//! Generates `docs/permissions.md` from the code: the permissions of roles and scopes, and the permission of each route.

use std::fmt::Write as _;

use holdfast_shared::permission::{Permission, Role, Scope};
use holdfast_shared::route::{Access, Authentication, Route};

use crate::gateway;

/// Returns the document.
pub fn document() -> String {
    let mut text = String::from(
        "# Permissions\n\nGenerated from the code by `cargo run -- admin document permissions > docs/permissions.md`; a test keeps it current.\n\n\
         Each route requires a permission; roles and the scopes of API tokens are sets of permissions. `operator` belongs to the\n\
         platform, the other roles to a tenant. Where a recent authentication is needed, it is at most 300 seconds old.\n\
         Where a reason is needed, an operator who sends `X-Tenant-ID` sends `X-Reason` too.\n\n| permission | viewer | editor | admin | operator | API token |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mark = |held: bool| if held { "yes" } else { "" };
    for permission in Permission::ALL {
        let roles = Role::ALL.map(|role| mark(role.may(*permission))).join(" | ");
        let scope = mark(Scope::ALL.iter().any(|scope| scope.permission() == *permission));
        // Writing to a string does not fail.
        let _ = writeln!(text, "| `{permission}` | {roles} | {scope} |");
    }
    text.push_str(
        "\n## Routes\n\n| route | principal | JWT only | recent | reason | audited as |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for endpoint in gateway::endpoints() {
        let route: &Route = endpoint.route;
        let principal = match route.access {
            Access::Anyone => "anyone".to_owned(),
            Access::Authenticated => "any principal".to_owned(),
            Access::User => "any signed-in user".to_owned(),
            Access::Holder(permission) | Access::Admin(permission) => format!("`{permission}`"),
        };
        let jwt = mark(route.access != Access::Anyone && route.needs_jwt());
        let recent = mark(route.authentication == Authentication::Recent);
        let reason = mark(route.takes_reason());
        let (method, path, action) = (&route.method, route.path, route.action);
        let _ = writeln!(text, "| `{method} {path}` | {principal} | {jwt} | {recent} | {reason} | `{action}` |");
    }
    text
}
