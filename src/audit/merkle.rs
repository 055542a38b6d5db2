//! The Merkle tree under a checkpoint, as in RFC 6962 (section 2.1): built as the events pass by, so that its memory
//! grows with the height of the tree and not with the events.

use sha2::{Digest, Sha256};

use event_log::row::StoredEvent;
use event_log::{Position, Sequence};

pub type Hash = [u8; 32];

/// What precedes the bytes of a leaf, so that no node can be passed off as one.
const LEAF: [u8; 1] = [0];
/// What precedes the two hashes under a node.
const NODE: [u8; 1] = [1];

/// The leaf of an event: where it lies, which event of which stream it is, and its hash, which covers all else.
pub fn leaf(position: Position, aggregate_type: &str, aggregate_id: &str, sequence: Sequence, hash: &[u8]) -> Hash {
    let mut hasher = Sha256::new_with_prefix(LEAF);
    hasher.update(position.0.to_be_bytes());
    for text in [aggregate_type, aggregate_id] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(sequence.0.to_be_bytes());
    hasher.update(hash);
    hasher.finalize().into()
}

/// The leaf of an event as it is stored.
pub fn leaf_of(event: &StoredEvent) -> Hash {
    leaf(event.position, &event.aggregate_type, &event.aggregate_id, event.sequence, &event.hash)
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix(NODE).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows at its right end.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Whole subtrees, each smaller than the one before it.
    peaks: Vec<Peak>,
    proofs: Vec<Proof>,
    leaves: u64,
}

#[derive(Clone, Debug)]
struct Peak {
    hash: Hash,
    leaves: u64,
    /// Which of the proofs are of leaves under it.
    proven: Vec<usize>,
}

/// That a leaf is in a tree: the hashes beside its way up, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Place of the leaf in its tree, from 0.
    pub index: u64,
    pub path: Vec<Hash>,
}

impl Tree {
    pub fn push(&mut self, leaf: Hash) {
        self.add(Peak { hash: leaf, leaves: 1, proven: vec![] });
    }

    /// Adds a leaf whose proof is wanted once the tree is whole.
    pub fn push_proven(&mut self, leaf: Hash) {
        self.proofs.push(Proof { index: self.leaves, path: vec![] });
        self.add(Peak { hash: leaf, leaves: 1, proven: vec![self.proofs.len() - 1] });
    }

    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    fn add(&mut self, mut right: Peak) {
        self.leaves += 1;
        while let Some(left) = self.peaks.pop_if(|left| left.leaves == right.leaves) {
            right = joined(left, right, &mut self.proofs);
        }
        self.peaks.push(right);
    }

    /// The root over the leaves so far; none where there are none.
    pub fn root(&self) -> Option<Hash> {
        let (last, before) = self.peaks.split_last()?;
        Some(before.iter().rev().fold(last.hash, |right, left| node(&left.hash, &right)))
    }

    /// The proofs that were asked for, in the order of their leaves, and the root that they lead to.
    pub fn into_proofs(mut self) -> Option<(Hash, Vec<Proof>)> {
        let mut right = self.peaks.pop()?;
        while let Some(left) = self.peaks.pop() {
            right = joined(left, right, &mut self.proofs);
        }
        Some((right.hash, self.proofs))
    }
}

fn joined(left: Peak, right: Peak, proofs: &mut [Proof]) -> Peak {
    for proof in &left.proven {
        proofs[*proof].path.push(right.hash);
    }
    for proof in &right.proven {
        proofs[*proof].path.push(left.hash);
    }
    let hash = node(&left.hash, &right.hash);
    let mut proven = left.proven;
    proven.extend(right.proven);
    Peak { hash, leaves: left.leaves + right.leaves, proven }
}

/// The root that a leaf leads to in a tree of so many leaves; none where the proof is of another shape (RFC 9162, 2.1.3.2).
pub fn root_of(leaf: Hash, proof: &Proof, leaves: u64) -> Option<Hash> {
    if proof.index >= leaves {
        return None;
    }
    let (mut index, mut last, mut hash) = (proof.index, leaves - 1, leaf);
    for beside in &proof.path {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            hash = node(beside, &hash);
            while index.is_multiple_of(2) && index != 0 {
                (index, last) = (index / 2, last / 2);
            }
        } else {
            hash = node(&hash, beside);
        }
        (index, last) = (index / 2, last / 2);
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|number| Sha256::digest([0, number]).into()).collect()
    }

    /// The definition of RFC 6962, word for word.
    fn defined(leaves: &[Hash]) -> Hash {
        if let [only] = leaves {
            return *only;
        }
        let split = leaves.len().next_power_of_two() / 2;
        node(&defined(&leaves[..split]), &defined(&leaves[split..]))
    }

    #[test]
    fn the_root_is_that_of_the_definition_for_every_size() {
        assert_eq!(Tree::default().root(), None);
        for size in 1..=70 {
            let leaves = leaves(size);
            let mut tree = Tree::default();
            for leaf in &leaves {
                tree.push(*leaf);
            }
            assert_eq!(tree.root(), Some(defined(&leaves)), "{size} leaves");
        }
    }

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_no_other_leaf_or_place() {
        for size in 1..=40 {
            let leaves = leaves(size);
            let mut tree = Tree::default();
            for leaf in &leaves {
                tree.push_proven(*leaf);
            }
            let (root, proofs) = tree.into_proofs().unwrap();
            assert_eq!((root, proofs.len()), (defined(&leaves), leaves.len()));
            for (leaf, proof) in leaves.iter().zip(&proofs) {
                assert_eq!(root_of(*leaf, proof, size.into()), Some(root));
                let other: Hash = Sha256::digest(b"other").into();
                assert_ne!(root_of(other, proof, size.into()), Some(root));
                for index in (0..u64::from(size) + 2).filter(|index| *index != proof.index) {
                    let moved = Proof { index, ..proof.clone() };
                    assert_ne!(root_of(*leaf, &moved, size.into()), Some(root), "{} as {index} of {size}", proof.index);
                }
                let longer = Proof { path: [proof.path.clone(), vec![other]].concat(), ..*proof };
                assert_eq!(root_of(*leaf, &longer, size.into()), None);
                if !proof.path.is_empty() {
                    let shorter = Proof { path: proof.path[1..].to_vec(), ..*proof };
                    assert_ne!(root_of(*leaf, &shorter, size.into()), Some(root));
                }
            }
        }
    }

    #[test]
    fn the_worked_example_of_the_documents_is_right() {
        let document = include_str!("../../docs/audit.md");
        let leaves = [
            leaf(Position(1), "account", "a", Sequence(1), &[0x11; 32]),
            leaf(Position(2), "account", "a", Sequence(2), &[0x22; 32]),
            leaf(Position(3), "notice", "b", Sequence(1), &[0x33; 32]),
        ];
        for hash in leaves.iter().chain([&node(&leaves[0], &leaves[1]), &defined(&leaves)]) {
            assert!(document.contains(&hex::encode(hash)), "{}", hex::encode(hash));
        }
    }

    #[test]
    fn only_the_proofs_that_were_asked_for_are_made() {
        let leaves = leaves(11);
        let mut tree = Tree::default();
        for (index, leaf) in leaves.iter().enumerate() {
            if [2, 10].contains(&index) { tree.push_proven(*leaf) } else { tree.push(*leaf) }
        }
        let (root, proofs) = tree.into_proofs().unwrap();
        assert_eq!(proofs.iter().map(|proof| proof.index).collect::<Vec<_>>(), [2, 10]);
        for proof in &proofs {
            let leaf = leaves[usize::try_from(proof.index).unwrap()];
            assert_eq!(root_of(leaf, proof, 11), Some(root));
        }
    }
}
