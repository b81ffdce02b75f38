//! Merkle trees as in Certificate Transparency (RFC 9162, section 2.1; the same as in RFC 6962): leaves begin with the byte
//! 0, inner nodes with 1, so that a leaf never equals a node.

use super::Hash;

/// Computes the digest of a leaf, whose data is given in parts.
pub fn leaf(parts: &[&[u8]]) -> Hash {
    let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
    all.push(&[0]);
    all.extend_from_slice(parts);
    Hash::of(&all)
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// Computes the level above: pairs joined, an odd node at the end carried up unchanged.
fn parents(level: &[Hash]) -> Vec<Hash> {
    let pair = |pair: &[Hash]| match *pair {
        [left, right] => Some(node(left, right)),
        [odd] => Some(odd),
        _ => None,
    };
    level.chunks(2).filter_map(pair).collect()
}

/// Computes the root of the tree over these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    MerkleLevels::above(leaves.to_vec()).root()
}

/// The levels of a tree, from its leaves to its root, from which inclusion proofs are read.
pub struct MerkleLevels(Vec<Vec<Hash>>);

impl MerkleLevels {
    /// Computes the levels above these leaves.
    pub fn above(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(parents(level));
        }
        Self(levels)
    }

    /// Returns the root of the tree. Without leaves it is the digest of the empty text.
    pub fn root(&self) -> Hash {
        self.0.last().and_then(|level| level.first()).copied().unwrap_or_else(|| Hash::of(&[]))
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.0.first().map_or(0, Vec::len) as u64
    }

    /// Returns the inclusion proof of the leaf at `index`: its siblings, the lowest first.
    pub fn path(&self, index: usize) -> Vec<Hash> {
        let siblings = self.0.iter().enumerate().filter_map(|(height, level)| level.get((index >> height) ^ 1));
        siblings.copied().collect()
    }
}

/// Computes the root from a leaf and its inclusion proof (RFC 9162, section 2.1.3.2); none where the proof does not fit a
/// tree of this size.
pub(super) fn root_from_proof(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut root) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if at % 2 == 1 || at == last {
            root = node(*sibling, root);
            while at % 2 == 0 && at != 0 {
                at /= 2;
                last /= 2;
            }
        } else {
            root = node(root, *sibling);
        }
        at /= 2;
        last /= 2;
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// The eight leaves that the Certificate Transparency implementations test with.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves() -> Vec<Hash> {
        LEAVES.iter().map(|hex| leaf(&[&HEXLOWER.decode(hex.as_bytes()).unwrap()])).collect()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        assert_eq!(root(&[]).to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (at, expected) in ROOTS.iter().enumerate() {
            assert_eq!(root(&leaves()[..=at]).to_string(), *expected);
        }
    }

    #[test]
    fn every_leaf_of_every_size_is_proven_and_nothing_else_is() {
        let all: Vec<Hash> = (0..70_u8).map(|byte| leaf(&[&[byte]])).collect();
        for size in 1..all.len() {
            let leaves = &all[..size];
            for index in 0..size {
                let (at, of) = (index as u64, size as u64);
                let proof = MerkleLevels::above(leaves.to_vec()).path(index);
                assert_eq!(root_from_proof(leaves[index], at, of, &proof), Some(root(leaves)), "{index} of {size}");
                assert_ne!(root_from_proof(all[69], at, of, &proof), Some(root(leaves)));
                assert_eq!(root_from_proof(leaves[index], of, of, &proof), None);
                let longer = [proof.as_slice(), &[all[0]]].concat();
                assert_ne!(root_from_proof(leaves[index], at, of, &longer), Some(root(leaves)));
                if !proof.is_empty() {
                    assert_ne!(root_from_proof(leaves[index], at, of, &proof[1..]), Some(root(leaves)));
                }
            }
        }
    }
}
