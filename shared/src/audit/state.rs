//! The state that a seal signs: of every tenant that ever had rows, how many and the head of its chain, in a tree by the
//! tenants' ids. One leaf of the newest seal tells a tenant's auditor how long the log must be, and nothing of others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Hash;
use super::merkle::{self, Levels};
use crate::id::TenantId;

/// Where a tenant's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// How many rows of the tenant were ever sealed.
    pub total: u64,
    /// The head of its chain.
    pub head: Hash,
}

impl State {
    /// The tenant's leaf in the state tree.
    pub fn leaf(&self, tenant: TenantId) -> Hash {
        merkle::leaf(&[tenant.0.as_bytes(), &self.total.to_be_bytes(), &self.head.0])
    }
}

/// A leaf's place in the state tree, with its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The leaf's number, from 0.
    pub index: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The inclusion proof: the leaf's siblings, the lowest first.
    pub path: Vec<Hash>,
}

impl Place {
    /// The place of the leaf at `index`.
    pub fn of(tree: &Levels, index: usize) -> Self {
        Self { index: index as u64, size: tree.size(), path: tree.path(index) }
    }

    /// The root that the tenant's state at this place leads to.
    pub(super) fn root(&self, tenant: TenantId, state: &State) -> Option<Hash> {
        merkle::root_by(state.leaf(tenant), self.index, self.size, &self.path)
    }
}

/// The states of all tenants.
#[derive(Debug, Clone, Default)]
pub struct StateTree(pub BTreeMap<TenantId, State>);

impl StateTree {
    /// The leaves, by the tenants' ids.
    pub fn leaves(&self) -> Vec<Hash> {
        self.0.iter().map(|(tenant, state)| state.leaf(*tenant)).collect()
    }

    /// Every tenant's number among the leaves.
    pub fn index(&self) -> BTreeMap<TenantId, usize> {
        self.0.keys().enumerate().map(|(index, tenant)| (*tenant, index)).collect()
    }
}
