//! Rows of one's own making: a function that was taken over has its login and every statement of SQL, and still adds no row of
//! another tenant, actor, session, time or transaction.

use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::Client;
use serde_json::Value;
use tokio_postgres::Client as Database;

const DENIED: &str = "42501";
/// Every role of the cluster that a function or a person logs in as, beside the owner's.
const LOGINS: &str = "SELECT rolname::text AS name FROM pg_roles
     WHERE rolname LIKE 'holdfast\\_%' AND rolname <> 'holdfast_owner' AND NOT rolsuper ORDER BY 1";
const RECORD: &str = "SELECT row_id::text, row_at, tenant::text, actor::text FROM record_audit(
    p_request_id => 'forged', p_always => true, p_action => 'account.create', p_method => 'POST', p_path => '/accounts',
    p_status => 201, p_source_ip => NULL, p_user_agent => NULL, p_targets => '{}', p_changed => '{}')";
const FORGED: &str = "SELECT count(*) FROM http_audit_log WHERE request_id = 'forged'";
/// A principal that nobody authorized.
const NOBODY: &str =
    r#"{"kind": "user", "id": "01900000-0000-7000-8000-000000000001", "name": "ghost", "role": "admin", "live": true}"#;

async fn logins(database: &Database) -> Vec<String> {
    let logins: Vec<String> = database.query(LOGINS, &[]).await.unwrap().iter().map(|row| row.get("name")).collect();
    assert!(logins.len() >= 4, "{logins:?}");
    logins
}

async fn code_of(database: &Database, sql: &str) -> String {
    match database.batch_execute(sql).await {
        Ok(()) => "done".to_owned(),
        Err(error) => error.as_db_error().unwrap().code().code().to_owned(),
    }
}

/// Acts as a login: its settings, rights and policies are those of a connection of its own.
async fn act_as(database: &Database, login: &str) {
    database.batch_execute(&format!("SET SESSION AUTHORIZATION {login}")).await.unwrap();
}

async fn privileged(database: &Database, function: &str) -> Vec<String> {
    let may = "SELECT r.rolname::text AS name FROM pg_roles r WHERE r.rolname LIKE 'holdfast\\_%' AND NOT r.rolsuper
        AND r.rolname NOT IN ('holdfast_owner', 'holdfast_definer')
        AND has_function_privilege(r.oid, (SELECT oid FROM pg_proc WHERE proname = $1), 'EXECUTE') ORDER BY 1";
    database.query(may, &[&function]).await.unwrap().iter().map(|row| row.get("name")).collect()
}

/// The statement that authorizes a caller's session, as its function does.
async fn authorize(app: &TestApp, caller: &Client) -> String {
    let who = caller.get("/auth/whoami").await.body;
    let user = who["subject"].as_str().unwrap();
    let session: String = app
        .database
        .value(
            "SELECT id::text FROM sessions WHERE user_id = $1::text::uuid ORDER BY created_at DESC LIMIT 1",
            &[&user],
        )
        .await;
    let tenant: String =
        app.database.value("SELECT tenant_id::text FROM users WHERE id = $1::text::uuid", &[&user]).await;
    let role: String = app.database.value("SELECT role FROM users WHERE id = $1::text::uuid", &[&user]).await;
    format!("SELECT authorize_session('{session}', '{user}', '{tenant}', '{role}', now(), NULL)")
}

#[tokio::test]
async fn no_login_inserts_into_the_log_or_reaches_what_binds_an_actor() {
    let app = TestApp::start().await;
    app.sign_in(Tenant::Acme, Role::Editor).await;
    let database = app.database.superuser().await;
    let tables = "SELECT 'http_audit_log' AS name UNION ALL SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent = 'http_audit_log'::regclass";
    let tables: Vec<String> = database.query(tables, &[]).await.unwrap().iter().map(|row| row.get("name")).collect();
    for login in logins(&database).await {
        act_as(&database, &login).await;
        for table in &tables {
            let insert = format!(
                "INSERT INTO {table} (id, at, request_id, tenant_id, actor_kind, action, method, path, status, transaction_id)
                 VALUES (gen_random_uuid(), now(), 'forged', (SELECT gen_random_uuid()), 'user', 'account.create', 'POST',
                     '/', 201, '9223372036854775807')"
            );
            // The definer may, and nobody can log in as it.
            if login != "holdfast_definer" || table != "http_audit_log" {
                assert_eq!(code_of(&database, &insert).await, DENIED, "{login}: {table}");
            }
        }
        for sql in [
            "SELECT begin_request(gen_random_uuid(), 'user', gen_random_uuid(), 'x', 'admin', NULL)",
            "SELECT begin_system_request(gen_random_uuid())",
            "SELECT request_binding(gen_random_uuid(), 'x')",
            "INSERT INTO request_binding_keys (inner_pad, outer_pad) VALUES ('', '')",
            "UPDATE request_binding_keys SET inner_pad = ''",
            "DELETE FROM request_binding_keys",
        ] {
            if login != "holdfast_definer" {
                assert_eq!(code_of(&database, sql).await, DENIED, "{login}: {sql}");
            }
        }
        if login != "holdfast_definer" {
            let keys = database.query("SELECT FROM request_binding_keys", &[]).await;
            assert!(keys.map_or(true, |rows| rows.is_empty()), "{login} reads the key");
        }
        database.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
    }
    assert_eq!(app.database.count(FORGED).await, 0);
    let can_log_in = "SELECT count(*) FROM pg_roles WHERE rolname = 'holdfast_definer' AND rolcanlogin";
    assert_eq!(app.database.count(can_log_in).await, 0);
}

#[tokio::test]
async fn no_login_records_an_actor_that_it_names_itself() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let globex = app.tenant_id(Tenant::Globex).await;
    let authorize = authorize(&app, &editor).await;
    let database = app.database.superuser().await;
    let may_record = privileged(&database, "record_audit").await;
    assert!(!may_record.is_empty());
    let set = |name: &str, value: &str| format!("SELECT set_config('holdfast.{name}', '{value}', true); ");
    let (tenant, actor) = (set("audit_tenant", &globex), set("actor", NOBODY));
    let kept = "SELECT set_config('test.binding', current_setting('holdfast.binding'), false),
        set_config('test.actor', current_setting('holdfast.actor'), false),
        set_config('test.tenant', current_setting('holdfast.audit_tenant'), false); ";
    let replayed = "SELECT set_config('holdfast.binding', current_setting('test.binding'), true),
        set_config('holdfast.actor', current_setting('test.actor'), true),
        set_config('holdfast.audit_tenant', current_setting('test.tenant'), true); ";
    let forgeries = [
        ("an actor", actor.clone()),
        ("a tenant", tenant.clone()),
        ("both", format!("{tenant}{actor}")),
        ("both, acting in the tenant", format!("{tenant}{actor}{}", set("tenant", &globex))),
        ("both, with an invented binding", format!("{tenant}{actor}{}", set("binding", &"0".repeat(64)))),
        ("another tenant after the authorization", format!("{authorize}; {tenant}")),
        ("another actor after the authorization", format!("{authorize}; {actor}")),
        ("both after the authorization", format!("{authorize}; {tenant}{actor}")),
        ("no actor after the authorization", format!("{authorize}; {}", set("actor", ""))),
        ("no tenant after the authorization", format!("{authorize}; {}", set("audit_tenant", ""))),
        ("the binding of an earlier transaction", replayed.to_owned()),
    ];
    for login in logins(&database).await {
        if login == "holdfast_definer" {
            continue;
        }
        act_as(&database, &login).await;
        if may_record.contains(&login) {
            // An authorization of its own, in a transaction that has ended.
            database.batch_execute("BEGIN").await.unwrap();
            database.batch_execute(&format!("{authorize}; {kept}")).await.unwrap();
            database.batch_execute("COMMIT").await.unwrap();
        }
        for (name, forgery) in &forgeries {
            database.batch_execute("BEGIN").await.unwrap();
            let forged = match database.batch_execute(forgery).await {
                Ok(()) => code_of(&database, RECORD).await,
                Err(error) => error.as_db_error().unwrap().code().code().to_owned(),
            };
            database.batch_execute("COMMIT").await.unwrap();
            let expected = if may_record.contains(&login) { &[DENIED][..] } else { &[DENIED, "42704"] };
            assert!(expected.contains(&forged.as_str()), "{login}, {name}: {forged}");
        }
        database.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
    }
    assert_eq!(app.database.count(FORGED).await, 0);
}

#[tokio::test]
async fn a_row_has_the_actor_of_the_authorization_and_the_databases_own_time() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let authorize = authorize(&app, &editor).await;
    let database = app.database.superuser().await;
    for login in privileged(&database, "record_audit").await {
        act_as(&database, &login).await;
        database.batch_execute("BEGIN").await.unwrap();
        database.batch_execute(&authorize).await.unwrap();
        let row = database.query_one(RECORD, &[]).await.unwrap();
        let (id, actor): (String, String) = (row.get("row_id"), row.get("actor"));
        let own: String = database.query_one("SELECT pg_current_xact_id()::text", &[]).await.unwrap().get(0);
        database.batch_execute("COMMIT; RESET SESSION AUTHORIZATION").await.unwrap();
        let actor: Value = serde_json::from_str(&actor).unwrap();
        assert_eq!((actor["kind"].as_str(), actor["name"].as_str()), (Some("user"), Some("editor")), "{login}");
        let found = "SELECT count(*) FROM http_audit_log WHERE id = $1::text::uuid AND transaction_id = $2::text::xid8
            AND epoch = audit_epoch() AND at BETWEEN now() - interval '1 minute' AND now() AND actor_name = 'editor'
            AND session_id IS NOT NULL AND tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')";
        assert_eq!(database.query_one(found, &[&id, &own]).await.unwrap().get::<_, i64>(0), 1, "{login}");
        let id: uuid::Uuid = id.parse().unwrap();
        let (seconds, _) = id.get_timestamp().unwrap().to_unix();
        let now: f64 = database.query_one("SELECT extract(epoch FROM now())::float8", &[]).await.unwrap().get(0);
        assert!(id.get_version_num() == 7 && (now - f64::from(u32::try_from(seconds).unwrap())).abs() < 60.0, "{id}");
    }
}

#[tokio::test]
async fn nothing_succeeds_in_the_name_of_a_session_that_ended() {
    let app = TestApp::start().await;
    let editor = app.sign_in(Tenant::Acme, Role::Editor).await;
    let authorize = authorize(&app, &editor).await;
    editor.post_empty("/auth/logout").await;
    let database = app.database.superuser().await;
    for login in privileged(&database, "authorize_session").await {
        act_as(&database, &login).await;
        database.batch_execute("BEGIN").await.unwrap();
        database.batch_execute(&authorize).await.unwrap();
        // Any session may write the setting that says that the request was rejected.
        database.batch_execute("SELECT set_config('holdfast.rejection', '', true)").await.unwrap();
        assert_eq!(code_of(&database, RECORD).await, DENIED, "{login}");
        database.batch_execute("ROLLBACK; RESET SESSION AUTHORIZATION").await.unwrap();
    }
    // The rejection itself is counted, with the user that it is about.
    assert_eq!(editor.get("/accounts").await.status, 401);
    let rejected = "SELECT count(*) FROM rejection_counts WHERE action = 'account.list' AND status = 401
        AND actor ->> 'name' = 'editor' AND tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')";
    assert_eq!(app.database.count(rejected).await, 1);
}

#[tokio::test]
async fn a_request_without_a_principal_is_anonymous_on_the_platform_or_where_it_signs_in() {
    let app = TestApp::start().await;
    let mut wrong = app.credentials(Tenant::Acme, Role::Viewer);
    wrong["password"] = "wrong".into();
    app.anonymous().post("/auth/login", &wrong).await;
    let failed = "SELECT count(*) FROM http_audit_log WHERE action = 'auth.login' AND status = 401
        AND actor_kind = 'anonymous' AND actor_id IS NULL AND session_id IS NULL AND role IS NULL
        AND tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')
        AND targets ->> 'user_id' = (SELECT u.id::text FROM users u JOIN tenants t ON t.id = u.tenant_id
                                      WHERE u.username = 'viewer' AND t.slug = 'acme')";
    assert_eq!(app.database.count(failed).await, 1);

    let database = app.database.superuser().await;
    let logins = privileged(&database, "record_audit").await;
    for login in &logins {
        act_as(&database, login).await;
        // Nothing succeeds without a principal, and a rejection is counted for the platform.
        assert_eq!(code_of(&database, RECORD).await, DENIED, "{login}");
        let row = database.query_one(&RECORD.replace("201", "401"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>("tenant"), "00000000-0000-0000-0000-000000000000", "{login}");
        assert_eq!(row.get::<_, Option<String>>("row_id"), None, "{login}");
        database.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
    }
    assert_eq!(app.database.count(FORGED).await, 0);
    let counted = "SELECT coalesce(sum(rejections), 0)::bigint FROM rejection_counts WHERE action = 'account.create'
        AND tenant_id = '00000000-0000-0000-0000-000000000000' AND actor ->> 'kind' = 'anonymous'";
    assert_eq!(app.database.count(counted).await, i64::try_from(logins.len()).unwrap());
}
