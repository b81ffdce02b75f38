//! The table of tamperings. `docs/audit-format.md` prints it; the tests hold both equal.

use std::path::PathBuf;

/// A change by somebody who owns the database, or who reached the store of seals, and what finds it.
pub(super) struct Tampering {
    /// What is changed: a table, the store, a key.
    pub(super) what: &'static str,
    /// The change, in words.
    pub(super) change: &'static str,
    /// How a test makes it.
    pub(super) how: How,
    /// Name of the alarm with which the sealer refuses to go on; none if it goes on.
    pub(super) sealer: Option<&'static str>,
    /// Kind of the fault that `GET /admin/audit/verify` names; none if it finds nothing, for it has only the database.
    pub(super) api: Option<&'static str>,
    /// Kinds of the findings of the verifier (`holdfast audit verify --store`), in the order of their names.
    pub(super) verifier: &'static [&'static str],
}

/// How a test makes a change.
pub(super) enum How {
    /// Statements of the superuser. `ACME` stands for the tenant.
    Sql(&'static str),
    /// A change of the stored objects, given in order.
    Store(fn(&[PathBuf])),
    /// The test of this name makes it.
    Test(&'static str),
}

/// Changes what one of the tenant's rows says.
macro_rules! rewrite {
    () => {
        "UPDATE http_audit_log SET actor_name = 'viewer', action = 'account.list', method = 'GET', status = 200, changed = '{}'
          WHERE id = (SELECT id FROM http_audit_log WHERE tenant_id = ACME AND action = 'account.create'
                       ORDER BY epoch, transaction_id DESC LIMIT 1);"
    };
}

/// Removes the newest two seals, with all that refers to them.
macro_rules! forget {
    () => {
        "CREATE TEMP TABLE gone AS SELECT number FROM audit_seals ORDER BY number DESC LIMIT 2;
         DELETE FROM audit_deliveries WHERE seal_number IN (SELECT number FROM gone);
         DELETE FROM audit_batches WHERE seal_number IN (SELECT number FROM gone);
         DELETE FROM audit_seals WHERE number IN (SELECT number FROM gone);"
    };
}

fn overwrite(objects: &[PathBuf]) {
    std::fs::copy(&objects[0], objects.last().unwrap()).unwrap();
}

fn remove_newest(objects: &[PathBuf]) {
    std::fs::remove_file(objects.last().unwrap()).unwrap();
}

fn remove_older(objects: &[PathBuf]) {
    std::fs::remove_file(&objects[1]).unwrap();
}

fn change_a_batch(objects: &[PathBuf]) {
    let text = std::fs::read_to_string(&objects[1]).unwrap();
    let changed = text.replacen("\"total\":", "\"total\":1", 1);
    assert_ne!(changed, text);
    std::fs::write(&objects[1], changed).unwrap();
}

pub(super) const TAMPERINGS: &[Tampering] = &[
    Tampering {
        what: "http_audit_log",
        change: "a sealed row says something else",
        how: How::Sql(rewrite!()),
        sealer: None,
        api: Some("altered"),
        verifier: &["altered"],
    },
    Tampering {
        what: "http_audit_log",
        change: "a sealed row is deleted",
        how: How::Sql("DELETE FROM http_audit_log WHERE id = (SELECT id FROM http_audit_log WHERE tenant_id = ACME ORDER BY epoch, transaction_id LIMIT 1)"),
        sealer: None,
        api: Some("removed"),
        verifier: &["removed"],
    },
    Tampering {
        what: "http_audit_log",
        change: "a row is added between sealed ones",
        how: How::Sql(
            "INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status, transaction_id)
             SELECT '0199a1b2-c3d4-7000-8000-0000000000ff', at, request_id, tenant_id, actor_kind, action, method, path, status, transaction_id
               FROM http_audit_log WHERE tenant_id = ACME ORDER BY epoch, transaction_id LIMIT 1",
        ),
        sealer: None,
        api: Some("added"),
        verifier: &["added"],
    },
    Tampering {
        what: "http_audit_log",
        change: "a row is moved to another tenant",
        how: How::Sql(
            "UPDATE http_audit_log SET tenant_id = (SELECT id FROM tenants WHERE slug = 'globex')
              WHERE id = (SELECT id FROM http_audit_log WHERE tenant_id = ACME ORDER BY epoch, transaction_id LIMIT 1)",
        ),
        sealer: None,
        api: Some("removed"),
        verifier: &["added", "removed"],
    },
    Tampering {
        what: "http_audit_log",
        change: "two rows change places",
        how: How::Sql(
            "CREATE TEMP TABLE two AS SELECT id, transaction_id FROM http_audit_log WHERE tenant_id = ACME ORDER BY transaction_id LIMIT 2;
             UPDATE http_audit_log l SET transaction_id = (SELECT t.transaction_id FROM two t WHERE t.id <> l.id)
              WHERE id IN (SELECT id FROM two)",
        ),
        sealer: None,
        api: Some("altered"),
        verifier: &["altered"],
    },
    Tampering {
        what: "http_audit_log",
        change: "a row is added with a transaction that never comes",
        how: How::Sql(
            "INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status, transaction_id)
             VALUES ('0199a1b2-c3d4-7000-8000-0000000000ff', now(), 'x', ACME, 'anonymous', 'account.list', 'GET', '/accounts', 200, '9223372036854775807')",
        ),
        sealer: None,
        api: None,
        verifier: &["added"],
    },
    Tampering {
        what: "partitions",
        change: "a month is dropped that no seal names",
        how: How::Sql(
            "DO $$ BEGIN EXECUTE 'DROP TABLE http_audit_log_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'); END $$",
        ),
        sealer: None,
        api: Some("removed"),
        verifier: &["removed"],
    },
    Tampering {
        what: "audit_seals",
        change: "all seals are deleted, a row rewritten, and the sealer is to begin again",
        how: How::Sql(concat!("DELETE FROM audit_deliveries; DELETE FROM audit_batches; DELETE FROM audit_seals;", rewrite!())),
        sealer: Some("database_behind"),
        api: None,
        verifier: &["altered", "batches", "database_behind"],
    },
    Tampering {
        what: "audit_seals",
        change: "the newest seals are deleted, a row rewritten, and the sealer is to continue",
        how: How::Sql(concat!(forget!(), rewrite!())),
        sealer: Some("database_behind"),
        api: None,
        verifier: &["altered", "batches", "database_behind"],
    },
    Tampering {
        what: "audit_seals",
        change: "the newest seal is replaced by an older one",
        how: How::Sql("UPDATE audit_seals SET document = (SELECT document FROM audit_seals WHERE number = 1) WHERE number = (SELECT max(number) FROM audit_seals)"),
        sealer: Some("chain_changed"),
        api: Some("seal"),
        verifier: &["database_differs"],
    },
    Tampering {
        what: "audit_seals",
        change: "the newest seal's signature is changed",
        how: How::Sql("UPDATE audit_seals SET document = document || 'A' WHERE number = (SELECT max(number) FROM audit_seals)"),
        sealer: Some("invalid_seal"),
        api: Some("seal"),
        verifier: &["database_differs"],
    },
    Tampering {
        what: "audit_seals",
        change: "the columns of a seal say another span than it signs",
        how: How::Sql("UPDATE audit_seals SET to_transaction = '7' WHERE number = 1"),
        sealer: None,
        api: Some("seal"),
        verifier: &["database_differs"],
    },
    Tampering {
        what: "audit_seals",
        change: "the columns of a seal say another time than it signs",
        how: How::Sql("UPDATE audit_seals SET sealed_at = sealed_at - interval '30 days' WHERE number = 1"),
        sealer: None,
        api: None,
        verifier: &["database_differs"],
    },
    Tampering {
        what: "audit_seals",
        change: "a seal in the middle is deleted",
        how: How::Sql(
            "DELETE FROM audit_deliveries WHERE seal_number = 2; DELETE FROM audit_batches WHERE seal_number = 2; DELETE FROM audit_seals WHERE number = 2",
        ),
        sealer: None,
        api: Some("seal"),
        verifier: &["batches", "database_behind"],
    },
    Tampering {
        what: "audit_batches",
        change: "the entries of a batch change places",
        how: How::Sql("UPDATE audit_batches SET entries = substr(entries, 49) || substr(entries, 1, 48) WHERE tenant_id = ACME AND count > 1"),
        sealer: None,
        api: Some("batch"),
        verifier: &["batches"],
    },
    Tampering {
        what: "audit_batches",
        change: "the newest batch counts another number of rows",
        how: How::Sql("UPDATE audit_batches SET total = total + 1 WHERE tenant_id = ACME AND seal_number = (SELECT max(seal_number) FROM audit_batches WHERE tenant_id = ACME)"),
        sealer: Some("batches_changed"),
        api: Some("batch"),
        verifier: &["batches"],
    },
    Tampering {
        what: "audit_batches",
        change: "a tenant's newest batch is deleted with its rows",
        how: How::Sql(
            "DELETE FROM http_audit_log WHERE tenant_id = ACME AND transaction_id >= (SELECT from_transaction FROM audit_seals
                WHERE number = (SELECT max(seal_number) FROM audit_batches WHERE tenant_id = ACME));
             DELETE FROM audit_batches WHERE tenant_id = ACME AND seal_number = (SELECT max(seal_number) FROM audit_batches WHERE tenant_id = ACME)",
        ),
        sealer: Some("batches_changed"),
        api: Some("state"),
        verifier: &["batches", "removed"],
    },
    Tampering {
        what: "audit_deliveries",
        change: "no seal is recorded as stored any more: the sealer compares all of them, and records them again",
        how: How::Sql("DELETE FROM audit_deliveries"),
        sealer: None,
        api: None,
        verifier: &[],
    },
    Tampering {
        what: "audit_deliveries",
        change: "a seal that could not be stored is recorded as stored",
        how: How::Test("a_seal_that_is_only_said_to_be_stored_is_found"),
        sealer: Some("not_in_store"),
        api: None,
        verifier: &["not_in_store"],
    },
    Tampering {
        what: "audit_drops",
        change: "a row is deleted and its month recorded as dropped",
        how: How::Sql(
            "DELETE FROM http_audit_log WHERE id = (SELECT id FROM http_audit_log WHERE tenant_id = ACME ORDER BY epoch, transaction_id LIMIT 1);
             INSERT INTO audit_drops VALUES ('http_audit_log_2020_01', '2020-01-01', '2100-01-01', 1, 1)",
        ),
        sealer: None,
        api: Some("removed"),
        verifier: &["drops", "removed"],
    },
    Tampering {
        what: "audit_keys",
        change: "a key is added, and a seal signed with it",
        how: How::Test("a_seal_under_a_key_that_the_database_adds_is_found"),
        sealer: Some("invalid_seal"),
        api: Some("seal"),
        verifier: &["database_differs", "unpinned_key"],
    },
    Tampering {
        what: "audit_keys",
        change: "a key is replaced by another under its name",
        how: How::Sql("UPDATE audit_keys SET x = y, y = x"),
        sealer: Some("invalid_seal"),
        api: Some("seal"),
        verifier: &["stored_object", "unpinned_key"],
    },
    Tampering {
        what: "audit_keys",
        change: "the keys are deleted",
        how: How::Sql("ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_kid_fkey; DELETE FROM audit_keys"),
        sealer: Some("invalid_seal"),
        api: Some("seal"),
        verifier: &["stored_object"],
    },
    Tampering {
        what: "epochs",
        change: "the newest seals are deleted, a row rewritten, and an epoch begun, so that objects get new names",
        how: How::Sql(concat!(forget!(), rewrite!(), "SET ROLE holdfast_owner; SELECT begin_audit_epoch(); RESET ROLE;")),
        sealer: Some("database_behind"),
        api: None,
        verifier: &["altered", "batches", "database_behind"],
    },
    Tampering {
        what: "epochs",
        change: "sealed rows are moved into an epoch to come",
        how: How::Sql("UPDATE http_audit_log SET epoch = 2 WHERE tenant_id = ACME"),
        sealer: None,
        api: Some("removed"),
        verifier: &["added", "removed"],
    },
    Tampering {
        what: "restored backup",
        change: "an older state of the database takes the place of the present one",
        how: How::Sql(concat!(
            "DELETE FROM http_audit_log WHERE transaction_id >= (SELECT from_transaction FROM audit_seals ORDER BY number DESC LIMIT 1 OFFSET 1);",
            forget!()
        )),
        sealer: Some("database_behind"),
        api: None,
        verifier: &["batches", "database_behind", "removed"],
    },
    Tampering {
        what: "clock",
        change: "rows that are said to be months old are sealed today",
        how: How::Sql(
            "INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, action, method, path, status)
             SELECT gen_random_uuid(), now() - interval '60 days', 'x', ACME, 'anonymous', 'account.list', 'GET', '/accounts', 200",
        ),
        sealer: None,
        api: None,
        verifier: &["clock"],
    },
    Tampering {
        what: "clock",
        change: "the sealer's clock is set back",
        how: How::Test("a_sealer_whose_clock_was_set_back_is_found"),
        sealer: None,
        api: None,
        verifier: &["clock"],
    },
    Tampering {
        what: "store",
        change: "the newest object is overwritten",
        how: How::Store(overwrite),
        sealer: Some("stored_otherwise"),
        api: None,
        verifier: &["stored_object"],
    },
    Tampering {
        what: "store",
        change: "the newest object is removed",
        how: How::Store(remove_newest),
        sealer: Some("not_in_store"),
        api: None,
        verifier: &["not_in_store"],
    },
    Tampering {
        what: "store",
        change: "an older object is removed",
        how: How::Store(remove_older),
        sealer: None,
        api: None,
        verifier: &["broken_chain"],
    },
    Tampering {
        what: "store",
        change: "a batch in an older object is changed",
        how: How::Store(change_a_batch),
        sealer: None,
        api: None,
        verifier: &["broken_chain", "stored_object"],
    },
    Tampering {
        what: "store",
        change: "a second version of an object is written, and another is marked as deleted",
        how: How::Test("a_second_version_of_a_stored_seal_is_found"),
        sealer: None,
        api: None,
        verifier: &["versions"],
    },
    Tampering {
        what: "store",
        change: "an object of the witness is replaced",
        how: How::Test("a_witness_that_disagrees_is_found"),
        sealer: Some("stored_otherwise"),
        api: None,
        verifier: &["witness"],
    },
    Tampering {
        what: "two sealers",
        change: "two sealers sign different seals of one number: the second cannot store its own",
        how: How::Test("the_second_of_two_seals_of_one_number_is_not_stored"),
        sealer: Some("stored_otherwise"),
        api: None,
        verifier: &["database_differs"],
    },
];
