//! The state that a seal signs: for every tenant that ever had rows, their number and the head of its chain, in a tree ordered
//! by the tenants' ids. One leaf of the newest seal shows a tenant's auditor how long the log must be, and nothing of others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::merkle::{self, MerkleLevels};
use super::{Hash, stored};
use crate::db::FromRow;
use crate::id::TenantId;

/// State of a tenant's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainState {
    /// Number of rows of the tenant that were ever sealed.
    pub total: u64,
    /// Head of the chain.
    pub head: Hash,
}

impl ChainState {
    /// Computes the leaf of the tenant in the state tree.
    pub fn leaf(&self, tenant: TenantId) -> Hash {
        merkle::leaf(&[tenant.0.as_bytes(), &self.total.to_be_bytes(), &self.head.0])
    }
}

/// Position of a leaf in a tree, with its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(deny_unknown_fields)]
pub struct MerklePosition {
    /// Number of the leaf, from 0.
    #[row(column = "state_index", with = "stored::number")]
    pub index: u64,
    /// Number of leaves in the tree.
    #[row(column = "state_size", with = "stored::number")]
    pub size: u64,
    /// Inclusion proof: the siblings of the leaf, the lowest first.
    #[row(column = "state_path", with = "stored::path")]
    pub path: Vec<Hash>,
}

impl MerklePosition {
    /// Returns the position of the leaf at `index`.
    pub fn of(tree: &MerkleLevels, index: usize) -> Self {
        Self { index: index as u64, size: tree.size(), path: tree.path(index) }
    }

    /// Computes the root of the state tree from the state of the tenant at this position.
    pub(super) fn root(&self, tenant: TenantId, state: &ChainState) -> Option<Hash> {
        merkle::root_from_proof(state.leaf(tenant), self.index, self.size, &self.path)
    }
}

/// States of all tenants.
#[derive(Debug, Clone, Default)]
pub struct StateTree(pub BTreeMap<TenantId, ChainState>);

impl StateTree {
    /// Returns the leaves, in the order of the tenants' ids.
    pub fn leaves(&self) -> Vec<Hash> {
        self.0.iter().map(|(tenant, state)| state.leaf(*tenant)).collect()
    }

    /// Returns the number of each tenant among the leaves.
    pub fn index(&self) -> BTreeMap<TenantId, usize> {
        self.0.keys().enumerate().map(|(index, tenant)| (*tenant, index)).collect()
    }
}
