//! The format against vectors that another program generated.

mod ledger;
mod tampering;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use super::*;
use crate::id::TenantId;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../docs/audit-vectors.json")).unwrap()
}

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn rows_are_encoded_as_in_the_vectors() {
    for vector in vectors()["rows"].as_array().unwrap() {
        let row = export::from_json(&vector["row"]).unwrap();
        assert_eq!(HEXLOWER.encode(&row.encode()), vector["encoding"].as_str().unwrap(), "{}", vector["comment"]);
        assert_eq!(row.hash(), hash(&vector["hash"]), "{}", vector["comment"]);
        assert_eq!(export::to_json(&row), vector["row"]);
    }
}

#[test]
fn batches_and_states_are_chained_as_in_the_vectors() {
    let vectors = vectors();
    for vector in vectors["batches"].as_array().unwrap() {
        let entries = BASE64.decode(vector["entries"].as_str().unwrap().as_bytes()).unwrap();
        let root = Batch::root_of(&BatchEntry::unpack(&entries).unwrap());
        assert_eq!(root, hash(&vector["root"]));
        let previous = vector["previous_head"].as_str().map(|text| text.parse().unwrap());
        let (count, total) = (vector["count"].as_u64().unwrap(), vector["total"].as_u64().unwrap());
        assert_eq!(head(previous, root, count, total), hash(&vector["head"]));
    }
    let states = vectors["state"]["tenants"].as_array().unwrap().iter().map(|state| {
        let tenant: TenantId = serde_json::from_value(state["tenant_id"].clone()).unwrap();
        (tenant, ChainState { total: state["total"].as_u64().unwrap(), head: hash(&state["head"]) })
    });
    assert_eq!(root(&StateTree(states.collect()).leaves()), hash(&vectors["state"]["root"]));
}

#[test]
fn the_seal_of_the_vectors_verifies_and_not_with_another_key_or_byte() {
    let vector = &vectors()["seal"];
    let keys = AuditKeys::from_jwks(&vector["jwks"].to_string()).unwrap();
    let jws = vector["jws"].as_str().unwrap();
    let (seal, digest) = keys.open(jws).unwrap();
    assert_eq!(digest, hash(&vector["hash"]));
    assert_eq!(
        (seal.hash(), serde_json::from_str::<Value>(&seal.payload()).unwrap()),
        (digest, vector["payload"].clone())
    );
    let kid = vector["jwks"]["keys"][0]["kid"].as_str().unwrap();
    assert!(jws.starts_with(&seal.signing_input(kid)));

    assert_eq!(AuditKeys::default().open(jws).unwrap_err(), InvalidSeal::UnknownKey(kid.to_owned()));
    for at in 0..jws.len() {
        let mut altered = jws.as_bytes().to_vec();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        assert!(keys.open(std::str::from_utf8(&altered).unwrap()).is_err(), "byte {at}");
    }
}
