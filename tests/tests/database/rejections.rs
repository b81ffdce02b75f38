//! After a rejection nothing can be written: the transaction has left its tenant, and row-level security hides every row
//! and accepts none, whatever the statements say.

use std::collections::BTreeMap;

use holdfast_shared::db::{DatabaseLogin, LOGINS};
use holdfast_shared::route::{Audited, Effect, Route};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::database::TestDatabase;
use holdfast_tests::sample::Samples;
use http::Method;
use tokio_postgres::error::SqlState;

/// What is written about rejected requests by design: the audit row, or the count of rejections; the counters of instances; and
/// the counts of attempts, which come before anything is evaluated.
const RECORDS: [&str; 4] = ["http_audit_log", "rejection_counts", "metric_instances", "attempts"];

/// Every table but those.
const TABLES: &str = "SELECT c.relname::text AS name FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> ALL ($1) ORDER BY 1";

/// The logins of the functions that serve requests.
fn logins() -> Vec<&'static DatabaseLogin> {
    LOGINS.iter().filter(|login| !matches!(login.function, "backup" | "maintenance")).collect()
}

fn roles() -> Vec<&'static str> {
    logins().iter().map(|login| login.role).collect()
}

/// The tables that a login role may write to, and how.
const WRITABLE: &str = "SELECT c.relname::text AS name, r.rolname::text AS role, p AS privilege
      FROM pg_class c CROSS JOIN pg_roles r CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) p
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND r.rolname = ANY ($1)
       AND (has_table_privilege(r.oid, c.oid, p) OR (p <> 'DELETE' AND has_any_column_privilege(r.oid, c.oid, p)))
     ORDER BY 1, 2, 3";

/// The columns of a table that a role may insert.
const COLUMNS: &str = "SELECT string_agg(quote_ident(a.attname), ', ') AS columns FROM pg_attribute a
     WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND has_column_privilege($2, a.attrelid, a.attnum, 'INSERT')";

/// The functions that run with the rights of their owner and may write.
const DEFINERS: &str = "SELECT p.proname::text AS name FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND p.provolatile = 'v'
       AND EXISTS (SELECT FROM unnest($1::text[]) AS role WHERE has_function_privilege(role, p.oid, 'EXECUTE'))
     ORDER BY 1";

/// A digest of every table's rows.
async fn digests(database: &TestDatabase) -> BTreeMap<String, String> {
    let superuser = database.superuser().await;
    let mut digests = BTreeMap::new();
    for table in superuser.query(TABLES, &[&RECORDS.as_slice()]).await.unwrap() {
        let name: String = table.get("name");
        let digest =
            format!("SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) AS digest FROM {name} t");
        digests.insert(name, superuser.query_one(&digest, &[]).await.unwrap().get("digest"));
    }
    digests
}

/// A route whose sample finds nothing to change: the new user has no session to end.
const WITHOUT_EFFECT: &str = "/admin/users/{id}/revoke";

/// Whether a request of this route, if it is permitted, changes more than the records.
fn writes(route: &Route) -> bool {
    route.method != Method::GET && route.audited == Audited::Always
}

#[tokio::test]
async fn no_route_writes_after_a_rejection() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        let client = app.sign_in_for(route).await;
        let sample = samples.of(route, Tenant::Acme, &client).await;

        // An instance whose transactions are rejected from their first statement on.
        let name: String = app.database.value("SELECT current_database()::text", &[]).await;
        app.database.execute(&format!("ALTER DATABASE {name} SET holdfast.rejection = 'conflict'")).await;
        let rejected = app.instance_with(&[], &client).await;
        let before = digests(&app.database).await;
        let response = sample.send(route, &rejected).await;
        assert_eq!(digests(&app.database).await, before, "{} {}: {response:?}", route.method, route.path);
        if writes(route) {
            assert_eq!(response.outcome(), "409 conflict", "{} {}: {response:?}", route.method, route.path);
        }
        app.database.execute(&format!("ALTER DATABASE {name} RESET holdfast.rejection")).await;

        // The same request writes where it is not rejected: the comparison above can fail.
        let response = sample.send(route, &client).await;
        assert_eq!(response.status.as_u16(), route.success, "{} {}: {response:?}", route.method, route.path);
        let changed = digests(&app.database).await != before;
        assert!(changed == writes(route) || route.path == WITHOUT_EFFECT, "{} {}", route.method, route.path);
        samples.disable_totp().await;
    }
}

#[tokio::test]
async fn no_statement_at_all_writes_to_any_table_after_a_rejection() {
    let app = TestApp::start().await;
    // A row in every table that functions write to.
    let samples = Samples::new(&app).await;
    let mut routes: Vec<_> = holdfast::gateway::endpoints().iter().map(|endpoint| endpoint.route).collect();
    // Confirming an authenticator app comes last: its rows stay, and from then on its user needs a code to sign in.
    routes.sort_by_key(|route| route.path == "/auth/mfa/totp/confirm");
    for route in routes {
        samples.disable_totp().await;
        let client = app.sign_in_for(route).await;
        let client = match route.effect {
            Effect::Creates => client.with_header("idempotency-key", route.action),
            _ => client,
        };
        let response = samples.of(route, Tenant::Acme, &client).await.send(route, &client).await;
        assert_eq!(response.status.as_u16(), route.success, "{} {}: {response:?}", route.method, route.path);
    }
    let superuser = app.database.superuser().await;
    let acme = app.tenant_id(Tenant::Acme).await;
    let mut tried = 0;
    for row in superuser.query(WRITABLE, &[&roles()]).await.unwrap() {
        let (table, role, privilege): (String, String, String) =
            (row.get("name"), row.get("role"), row.get("privilege"));
        if RECORDS.contains(&table.as_str()) {
            continue;
        }
        let function = logins().iter().find(|login| login.role == role).unwrap().function;
        let client = app.database.login(function).await;
        client.batch_execute("BEGIN").await.unwrap();
        let enter = "SELECT set_config('holdfast.tenant', $1, true), reject('conflict')";
        client.query_one(enter, &[&acme]).await.unwrap();
        let column = "SELECT a.attname::text AS name FROM pg_attribute a WHERE a.attrelid = $1::text::regclass AND a.attnum > 0
             AND NOT a.attisdropped AND a.attgenerated = '' AND has_column_privilege($2, a.attrelid, a.attnum, 'UPDATE') LIMIT 1";
        let outcome = match privilege.as_str() {
            "UPDATE" => {
                let column: String = superuser.query_one(column, &[&table, &role]).await.unwrap().get("name");
                client.execute(&format!("UPDATE {table} SET {column} = DEFAULT"), &[]).await
            }
            "DELETE" => client.execute(&format!("DELETE FROM {table}"), &[]).await,
            _ => {
                let copy = format!("SELECT to_jsonb(t)::text AS row FROM {table} t LIMIT 1");
                let copy = superuser.query_opt(&copy, &[]).await.unwrap();
                let copy: String = copy.unwrap_or_else(|| panic!("{table} is empty")).get("row");
                let columns: String = superuser.query_one(COLUMNS, &[&table, &role]).await.unwrap().get("columns");
                let insert = format!(
                    "INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $1::text::jsonb)"
                );
                client.execute(&insert, &[&copy]).await
            }
        };
        match outcome {
            Ok(rows) => assert!(rows == 0 && privilege != "INSERT", "{role} {privilege} {table}: {rows} rows"),
            Err(error) => assert_eq!(
                (error.code(), privilege.as_str()),
                (Some(&SqlState::INSUFFICIENT_PRIVILEGE), "INSERT"),
                "{role} {privilege} {table}: {error:?}"
            ),
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

/// Row-level security does not bind the functions that run with their owner's rights: each checks the rejection itself, or
/// is what records one.
#[tokio::test]
async fn every_function_with_its_owners_rights_checks_the_rejection_itself() {
    let app = TestApp::start().await;
    let superuser = app.database.superuser().await;
    let names: Vec<String> =
        superuser.query(DEFINERS, &[&roles()]).await.unwrap().iter().map(|row| row.get("name")).collect();
    let checks = [
        "request_rejection()",
        "current_tenant() IS NULL",
        "current_tenant() IS NOT NULL",
        "is_operator()",
        "is_platform_operator()",
        "authorize_enrolling_session(",
    ];
    // A sign-in is counted, and its tenant named, before there is anything to reject; counters are of instances, not of requests.
    let records = ["begin_anonymous_request", "look_up_sign_in", "report_metrics"];
    for name in &names {
        let body = "SELECT coalesce(pg_get_function_sqlbody(oid), prosrc) FROM pg_proc WHERE proname = $1";
        let body: String = app.database.value(body, &[name]).await;
        let checked = checks.iter().any(|check| body.contains(check));
        assert!(checked || records.contains(&name.as_str()), "{name} may write after a rejection");
    }
    assert!(names.len() > 8, "{names:?}");
}
