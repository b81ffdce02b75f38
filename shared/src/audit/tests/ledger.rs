//! A log that is sealed in memory, for the tests of verification.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use uuid::Uuid;

use super::super::*;
use super::vectors;
use crate::id::TenantId;
use crate::identity::es256::{self, PublicKey};

/// Time of the first row; the others follow each second.
const START: &str = "2026-01-31T23:59:00Z";

/// A log that is sealed in memory.
pub(super) struct Ledger {
    key: EcdsaKeyPair,
    pub(super) keys: AuditKeys,
    pub(super) documents: Vec<SealDocument>,
    rows: Vec<AuditRow>,
    states: StateTree,
    position: Option<ChainPosition>,
}

pub(super) fn tenant(number: u8) -> TenantId {
    TenantId(Uuid::from_u128(u128::from(number) << 8))
}

pub(super) fn row(transaction_id: u64, tenant_id: TenantId) -> AuditRow {
    let mut row = export::from_json(&vectors()["rows"][0]["row"]).unwrap();
    row.at = START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(transaction_id.cast_signed());
    let milliseconds = u64::try_from(row.at.as_millisecond()).unwrap();
    row.id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &[tenant_id.0.as_bytes()[14]; 10]).into_uuid();
    (row.transaction_id, row.tenant_id) = (transaction_id, tenant_id);
    row
}

impl Ledger {
    fn new() -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random).unwrap();
        let keys = AuditKeys::new(PublicKey::from_point(key.public_key().as_ref()));
        let (documents, rows) = (Vec::new(), Vec::new());
        Self { key, keys, documents, rows, states: StateTree::default(), position: None }
    }

    /// Four seals: of rows of three tenants, of two, of none with a drop, and of one.
    pub(super) fn filled() -> Self {
        let mut ledger = Self::new();
        ledger.seal(
            10,
            vec![row(1, tenant(1)), row(2, tenant(2)), row(3, tenant(1)), row(4, tenant(3)), row(5, tenant(1))],
            vec![],
        );
        ledger.seal(20, vec![row(11, tenant(2)), row(12, tenant(1)), row(15, tenant(1))], vec![]);
        ledger.seal(20, vec![], vec![]);
        ledger.seal(30, vec![row(25, tenant(2))], vec![]);
        ledger
    }

    fn sign(&self, seal: &Seal) -> String {
        let public = PublicKey::from_point(self.key.public_key().as_ref()).unwrap();
        let input = seal.signing_input(&public.thumbprint());
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", BASE64URL_NOPAD.encode(&es256::low_s(signature.as_ref()).unwrap()))
    }

    pub(super) fn seal(&mut self, to: u64, rows: Vec<AuditRow>, drops: Vec<DroppedMonth>) {
        let range = TransactionRange {
            epoch: 1,
            from: self.position.as_ref().map_or(0, |position| position.to_transaction),
            to,
        };
        let at = START.parse().unwrap();
        let (seal, batches) = crate::audit::seal(
            self.position.as_ref(),
            &mut self.states,
            range,
            &rows,
            Announcements { drops, restore: None },
            at,
        );
        self.documents.push(SealDocument { seal: self.sign(&seal), batches, state: None });
        self.position = Some(ChainPosition {
            number: seal.number,
            hash: seal.hash(),
            epoch: 1,
            to_transaction: to,
            sealed_at: seal.sealed_at,
        });
        self.rows.extend(rows);
    }

    /// The seals as the route returns them to a tenant: with its own batches, and its state at the end.
    pub(super) fn of(&self, tenant_id: TenantId) -> Vec<SealDocument> {
        let mut documents = self.documents.clone();
        for document in &mut documents {
            document.batches.retain(|batch| batch.tenant_id == tenant_id);
        }
        let ChainState { total, head } = self.states.0[&tenant_id];
        let place = MerklePosition::of(&MerkleLevels::above(self.states.leaves()), self.states.index()[&tenant_id]);
        documents.last_mut().unwrap().state = Some(ProvenState { tenant_id, total, head, place });
        documents
    }

    pub(super) fn rows_of(&self, tenant_id: TenantId) -> Vec<AuditRow> {
        self.rows.iter().filter(|row| row.tenant_id == tenant_id).cloned().collect()
    }

    pub(super) fn verify(
        &self,
        documents: &[SealDocument],
        tenant_id: TenantId,
        rows: &[AuditRow],
    ) -> Result<(), String> {
        verify(&self.keys, documents, tenant_id, rows.iter().cloned().map(Ok)).map(drop).map_err(|error| match error {
            VerificationError::Fault(AuditFault { fault, seal, row: Some(row), .. }) => {
                format!("{fault:?} {seal} {row}")
            }
            VerificationError::Fault(AuditFault { fault, seal, row: None, .. }) => format!("{fault:?} {seal}"),
            VerificationError::Row(error) => error.to_string(),
        })
    }
}
