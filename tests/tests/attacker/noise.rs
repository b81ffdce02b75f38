//! Requests that anybody can send without end: what they add to the database is bounded, whatever they say and wherever they come
//! from, and the log says how many there were. The routes come from the route table.

use axum::body::Body;
use futures_util::future::join_all;
use holdfast_shared::identity::api_token;
use holdfast_shared::permission::Role;
use holdfast_shared::rng::SystemRng;
use holdfast_shared::route::{Access, Audited, Route};
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::client::{Client, Response};
use holdfast_tests::sample::Samples;
use holdfast_tests::sealing::Sealing;
use holdfast_tests::secrets::unique;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Counts of a tenant and minute: 20, and one for each status that a request without a principal gets (401, 403, 429).
const MAX_COUNTS: i64 = 23;
/// Statuses with which audited routes reject a request without a principal.
const REJECTED: [u16; 3] = [401, 403, 429];
/// Requests that are sent at once.
const AT_ONCE: usize = 20;

async fn rows(app: &TestApp) -> i64 {
    app.database.count("SELECT count(*) FROM http_audit_log").await
}

/// The number of counted rejections.
async fn counted(app: &TestApp) -> i64 {
    app.database.count("SELECT coalesce(sum(rejections), 0)::bigint FROM rejection_counts").await
}

/// The most counts that a tenant has in a minute.
async fn most_counts(app: &TestApp) -> i64 {
    let most = "SELECT coalesce(max(counts), 0) FROM (SELECT count(*) AS counts FROM rejection_counts
        GROUP BY minute, tenant_id) AS minutes";
    app.database.count(most).await
}

/// Lets the minutes pass in which rejections were counted, and adds their rows to the log.
async fn aggregate(app: &TestApp) -> u64 {
    app.clock.advance(600);
    let aggregated = Sealing::of(app).seal(app).await.aggregated;
    assert_eq!(app.database.count("SELECT count(*) FROM rejection_counts").await, 0);
    aggregated
}

/// The aggregated rows of the caller's tenant, or of the platform.
async fn aggregated(caller: &Client) -> Vec<Value> {
    let listed = caller.get("/admin/audit?limit=200").await;
    listed.items().iter().filter(|row| row["targets"]["rejections"].is_number()).cloned().collect()
}

fn sum(rows: &[Value]) -> i64 {
    rows.iter().map(|row| row["targets"]["rejections"].as_i64().unwrap()).sum()
}

/// Text that is never the same twice, of any length.
fn noise(length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text += &unique().replace('-', "");
    }
    text.truncate(length);
    text
}

/// A request without a principal for a route: path, user agent and address of its own.
struct Noise {
    client: Client,
    route: &'static Route,
    path: String,
    body: Option<Value>,
    agent: String,
}

impl Noise {
    fn new(client: &Client, route: &'static Route, number: usize) -> Self {
        let address = match number % 2 {
            0 => format!("198.{}.{}.{}", number / 62_500 % 250, number / 250 % 250, number % 250),
            _ => format!("2001:db8:{:x}::{:x}", number % 60_000, number),
        };
        let site = if number.is_multiple_of(3) { "cross-site" } else { "same-origin" };
        let client = client.clone().from_address(&address).with_header("sec-fetch-site", site);
        let pieces = route
            .path
            .split('/')
            .map(|piece| if piece.starts_with('{') { noise(1 + number % 600) } else { piece.to_owned() });
        let path = pieces.collect::<Vec<_>>().join("/");
        let body = match route.path {
            path if path.ends_with("/login") => {
                Some(json!({"tenant": noise(1 + number % 100), "username": noise(20), "password": noise(20)}))
            }
            path if path.ends_with("/refresh") => Some(json!({"refresh_token": noise(1 + number % 100)})),
            _ => None,
        };
        Self { client, route, path, body, agent: noise(1 + number * 7 % 4000) }
    }

    async fn send(&self) -> Response {
        let mut request = self.client.request(self.route.method.clone(), &self.path);
        if self.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = self.body.as_ref().map_or(Body::empty(), |body| Body::from(body.to_string()));
        let mut request = request.body(body).unwrap();
        request.headers_mut().insert("user-agent", self.agent.parse().unwrap());
        self.client.send_request(request).await
    }
}

/// A session that ended and an API token that was revoked, of the tenant.
async fn ended(app: &TestApp) -> [Client; 2] {
    let session = app.sign_in(Tenant::Acme, Role::Editor).await;
    assert_eq!(session.post_empty("/auth/logout").await.status, 204);
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let created = admin.create("/auth/tokens", &json!({"name": "robot", "scopes": ["accounts:read"]})).await;
    let token = app.anonymous().with_token(created.text_at("token"));
    let path = format!("/auth/tokens/{}", created.text_at("id"));
    assert_eq!(admin.delete(&path).await.status, 204);
    [session, token]
}

#[tokio::test]
async fn thousands_of_rejections_at_every_route_cost_a_bounded_number_of_rows_that_say_so() {
    const ROUNDS: usize = 6;
    let app = TestApp::start().await;
    let acme = app.tenant_id(Tenant::Acme).await.parse().unwrap();
    let unknown = api_token::generate(acme, &SystemRng);
    let [session, token] = ended(&app).await;
    let callers = [
        app.anonymous(),
        app.anonymous().with_token("nonsense"),
        app.anonymous().with_token(&format!("{}.{}.{}", noise(40), noise(200), noise(86))),
        app.anonymous().with_token(unknown.expose_secret()),
        session,
        token,
    ];
    let before = (rows(&app).await, counted(&app).await);
    let mut requests = Vec::new();
    for endpoint in holdfast::gateway::endpoints() {
        for round in 0..ROUNDS {
            for caller in &callers {
                requests.push(Noise::new(caller, endpoint.route, requests.len() * 11 + round));
            }
        }
    }
    assert!(requests.len() > 2000, "{}", requests.len());
    let mut rejected = 0;
    for some in requests.chunks(AT_ONCE) {
        let responses = join_all(some.iter().map(Noise::send)).await;
        for (Noise { route, .. }, response) in some.iter().zip(responses) {
            let at = format!("{} {}: {response:?}", route.method, route.path);
            assert!(!response.status.is_server_error(), "{at}");
            let is_rejected = REJECTED.contains(&response.status.as_u16());
            assert!(is_rejected || route.access == Access::Anyone, "{at}");
            rejected += i64::from(is_rejected && route.audited != Audited::Never);
        }
    }
    assert_eq!(rows(&app).await, before.0, "a rejection without a principal has a row of its own");
    assert_eq!(counted(&app).await - before.1, rejected);
    assert!(most_counts(&app).await <= MAX_COUNTS, "{} counts", most_counts(&app).await);
    let size = "SELECT max(pg_column_size(c.*))::bigint FROM rejection_counts c";
    assert!(app.database.count(size).await < 4096, "{} bytes", app.database.count(size).await);
    let minutes = app.database.count("SELECT count(DISTINCT minute) FROM rejection_counts").await;
    println!("{} requests in {minutes} minutes: {rejected} rejections", requests.len());

    let added = aggregate(&app).await;
    assert!(added <= (minutes * 2 * MAX_COUNTS).unsigned_abs(), "{added} rows");
    assert_eq!(rows(&app).await - before.0, i64::try_from(added).unwrap());
    Sealing::of(&app).seal_all(&app).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let (platform, acme) = (aggregated(&operator).await, aggregated(&admin).await);
    assert_eq!(sum(&platform) + sum(&acme), rejected + before.1);
    assert!(platform.iter().all(|row| row["actor"]["kind"] == "anonymous"), "{platform:?}");
    assert!(acme.iter().any(|row| row["actor"]["name"] == "robot"), "{acme:?}");
    let beyond = |row: &&Value| row["action"] == "*" && row["source_ip"].is_null() && row["path"] == "*";
    assert!(platform.iter().any(|row| beyond(&row)), "{platform:?}");
    for caller in [operator, admin] {
        Sealing::of(&app).seal_all(&app).await;
        let verified = caller.get("/admin/audit/verify").await;
        assert_eq!((&verified.body["ok"], &verified.body["first_bad"]), (&json!(true), &Value::Null), "{verified:?}");
    }
}

#[tokio::test]
async fn an_aggregated_row_says_what_when_from_where_and_how_often() {
    let app = TestApp::start().await;
    let first = app.anonymous().from_address("203.0.113.9").get("/accounts/one").await;
    for last in [9, 10, 11] {
        app.anonymous().from_address(&format!("203.0.113.{last}")).get("/accounts/two").await;
    }
    // The minute may have ended in between.
    let one_minute = app.database.count("SELECT count(DISTINCT minute) FROM rejection_counts").await == 1;
    aggregate(&app).await;
    let operator = app.sign_in(Tenant::Platform, Role::Operator).await;
    let rows = aggregated(&operator).await;
    assert_eq!(sum(&rows), 4);
    let row = rows.last().unwrap();
    assert_eq!(row["request_id"], first.header("x-request-id"));
    let [action, method, path, status] = ["action", "method", "path", "status"].map(|name| &row[name]);
    assert_eq!(
        (action, method, path, status),
        (&json!("account.read"), &json!("GET"), &json!("/accounts/{id}"), &json!(401))
    );
    assert_eq!((&row["source_ip"], &row["tenant_id"]), (&json!("203.0.113.0/24"), &Value::Null));
    assert_eq!((&row["user_agent"], &row["actor"]["kind"]), (&json!("holdfast-tests"), &json!("anonymous")));
    let minute: jiff::Timestamp = row["targets"]["minute"].as_str().unwrap().parse().unwrap();
    assert_eq!(minute.as_second() % 60, 0);
    if one_minute {
        assert_eq!(row["targets"]["addresses"], json!(["203.0.113.9", "203.0.113.10", "203.0.113.11"]));
    }
}

#[tokio::test]
async fn a_flooded_sign_in_is_a_bounded_number_of_the_tenants_rows_and_each_evaluated_guess_has_its_own() {
    let app = TestApp::start().await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let before = rows(&app).await;
    let guess = |username: String, number: usize| {
        let body = json!({"tenant": "acme", "username": username, "password": "a guess"});
        let client = app.anonymous().from_address(&format!("198.51.{}.{}", number % 200, number / 200));
        async move { client.post("/auth/login", &body).await }
    };
    let strangers = (0..200).map(|number| guess(format!("nobody-{number}"), number));
    let strangers = join_all(strangers).await;
    let viewers = join_all((0..60).map(|number| guess("viewer".to_owned(), number))).await;
    let evaluated = viewers.iter().filter(|response| response.status == 401).count();
    assert!((5..60).contains(&evaluated), "{evaluated}");
    assert!(strangers.iter().chain(&viewers).all(|response| REJECTED.contains(&response.status.as_u16())));
    assert_eq!(rows(&app).await - before, i64::try_from(evaluated).unwrap());
    let own = "SELECT count(*) FROM http_audit_log WHERE action = 'auth.login' AND status = 401
        AND tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')
        AND targets ->> 'user_id' = (SELECT u.id::text FROM users u JOIN tenants t ON t.id = u.tenant_id
                                      WHERE u.username = 'viewer' AND t.slug = 'acme')";
    assert_eq!(app.database.count(own).await, i64::try_from(evaluated).unwrap());
    assert!(most_counts(&app).await <= MAX_COUNTS);
    let rest = i64::try_from(strangers.len() + viewers.len() - evaluated).unwrap();
    assert_eq!(counted(&app).await, rest);

    aggregate(&app).await;
    let found = aggregated(&admin).await;
    assert_eq!(sum(&found), rest);
    let tenant = app.tenant_id(Tenant::Acme).await;
    assert!(found.iter().all(|row| row["tenant_id"] == tenant.as_str()), "{found:?}");
}

#[tokio::test]
async fn a_right_password_without_its_code_is_counted_for_its_user() {
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let endpoints = holdfast::gateway::endpoints();
    let confirm = endpoints.iter().map(|endpoint| endpoint.route).find(|route| route.path == "/auth/mfa/totp/confirm");
    let sample = samples.of(confirm.unwrap(), Tenant::Acme, &viewer).await;
    assert!(sample.send(confirm.unwrap(), &viewer).await.status.is_success());
    let before = rows(&app).await;
    let right = app.credentials(Tenant::Acme, Role::Viewer);
    for number in 0..30 {
        let client = app.anonymous().from_address(&format!("198.51.100.{number}"));
        assert_eq!(client.post("/auth/login", &right).await.outcome(), "401 mfa_required");
    }
    assert_eq!(rows(&app).await, before);
    let of_the_user = "SELECT sum(c.rejections)::bigint FROM rejection_counts c JOIN users u ON u.id::text = c.user_id
        WHERE u.username = 'viewer' AND c.tenant_id = u.tenant_id";
    assert_eq!(app.database.count(of_the_user).await, 30);
}

#[tokio::test]
async fn a_session_that_ended_and_a_revoked_token_are_counted_under_their_names() {
    let app = TestApp::start().await;
    let [session, token] = ended(&app).await;
    let before = rows(&app).await;
    for number in 0..40 {
        for client in [&session, &token] {
            let path = format!("/accounts/{number}");
            assert_eq!(client.get(&path).await.outcome(), "401 unauthenticated");
        }
    }
    assert_eq!(rows(&app).await, before);
    aggregate(&app).await;
    let admin = app.sign_in(Tenant::Acme, Role::Admin).await;
    let found = aggregated(&admin).await;
    for (name, kind) in [("editor", "user"), ("robot", "api_token")] {
        let of_it: Vec<_> = found.iter().filter(|row| row["actor"]["name"] == name).cloned().collect();
        assert_eq!(sum(&of_it), 40, "{name}: {found:?}");
        assert!(of_it.iter().all(|row| row["actor"]["kind"] == kind && row["actor"]["id"].is_string()));
        assert!(of_it.iter().all(|row| row["session_id"].is_string() == (kind == "user")));
    }
}

#[tokio::test]
async fn rejections_at_the_same_time_neither_deadlock_nor_get_lost() {
    const PARALLEL: usize = 50;
    let app = TestApp::start().await;
    let client = app.instance_with(&[("DATABASE_POOL_SIZE", "30".to_owned())], &app.anonymous()).await;
    for round in 0..4 {
        let before = counted(&app).await;
        let one_block = (0..PARALLEL).map(|_| client.clone().from_address("203.0.113.1"));
        let many = (0..PARALLEL).map(|number| client.clone().from_address(&format!("198.51.{number}.{round}")));
        let clients: Vec<Client> = one_block.chain(many).collect();
        let responses = join_all(clients.iter().map(|client| client.get("/accounts"))).await;
        for response in &responses {
            assert_eq!(response.outcome(), "401 unauthenticated", "{response:?}");
        }
        assert_eq!(counted(&app).await - before, i64::try_from(2 * PARALLEL).unwrap());
        assert!(most_counts(&app).await <= MAX_COUNTS);
    }
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(app.database.count(deadlocks).await, 0);
    // Those that are beyond the 20 blocks are counted, too, and only those.
    let slots = "SELECT max(slots) FROM (SELECT count(*) FILTER (WHERE slot <= 20) AS slots FROM rejection_counts
        GROUP BY minute, tenant_id) AS minutes";
    assert!(app.database.count(slots).await >= 18, "{} slots", app.database.count(slots).await);
}

#[tokio::test]
async fn no_login_reaches_the_counts_but_by_their_functions() {
    let app = TestApp::start().await;
    app.anonymous().get("/accounts").await;
    let superuser = app.database.superuser().await;
    let logins = "SELECT rolname::text AS name FROM pg_roles WHERE rolname LIKE 'holdfast\\_%' AND NOT rolsuper
        AND rolname NOT IN ('holdfast_owner', 'holdfast_definer') ORDER BY 1";
    let logins = superuser.query(logins, &[]).await.unwrap();
    assert!(logins.len() >= 4);
    for login in logins {
        let login: String = login.get("name");
        superuser.batch_execute(&format!("SET SESSION AUTHORIZATION {login}")).await.unwrap();
        for sql in [
            "SELECT FROM rejection_counts FOR UPDATE",
            "INSERT INTO rejection_counts SELECT FROM rejection_counts",
            "UPDATE rejection_counts SET rejections = 1",
            "DELETE FROM rejection_counts",
            "TRUNCATE rejection_counts",
            "SELECT count_rejection(gen_random_uuid(), '{}', '', '', '', '', 401, NULL, NULL, NULL)",
        ] {
            let rejected = superuser.batch_execute(sql).await.expect_err(sql);
            assert_eq!(rejected.as_db_error().unwrap().code().code(), "42501", "{login}: {sql}");
        }
        let read = superuser.query("SELECT FROM rejection_counts", &[]).await;
        assert_eq!(read.is_ok(), login == "holdfast_backup", "{login}");
        let flushed = superuser.query("SELECT record_rejections(now(), 1)", &[]).await;
        assert_eq!(flushed.is_ok(), login == "holdfast_maintenance", "{login}");
        superuser.batch_execute("RESET SESSION AUTHORIZATION").await.unwrap();
    }
    assert_eq!(counted(&app).await, 1);
}

/// Tables that no request writes to: operations, and the seals. The counters of instances have labels of the route table only.
const NOT_OF_REQUESTS: [&str; 14] = [
    "audit_batches",
    "audit_deliveries",
    "audit_drops",
    "audit_keys",
    "audit_seals",
    "backup_runs",
    "deployment_keys",
    "metric_instances",
    "migration_failures",
    "refinery_schema_history",
    "repeatable_steps",
    "request_binding_keys",
    "schema_checks",
    "vault_canary",
];

#[tokio::test]
async fn every_text_that_a_request_stores_is_bounded_by_the_schema() {
    const COLUMNS: &str =
        "SELECT c.relname::text AS table, a.attname::text AS column, format_type(a.atttypid, NULL) AS type
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND a.attgenerated = '' AND c.relname <> ALL ($1)
           AND format_type(a.atttypid, NULL) IN ('text', 'text[]', 'jsonb', 'bytea') ORDER BY 1, 2";
    let app = TestApp::start().await;
    let samples = Samples::new(&app).await;
    for endpoint in holdfast::gateway::endpoints() {
        let route = endpoint.route;
        // A code is consumed at the end: the user then needs one to sign in.
        if route.method == http::Method::GET || route.path == "/auth/mfa/totp/confirm" {
            continue;
        }
        samples.disable_totp().await;
        let client = app.sign_in_for(route).await.with_header("idempotency-key", &unique());
        samples.of(route, Tenant::Acme, &client).await.send(route, &client).await;
    }
    app.anonymous().get("/accounts").await;
    let viewer = app.sign_in(Tenant::Acme, Role::Viewer).await;
    let endpoints = holdfast::gateway::endpoints();
    let confirm = endpoints.iter().map(|endpoint| endpoint.route).find(|route| route.path == "/auth/mfa/totp/confirm");
    samples.of(confirm.unwrap(), Tenant::Acme, &viewer).await.send(confirm.unwrap(), &viewer).await;
    let mut wrong = app.credentials(Tenant::Acme, Role::Editor);
    wrong["password"] = "a guess".into();
    app.anonymous().post("/auth/login", &wrong).await;

    let superuser = app.database.superuser().await;
    let columns = superuser.query(COLUMNS, &[&NOT_OF_REQUESTS.as_slice()]).await.unwrap();
    assert!(columns.len() > 50, "{}", columns.len());
    let mut unbounded = Vec::new();
    for column in columns {
        let (table, name, kind): (String, String, String) =
            (column.get("table"), column.get("column"), column.get("type"));
        let value = match kind.as_str() {
            "text" => "repeat('x', 2000000)",
            "text[]" => "array_fill(repeat('x', 200), ARRAY[10000])",
            "jsonb" => "jsonb_build_object('x', repeat('x', 2000000))",
            _ => "convert_to(repeat('x', 2000000), 'UTF8')",
        };
        match superuser.execute(&format!("UPDATE {table} SET {name} = {value}"), &[]).await {
            Ok(0) => panic!("{table} is empty"),
            Ok(_) => unbounded.push(format!("{table}.{name}")),
            Err(error) => {
                let code = error.as_db_error().unwrap().code().code().to_owned();
                assert_eq!(code, "23514", "{table}.{name}: {error:?}");
            }
        }
    }
    assert!(unbounded.is_empty(), "without a bound: {unbounded:?}");
}
