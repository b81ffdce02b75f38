//! The duration of requests while a tenant grows: the same requests at 10^3, 10^5 and 10^6 accounts.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use holdfast::cluster::ClusterOptions;
use holdfast_tests::wire::Web;
use serde_json::{Value, json};

use crate::local::Local;
use crate::quantile::median;
use crate::report::milliseconds;

/// The tenant's accounts, and the rows of its audit log.
const SIZES: [(i64, i64); 3] = [(1_000, 10_000), (100_000, 1_000_000), (1_000_000, 3_000_000)];
/// The number of measured calls.
const CALLS: usize = 200;
/// The number of calls before them.
const UNCOUNTED: usize = 20;
/// The limit for a request's duration at the largest size, relative to the smallest.
const MAX_GROWTH: f64 = 1.5;

/// Creates accounts from the first number to the second. Names and owners are not in order of creation.
const ACCOUNTS: &str = "
    INSERT INTO accounts (id, tenant_id, name, search_name, owner, metadata, created_at, updated_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, t.id, 'Name ' || md5(n::text), 'name ' || md5(n::text), 'owner ' || n / 10, '{}', now(), now()
      FROM tenants t, generate_series($1::bigint + 1, $2) n WHERE t.slug = 'demo'";
const AUDIT: &str = "
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, action, method, path, status, source_ip, user_agent, targets)
    SELECT gen_random_uuid(), now() - n * interval '1 millisecond', md5(n::text), t.id, 'user', lpad(to_hex(n % 100), 32, '0')::uuid, 'user ' || n % 100, 'editor',
           'account.update', 'PATCH', '/accounts', 200, '203.0.113.7', 'holdfast', jsonb_build_object('account_id', lpad(to_hex(n / 10), 32, '0')::uuid)
      FROM tenants t, generate_series($1::bigint + 1, $2) n WHERE t.slug = 'demo'";

const REQUESTS: [(&str, &str); 9] = [
    ("GET", "/accounts/00000000-0000-0000-0000-0000000001f4"),
    ("GET", "/accounts"),
    ("GET", "/accounts?q=name%20a"),
    ("GET", "/accounts?owner=owner%2050"),
    ("POST", "/accounts"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/audit?actor=00000000-0000-0000-0000-000000000007"),
    ("GET", "/admin/audit?account_id=00000000-0000-0000-0000-000000000032"),
    ("GET", "/admin/users"),
];

/// Returns a table of the median durations at each size, and the requests that grew too much.
pub(crate) async fn measure() -> String {
    let local = Local::start(ClusterOptions::throw_away(), 1).await;
    let web = Web::at(&local.url);
    let mut times = REQUESTS.map(|_| Vec::new());
    let mut before = (0, 0);
    for size in SIZES {
        local.superuser.execute(ACCOUNTS, &[&before.0, &size.0]).await.unwrap();
        local.superuser.execute(AUDIT, &[&before.1, &size.1]).await.unwrap();
        // The server does this by itself some minutes later.
        for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
            local.superuser.batch_execute(statement).await.unwrap();
        }
        before = size;
        for ((method, path), times) in REQUESTS.iter().zip(&mut times) {
            times.push(middle(&web, &local.token, method, path).await);
        }
    }
    report(&times)
}

async fn middle(web: &Web, token: &str, method: &str, path: &str) -> Duration {
    let mut times = Vec::with_capacity(CALLS);
    for call in 0..UNCOUNTED + CALLS {
        let request = (method == "POST").then(|| json!({"name": format!("grown {:?} {call}", Instant::now())}));
        let began = Instant::now();
        let (status, body): (u16, Value) = web.send(method, path, Some(token), request.as_ref()).await;
        times.push(began.elapsed());
        assert!(matches!(status, 200 | 201), "{method} {path}: {status} {body}");
    }
    median(times.split_off(UNCOUNTED))
}

fn report(times: &[Vec<Duration>]) -> String {
    let mut text = "| request |".to_owned();
    for (accounts, rows) in SIZES {
        let _ = write!(text, " {accounts} accounts, {rows} audit rows |");
    }
    text.push_str(" growth |\n| --- | ---: | ---: | ---: | ---: |\n");
    let mut missed = String::new();
    for ((method, path), times) in REQUESTS.iter().zip(times) {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        let growth = last.as_secs_f64() / first.as_secs_f64();
        let figures: Vec<_> = times.iter().map(|time| milliseconds(*time)).collect();
        let _ = writeln!(text, "| `{method} {path}` | {} | {growth:.2} |", figures.join(" | "));
        if growth > MAX_GROWTH {
            let _ = writeln!(missed, "missed: {method} {path} should take at most {MAX_GROWTH} times as long");
        }
    }
    text + &missed
}
