//! A function that was taken over: it has its database login, any statement of SQL, and any tenant and actor that it claims.
//! What it could do is the table of SECURITY.md, and every cell of it is tried here.

use std::collections::BTreeMap;

use holdfast_shared::db::LOGINS;
use holdfast_shared::permission::Role;
use holdfast_tests::app::{Tenant, TestApp};
use holdfast_tests::sealing::Sealing;
use holdfast_tests::{markdown, tools};
use serde_json::json;
use tokio_postgres::Client;

/// An act of the table, and ways to do it. One that succeeds is enough.
struct Act {
    act: &'static str,
    ways: &'static [&'static str],
}

const HASH: &str = "'$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'";

/// In the statements `{user}`, `{hash}`, `{new_hash}`, `{account}` and `{key}` stand for rows of the tenant and for values.
const ACTS: &[Act] = &[
    Act { act: "read password hashes", ways: &["SELECT password_hash FROM users"] },
    Act { act: "set a user's password", ways: &["UPDATE users SET password_hash = {new_hash}"] },
    Act {
        act: "create an administrator",
        ways: &["INSERT INTO users (id, tenant_id, username, username_key, role, password_hash, created_at, updated_at)
            VALUES (gen_random_uuid(), current_tenant(), 'eve', 'eve', 'admin', {new_hash}, now(), now())"],
    },
    Act {
        act: "open a session for a user",
        ways: &[
            "SELECT FROM complete_sign_in(p_now => now(), p_user => {user}, p_password_hash => {hash},
                p_session => gen_random_uuid(), p_expires_at => now() + interval '1 day', p_refresh_hash => {key},
                p_source_ip => NULL, p_user_agent => NULL, p_address_key => {key}, p_user_key => {key}, p_pair_key => {key},
                p_otp_step => NULL, p_recovery_hash => NULL, p_needs_mfa => false) WHERE rejection IS NULL",
            "INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at, refreshed_at, authenticated_at, address_key)
                VALUES (gen_random_uuid(), current_tenant(), {user}, now(), now() + interval '1 day', now(), now(), {key})",
        ],
    },
    Act {
        act: "revive an ended session",
        ways: &["UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE ended_at IS NOT NULL"],
    },
    Act {
        act: "end sessions",
        ways: &["UPDATE sessions SET ended_at = now(), end_reason = 'revoked'", "DELETE FROM sessions"],
    },
    Act {
        act: "issue an API token",
        ways: &[
            "INSERT INTO api_tokens (id, tenant_id, name, prefix, hash, scopes, created_at, expires_at)
            VALUES (gen_random_uuid(), current_tenant(), 'x', 'x', {key}, '{secrets:reveal}', now(), now() + interval '1 day')",
        ],
    },
    Act {
        act: "forget counted attempts",
        ways: &["DELETE FROM attempts", "SELECT give_back_sign_in(current_tenant(), {user}, now(), {key}, {key}, {key})"],
    },
    Act {
        act: "register a signing key",
        ways: &[
            "SELECT WHERE rotate_signing_key('forged', 'x', 'y', NULL, now(), now(), now()) IS NULL",
            "INSERT INTO signing_keys (kid, x, y, created_at, activates_at) VALUES ('forged', 'x', 'y', now(), now())",
        ],
    },
    Act {
        act: "rotate or retire a tenant's data key",
        ways: &["SELECT WHERE retire_vault_keys(current_tenant()) IS NULL", "UPDATE vault_keys SET state = 'retiring'"],
    },
    Act {
        act: "create a tenant, or set quotas",
        ways: &[
            "SELECT set_config('holdfast.tenant', '00000000-0000-0000-0000-000000000000', true),
                create_tenant(gen_random_uuid(), 'new', 'New', 'active', '{}', now(), NULL, NULL, NULL, NULL)",
            "UPDATE tenant_quotas SET max_count = 0",
        ],
    },
    Act { act: "request a backup", ways: &["SELECT request_backup(gen_random_uuid(), now())"] },
    Act { act: "read accounts", ways: &["SELECT id FROM accounts"] },
    Act { act: "read sealed secrets", ways: &["SELECT sealed FROM secret_versions"] },
    Act {
        act: "change or delete secrets",
        ways: &["DELETE FROM secret_versions", "UPDATE secret_versions SET sealed = sealed"],
    },
    Act { act: "read sealed one-time-code secrets", ways: &["SELECT sealed FROM totp_secrets"] },
    Act { act: "read stored responses", ways: &["SELECT body FROM idempotency_keys"] },
    Act { act: "read digests of refresh tokens", ways: &["SELECT hash FROM refresh_tokens"] },
    Act { act: "read the audit log", ways: &["SELECT id FROM http_audit_log"] },
    Act {
        act: "add an audit row in another's name",
        ways: &[
            "INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status)
                VALUES (gen_random_uuid(), now(), 'x', current_tenant(), 'anonymous', 'x', 'GET', '/', 200)",
            "SELECT set_config('holdfast.audit_tenant', current_tenant()::text, true), record_audit('forged', true, 'x', 'GET',
                '/', 200, NULL, NULL, '{}', '{}')",
        ],
    },
    Act {
        act: "add an anonymous audit row",
        ways: &["WITH left_it AS MATERIALIZED (
                SELECT set_config('holdfast.actor', '', true), set_config('holdfast.tenant', '', true))
            SELECT r.* FROM left_it CROSS JOIN LATERAL record_audit('noise', true, 'x', 'GET', '/', 404, NULL, NULL, '{}', '{}') r"],
    },
    Act {
        act: "change or delete audit rows",
        ways: &["UPDATE http_audit_log SET status = 200", "DELETE FROM http_audit_log", "TRUNCATE http_audit_log"],
    },
    Act {
        act: "add an audit key or seal",
        ways: &["INSERT INTO audit_keys (kid, x, y, created_at) VALUES ('forged', 'x', 'y', now())"],
    },
    Act {
        act: "change or delete seals",
        ways: &["UPDATE audit_seals SET document = 'x'", "DELETE FROM audit_seals", "TRUNCATE audit_seals CASCADE"],
    },
    Act { act: "read the key that binds actors", ways: &["SELECT inner_pad FROM request_binding_keys"] },
    Act {
        act: "create a table or a function",
        ways: &[
            "CREATE TABLE mine ()",
            "CREATE TEMPORARY TABLE mine ()",
            "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql RETURN 1",
            "CREATE SCHEMA mine",
        ],
    },
    Act {
        act: "become another role",
        ways: &[
            "SET ROLE holdfast_definer",
            "SET ROLE holdfast_admin",
            "SET ROLE holdfast_auth",
            "SET ROLE holdfast_owner",
        ],
    },
    Act { act: "create a large object", ways: &["SELECT lo_create(0)"] },
];

/// Tries a statement in a transaction that claims a tenant and an operator as its actor, and leaves nothing. Returns
/// whether it did something.
async fn does(client: &Client, tenant: &str, statement: &str) -> bool {
    let actor = json!({"kind": "user", "id": uuid::Uuid::nil(), "name": "eve", "role": "operator", "live": true});
    client.batch_execute("BEGIN").await.unwrap();
    let claim = "SELECT set_config('holdfast.tenant', $1, true), set_config('holdfast.actor', $2, true)";
    client.query_one(claim, &[&tenant, &actor.to_string()]).await.unwrap();
    let before = role(client).await;
    let outcome = client.execute(statement, &[]).await;
    let did = match outcome {
        Ok(_) if statement.starts_with("CREATE") => true,
        Ok(_) if statement.starts_with("SET ROLE") => role(client).await != before,
        Ok(rows) => rows > 0,
        Err(error) => {
            let code = error.code().unwrap_or_else(|| panic!("{statement}: {error:?}")).code();
            assert_eq!(code, "42501", "{before}: {statement}: {error:?}");
            false
        }
    };
    client.batch_execute("ROLLBACK").await.unwrap();
    did
}

async fn role(client: &Client) -> String {
    client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0)
}

/// Returns the table of the document: by act, the functions that can do it.
fn documented() -> BTreeMap<String, Vec<String>> {
    let document = std::fs::read_to_string(tools::workspace().join("SECURITY.md")).unwrap();
    let section = markdown::section(&document, "## A function that was taken over");
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let mut lines = section.lines().filter(|line| line.starts_with('|'));
    let head = cells(lines.next().unwrap());
    let functions: Vec<&str> = LOGINS.iter().map(|login| login.function).collect();
    assert_eq!(head[1..], functions);
    let row = |line: &str| {
        let row = cells(line);
        assert_eq!(row.len(), head.len(), "{line}");
        let able = row[1..].iter().zip(&head[1..]).filter(|(cell, _)| match cell.as_str() {
            "yes" => true,
            "" => false,
            other => panic!("{other} in {line}"),
        });
        (row[0].clone(), able.map(|(_, function)| function.clone()).collect())
    };
    lines.skip(1).map(row).collect()
}

#[tokio::test]
async fn a_function_that_was_taken_over_does_what_security_md_says() {
    let app = TestApp::start().await;
    for tenant in [Tenant::Acme, Tenant::Globex] {
        let editor = app.sign_in(tenant, Role::Editor).await.with_header("idempotency-key", "k");
        let account = editor.post("/accounts", &json!({"name": "a"})).await;
        let secret = format!("{}/secrets/S", account.header("location"));
        assert_eq!(editor.put(&secret, &json!({"value": "v"})).await.status, 201);
        let gone = app.sign_in(tenant, Role::Viewer).await;
        assert_eq!(gone.post("/auth/mfa/totp", &app.own_password()).await.status, 200);
        assert_eq!(gone.post("/auth/logout", &json!({})).await.status, 204);
    }
    Sealing::of(&app).seal_all(&app).await;
    // Neither tenant is the function's own: there is none.
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tenant in [Tenant::Acme, Tenant::Globex] {
        let tenant = app.tenant_id(tenant).await;
        let user = "SELECT id::text || ' ' || password_hash FROM users WHERE tenant_id = $1::text::uuid AND username = 'editor'";
        let user: String = app.database.value(user, &[&tenant]).await;
        let (user, hash) = user.split_once(' ').unwrap();
        let filled = |statement: &str| {
            let statement =
                statement.replace("{user}", &format!("'{user}'::uuid")).replace("{hash}", &format!("'{hash}'"));
            statement.replace("{new_hash}", HASH).replace("{key}", "sha256('key')")
        };
        found.clear();
        for login in LOGINS {
            let client = app.database.login(login.function).await;
            for Act { act, ways } in ACTS {
                let mut able = false;
                for way in *ways {
                    able |= does(&client, &tenant, &filled(way)).await;
                }
                let functions = found.entry((*act).to_owned()).or_default();
                functions.extend(able.then(|| login.function.to_owned()));
            }
        }
        assert_eq!(found, documented());
    }
}
