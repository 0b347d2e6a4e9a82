//! Proofs at their limits: tampered, impossible, from the largest trees, and from missing or damaged tiles.

use std::collections::HashMap;

use schemas::tlog::{
    CONSISTENCY_HASHES_MAX, CompactRange, EMPTY_ROOT, Hash, HashReader, INCLUSION_HASHES_MAX, LeafReader,
    MissingSubtree, ProofError, ProveError, RangeError, SIZE_MAX, TileId, TileReadError, TileReader, consistency_proof,
    consistency_tiles, inclusion_proof, inclusion_tiles, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};

use crate::tlog::{fetch, flip, leaves, root, tiles};

#[test]
fn tampered_inclusion_is_rejected() {
    let all = leaves(24);
    for size in 1..=all.len() {
        let (root, of) = (root(&all[..size]), size as u64);
        for index in 0..of {
            let leaf = all[index as usize];
            let path = inclusion_proof(index, of, &LeafReader(&all)).unwrap();
            let check = |i, leaf, path: &[Hash], root| verify_inclusion(i, of, leaf, path, root).is_err();
            for bit in 0..256 {
                assert!(check(index, flip(leaf, bit), &path, root));
                assert!(check(index, leaf, &path, flip(root, bit)));
                for place in 0..path.len() {
                    let mut bad = path.clone();
                    bad[place] = flip(bad[place], bit);
                    assert!(check(index, leaf, &bad, root));
                }
            }
            assert!((0..64).map(|bit| index ^ (1 << bit)).all(|i| check(i, leaf, &path, root)));
            assert!((0..of + 3).filter(|i| *i != index).all(|i| check(i, leaf, &path, root)));
            assert!((0..path.len()).all(|n| check(index, leaf, &path[..n], root)));
            assert!(check(index, leaf, &[path.as_slice(), &[leaf]].concat(), root));
            assert!(check(index, leaf, &[&[leaf], path.as_slice()].concat(), root));
        }
    }
}

#[test]
fn tampered_consistency_is_rejected() {
    let all = leaves(20);
    for new in 2..=all.len() {
        for old in 1..new {
            let (old_root, new_root) = (root(&all[..old]), root(&all[..new]));
            let (from, to) = (old as u64, new as u64);
            let proof = consistency_proof(from, to, &LeafReader(&all)).unwrap();
            let check = |a, proof: &[Hash], b| verify_consistency(from, a, to, b, proof).is_err();
            for bit in 0..256 {
                assert!(check(flip(old_root, bit), &proof, new_root));
                assert!(check(old_root, &proof, flip(new_root, bit)));
                for place in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[place] = flip(bad[place], bit);
                    assert!(check(old_root, &bad, new_root));
                }
            }
            assert!((0..proof.len()).all(|n| check(old_root, &proof[..n], new_root)));
            assert!(check(old_root, &[proof.as_slice(), &[new_root]].concat(), new_root));
            assert!(check(new_root, &proof, old_root));
            assert!(verify_consistency(to, new_root, from, old_root, &proof).is_err());
        }
    }
}

#[test]
fn impossible_arguments_are_named() {
    let all = leaves(3);
    let reader = LeafReader(&all);
    let path = vec![all[0]; INCLUSION_HASHES_MAX + 1];
    assert_eq!(inclusion_proof(3, 3, &reader), Err(ProveError::IndexOutOfRange { index: 3, size: 3 }));
    assert_eq!(consistency_proof(4, 3, &reader), Err(ProveError::OldLargerThanNew { old: 4, new: 3 }));
    assert_eq!(inclusion_proof(0, 8, &reader), Err(ProveError::Read(MissingSubtree { level: 2, index: 1 })));
    assert_eq!(verify_inclusion(0, 0, all[0], &[], all[0]), Err(ProofError::IndexOutOfRange { index: 0, size: 0 }));
    assert_eq!(verify_inclusion(0, 3, all[0], &path, all[0]), Err(ProofError::TooLong { found: 65, max: 64 }));
    let long = vec![all[0]; CONSISTENCY_HASHES_MAX + 1];
    assert_eq!(verify_consistency(1, all[0], 3, all[0], &long), Err(ProofError::TooLong { found: 129, max: 128 }));
    assert!(verify_consistency(0, all[0], 3, all[0], &[]).is_err());
    assert!(verify_consistency(0, EMPTY_ROOT, 0, all[0], &[]).is_err());
    assert!(verify_consistency(0, EMPTY_ROOT, 3, root(&all), &[]).is_ok());
    assert_eq!(verify_consistency(3, root(&all), 3, root(&all), &[all[0]]), Err(ProofError::Shape { found: 1 }));
    assert_eq!(CompactRange::from_parts(3, vec![all[0]]), Err(RangeError::Count { size: 3, expected: 2, found: 1 }));
    assert_eq!(CompactRange::from_parts(u64::MAX, Vec::new()), Err(RangeError::Size { size: u64::MAX }));
}

/// A tree of any size whose leaves are all the same, so that a subtree's hash follows from its level.
struct Uniform(Vec<Hash>);

impl Uniform {
    fn new() -> Self {
        let mut levels = vec![leaf_hash(b"")];
        for level in 0..63 {
            levels.push(node_hash(&levels[level], &levels[level]));
        }
        Self(levels)
    }

    fn range(&self, size: u64) -> CompactRange {
        let set = (0..64).rev().filter(|level| size >> level & 1 == 1);
        CompactRange::from_parts(size, set.map(|level| self.0[level]).collect()).unwrap()
    }
}

impl HashReader for Uniform {
    type Error = MissingSubtree;

    fn subtree(&self, level: u8, _: u64) -> Result<Hash, MissingSubtree> {
        Ok(self.0[usize::from(level)])
    }
}

#[test]
fn largest_trees_have_bounded_proofs() {
    let tree = Uniform::new();
    let sizes = [1 << 32, (1 << 40) + 1, (1 << 62) - 1, 1 << 62, SIZE_MAX - 1, SIZE_MAX];
    for size in sizes {
        let root = tree.range(size).root();
        for index in [0, 1, size / 3, size / 2, size - 2, size - 1] {
            let path = inclusion_proof(index, size, &tree).unwrap();
            assert!(path.len() <= 63);
            verify_inclusion(index, size, tree.0[0], &path, root).unwrap();
            assert!(inclusion_tiles(index, size).len() <= 16);
        }
        for old in [1, 2, 3, size / 3, size / 2, size - 1] {
            let proof = consistency_proof(old, size, &tree).unwrap();
            assert!(proof.len() <= 64);
            verify_consistency(old, tree.range(old).root(), size, root, &proof).unwrap();
            assert!(consistency_tiles(old, size).len() <= 24);
        }
    }
    let mut full = tree.range(SIZE_MAX);
    full.append(tree.0[0]);
    assert_eq!(full.hashes(), [tree.0[63]]);
}

#[test]
fn tiles_needed_are_exactly_those_named() {
    let all = leaves(70_000);
    let tiles = tiles(&all);
    for (index, size) in [(0, 1), (255, 256), (256, 257), (65_535, 65_536), (1234, 70_000), (69_999, 70_000)] {
        let tree = &all[..size];
        let held = if size == 70_000 { tiles.clone() } else { self::tiles(tree) };
        let named: HashMap<_, _> =
            inclusion_tiles(index, size as u64).into_iter().map(|tile| (tile, held[&tile].clone())).collect();
        let path = inclusion_proof(index, size as u64, &TileReader::new(size as u64, fetch(&named))).unwrap();
        verify_inclusion(index, size as u64, all[index as usize], &path, root(tree)).unwrap();
    }
    for (old, new) in [(1, 70_000), (256, 70_000), (65_537, 70_000), (69_999, 70_000)] {
        let named: HashMap<_, _> =
            consistency_tiles(old, new).into_iter().map(|tile| (tile, tiles[&tile].clone())).collect();
        let proof = consistency_proof(old, new, &TileReader::new(new, fetch(&named))).unwrap();
        verify_consistency(old, root(&all[..old as usize]), new, root(&all), &proof).unwrap();
    }
}

#[test]
fn damaged_tiles_are_refused_or_give_a_wrong_proof() {
    let all = leaves(300);
    let good = tiles(&all);
    let path_from = |tiles: &HashMap<TileId, Vec<u8>>| inclusion_proof(7, 300, &TileReader::new(300, fetch(tiles)));
    for tile in inclusion_tiles(7, 300) {
        let (mut missing, mut short, mut flipped) = (good.clone(), good.clone(), good.clone());
        missing.remove(&tile);
        assert_eq!(path_from(&missing), Err(ProveError::Read(TileReadError::Fetch { tile, source: tile })));
        short.get_mut(&tile).unwrap().pop();
        assert!(matches!(path_from(&short), Err(ProveError::Read(TileReadError::Length { .. }))));
        flipped.get_mut(&tile).unwrap().iter_mut().for_each(|byte| *byte ^= 1);
        assert!(verify_inclusion(7, 300, all[7], &path_from(&flipped).unwrap(), root(&all)).is_err());
    }
}
