//! The privileges of the functions' logins: each function's own, the list in code in both directions, and limits that bind.

use std::collections::BTreeSet;

use holdfast_shared::db::privileges::{self, EFFECTIVE, Privilege, PrivilegeDifference};
use holdfast_shared::db::{FromRow, LOGINS, login_of};
use holdfast_tests::database::TestDatabase;

async fn differences(database: &TestDatabase) -> Vec<PrivilegeDifference> {
    let rows = database.superuser().await.query(EFFECTIVE.text(), &[]).await.unwrap();
    privileges::differences(rows.iter().map(|row| Privilege::from_row(row).unwrap()))
}

#[tokio::test]
async fn every_role_has_the_privileges_of_the_list_and_no_other() {
    let database = TestDatabase::create().await;
    let differences = differences(&database).await;
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{lines:#?}");
    // Whoever asks sees the same.
    for login in LOGINS {
        let rows = database.login(login.function).await.query(EFFECTIVE.text(), &[]).await.unwrap();
        let found = rows.iter().map(|row| Privilege::from_row(row).unwrap());
        assert_eq!(privileges::differences(found), [], "{}", login.function);
    }
}

/// A change of privileges, what it is in the words of the list, and how it is reverted.
struct Change {
    apply: &'static str,
    revert: &'static str,
    differences: &'static [&'static str],
}

const CHANGES: [Change; 9] = [
    Change {
        apply: "GRANT SELECT ON secrets TO holdfast_admin",
        revert: "REVOKE SELECT ON secrets FROM holdfast_admin",
        differences: &["unexpected: holdfast_admin SELECT on table secrets"],
    },
    Change {
        apply: "GRANT SELECT (password_hash) ON users TO holdfast_metrics",
        revert: "REVOKE SELECT (password_hash) ON users FROM holdfast_metrics",
        differences: &["unexpected: holdfast_metrics SELECT on column users.password_hash"],
    },
    Change {
        apply: "GRANT DELETE ON http_audit_log_rest TO holdfast_maintenance",
        revert: "REVOKE DELETE ON http_audit_log_rest FROM holdfast_maintenance",
        differences: &["unexpected: holdfast_maintenance DELETE on table partitions of http_audit_log"],
    },
    Change {
        apply: "REVOKE UPDATE (password_hash) ON users FROM holdfast_auth",
        revert: "GRANT UPDATE (password_hash) ON users TO holdfast_auth",
        differences: &["missing: holdfast_auth UPDATE on column users.password_hash"],
    },
    Change {
        apply: "REVOKE EXECUTE ON FUNCTION start_instance FROM holdfast_health",
        revert: "GRANT EXECUTE ON FUNCTION start_instance TO holdfast_health",
        differences: &["missing: holdfast_health EXECUTE on function start_instance"],
    },
    Change {
        apply: "SET ROLE holdfast_owner; CREATE FUNCTION reject(integer) RETURNS text LANGUAGE sql RETURN NULL;
            GRANT EXECUTE ON FUNCTION reject(integer) TO holdfast_auth; RESET ROLE",
        revert: "DROP FUNCTION reject(integer)",
        differences: &["unexpected: holdfast_auth EXECUTE on function reject"],
    },
    Change {
        apply: "CREATE SCHEMA more; GRANT CREATE ON SCHEMA more TO holdfast_accounts",
        revert: "DROP SCHEMA more",
        differences: &["unexpected: holdfast_accounts CREATE on schema more"],
    },
    Change {
        apply: "CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO holdfast_auth",
        revert: "DROP SEQUENCE numbers",
        differences: &["unexpected: holdfast_auth USAGE on sequence numbers"],
    },
    Change {
        apply: "ALTER TABLE attempts OWNER TO holdfast_backup",
        revert: "ALTER TABLE attempts OWNER TO holdfast_owner; GRANT SELECT ON attempts TO holdfast_backup",
        differences: &[
            "unexpected: holdfast_backup OWNER on table attempts",
            "missing: holdfast_backup SELECT on table attempts",
        ],
    },
];

#[tokio::test]
async fn every_kind_of_privilege_that_changes_is_a_difference() {
    let database = TestDatabase::create().await;
    let superuser = database.superuser().await;
    for Change { apply, revert, differences: expected } in CHANGES {
        superuser.batch_execute(apply).await.unwrap_or_else(|error| panic!("{apply}: {error:?}"));
        let found: Vec<String> = differences(&database).await.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{apply}");
        superuser.batch_execute(revert).await.unwrap_or_else(|error| panic!("{revert}: {error:?}"));
        assert_eq!(differences(&database).await, [], "{revert}");
    }
}

/// Attributes and memberships belong to the server, so these changes have one of their own.
#[tokio::test]
async fn attributes_memberships_and_limits_are_compared_and_set_again_by_migrate() {
    let database = TestDatabase::apart().await;
    let superuser = database.superuser().await;
    for (apply, revert, expected) in [
        (
            "ALTER ROLE holdfast_auth BYPASSRLS",
            "ALTER ROLE holdfast_auth NOBYPASSRLS",
            "unexpected: holdfast_auth BYPASSRLS on attribute",
        ),
        (
            "ALTER ROLE holdfast_definer LOGIN CONNECTION LIMIT 1",
            "ALTER ROLE holdfast_definer NOLOGIN",
            "unexpected: holdfast_definer LOGIN on attribute",
        ),
        (
            "GRANT pg_read_server_files TO holdfast_backup",
            "REVOKE pg_read_server_files FROM holdfast_backup",
            "unexpected: holdfast_backup MEMBER on role pg_read_server_files",
        ),
    ] {
        superuser.batch_execute(apply).await.unwrap();
        let found: Vec<String> = differences(&database).await.iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected], "{apply}");
        superuser.batch_execute(revert).await.unwrap();
        assert_eq!(differences(&database).await, [], "{revert}");
    }

    let take_limits =
        LOGINS.map(|login| format!("ALTER ROLE {0} CONNECTION LIMIT -1; ALTER ROLE {0} RESET ALL", login.role));
    superuser.batch_execute(&take_limits.join("; ")).await.unwrap();
    let found: BTreeSet<String> = differences(&database).await.iter().map(ToString::to_string).collect();
    let expected = LOGINS.map(|login| format!("unexpected: {} UNLIMITED CONNECTIONS on attribute", login.role)).into();
    assert_eq!(found, expected);

    let mut plan = holdfast_migrate::Plan::new(database.owner_url().into());
    plan.database_ca_file = Some(database.ca_file());
    holdfast_migrate::run(&plan, &holdfast_shared::clock::SystemClock, &holdfast_shared::rng::SystemRng).await.unwrap();
    assert_eq!(differences(&database).await, []);
    let max_connections: String = database.value("SHOW max_connections", &[]).await;
    for login in LOGINS {
        let limit: i32 = database.value("SELECT rolconnlimit FROM pg_roles WHERE rolname = $1", &[&login.role]).await;
        assert_eq!(limit, i32::from(login.connection_limit(max_connections.parse().unwrap())), "{}", login.role);
        let settings = "SELECT array_to_string(rolconfig, ' ') FROM pg_roles WHERE rolname = $1";
        let settings: String = database.value(settings, &[&login.role]).await;
        let expected = format!(
            "statement_timeout={} idle_in_transaction_session_timeout={}",
            login.statement_timeout, login.idle_in_transaction_timeout
        );
        assert_eq!(settings, expected, "{}", login.role);
    }
}

#[tokio::test]
async fn a_function_gets_no_more_connections_than_its_share() {
    let database = TestDatabase::apart().await;
    let max_connections: String = database.value("SHOW max_connections", &[]).await;
    let limit = login_of("health").unwrap().connection_limit(max_connections.parse().unwrap());
    let mut open = Vec::new();
    for _ in 0..limit {
        open.push(database.login("health").await);
    }
    let (url, authority) = (database.url_of("health").into(), database.ca_file());
    let one_more = holdfast_shared::db::connect_owner(&url, Some(&authority)).await;
    let rejected = one_more.map(drop).unwrap_err().to_string();
    assert!(rejected.contains("too many connections for role \"holdfast_health\""), "{rejected}");
    // The others are served.
    database.login("auth").await;
}
