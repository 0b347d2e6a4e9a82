//! Trees and proofs against the published vectors of Certificate Transparency, a naive reading of RFC 6962, another
//! implementation, and every tampering that can be tried.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::prelude::*;
use schemas::tlog::{
    CompactRange, EMPTY_ROOT, Hash, HashReader, LeafReader, RangeReader, TileBuilder, TileId, TileReader,
    consistency_proof, consistency_tiles, inclusion_proof, inclusion_tiles, leaf_hash, node_hash, verify_consistency,
    verify_inclusion,
};

/// Distinct 32-byte entries, as a stream has them.
pub(crate) fn entry(index: usize) -> [u8; 32] {
    let mut entry = [0xa5; 32];
    entry[..8].copy_from_slice(&(index as u64).to_be_bytes());
    entry
}

pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&entry(i))).collect()
}

pub(crate) fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<CompactRange>().root()
}

pub(crate) fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = hash.to_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

/// RFC 6962 section 2.1 word for word; hashes of ranges are remembered.
struct Naive<'a> {
    leaves: &'a [Hash],
    known: RefCell<HashMap<(usize, usize), Hash>>,
}

impl<'a> Naive<'a> {
    fn new(leaves: &'a [Hash]) -> Self {
        Self { leaves, known: RefCell::default() }
    }

    fn split(width: usize) -> usize {
        let mut k = 1;
        while 2 * k < width {
            k *= 2;
        }
        k
    }

    fn mth(&self, start: usize, end: usize) -> Hash {
        match end - start {
            0 => EMPTY_ROOT,
            1 => self.leaves[start],
            width => {
                if let Some(hash) = self.known.borrow().get(&(start, end)) {
                    return *hash;
                }
                let middle = start + Self::split(width);
                let hash = node_hash(&self.mth(start, middle), &self.mth(middle, end));
                self.known.borrow_mut().insert((start, end), hash);
                hash
            }
        }
    }

    fn path(&self, index: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start == 1 {
            return Vec::new();
        }
        let middle = start + Self::split(end - start);
        let (mut path, sibling) = if index < middle {
            (self.path(index, start, middle), self.mth(middle, end))
        } else {
            (self.path(index, middle, end), self.mth(start, middle))
        };
        path.push(sibling);
        path
    }

    fn subproof(&self, old: usize, start: usize, end: usize, known: bool) -> Vec<Hash> {
        if old == end {
            return if known { Vec::new() } else { vec![self.mth(start, end)] };
        }
        let middle = start + Self::split(end - start);
        let (mut proof, sibling) = if old <= middle {
            (self.subproof(old, start, middle, known), self.mth(middle, end))
        } else {
            (self.subproof(old, middle, end, false), self.mth(start, middle))
        };
        proof.push(sibling);
        proof
    }
}

const CT_ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const CT_ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, size, path.
const CT_INCLUSION: [(u64, u64, &[&str]); 4] = [
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Old size, new size, proof.
const CT_CONSISTENCY: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn ct_leaves() -> Vec<Hash> {
    CT_ENTRIES.iter().map(|e| leaf_hash(&hex::decode(e).unwrap())).collect()
}

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|t| Hash::from_hex(t).unwrap()).collect()
}

#[test]
fn published_roots() {
    let leaves = ct_leaves();
    for (size, expected) in CT_ROOTS.iter().enumerate() {
        assert_eq!(root(&leaves[..size]).to_hex(), *expected, "size {size}");
    }
    assert_eq!(EMPTY_ROOT.to_hex(), CT_ROOTS[0]);
}

#[test]
fn published_inclusion_proofs() {
    let leaves = ct_leaves();
    for (index, size, path) in CT_INCLUSION {
        let path = hashes(path);
        assert_eq!(inclusion_proof(index, size, &LeafReader(&leaves)).unwrap(), path);
        let root = Hash::from_hex(CT_ROOTS[size as usize]).unwrap();
        verify_inclusion(index, size, leaves[index as usize], &path, root).unwrap();
    }
}

#[test]
fn published_consistency_proofs() {
    let leaves = ct_leaves();
    for (old, new, proof) in CT_CONSISTENCY {
        let proof = hashes(proof);
        assert_eq!(consistency_proof(old, new, &LeafReader(&leaves)).unwrap(), proof);
        let root = |size: u64| Hash::from_hex(CT_ROOTS[size as usize]).unwrap();
        verify_consistency(old, root(old), new, root(new), &proof).unwrap();
    }
}

const BRUTE_SIZES: usize = 300;

/// Tiles of a tree that grew to `size` in one step.
pub(crate) fn tiles(leaves: &[Hash]) -> HashMap<TileId, Vec<u8>> {
    TileBuilder::new().append(leaves).unwrap().into_iter().collect()
}

pub(crate) fn fetch<'a>(tiles: &'a HashMap<TileId, Vec<u8>>) -> impl Fn(TileId) -> Result<&'a [u8], TileId> {
    |tile| tiles.get(&tile).map(Vec::as_slice).ok_or(tile)
}

#[test]
fn every_root_and_inclusion_proof_up_to_300() {
    let all = leaves(BRUTE_SIZES);
    let naive = Naive::new(&all);
    for size in 0..=BRUTE_SIZES {
        let tree = &all[..size];
        let tiles = tiles(tree);
        let from_tiles = TileReader::new(size as u64, fetch(&tiles));
        let root = root(tree);
        assert_eq!(root, naive.mth(0, size));
        for index in 0..size {
            let path = naive.path(index, 0, size);
            let (at, of) = (index as u64, size as u64);
            assert_eq!(inclusion_proof(at, of, &LeafReader(tree)).unwrap(), path);
            assert_eq!(inclusion_proof(at, of, &from_tiles).unwrap(), path);
            verify_inclusion(at, of, tree[index], &path, root).unwrap();
        }
    }
}

#[test]
fn every_consistency_proof_up_to_300() {
    let all = leaves(BRUTE_SIZES);
    let naive = Naive::new(&all);
    for new in 0..=BRUTE_SIZES {
        let tiles = tiles(&all[..new]);
        let from_tiles = TileReader::new(new as u64, fetch(&tiles));
        for old in 0..=new {
            let expected = if old == 0 { Vec::new() } else { naive.subproof(old, 0, new, true) };
            let (from, to) = (old as u64, new as u64);
            assert_eq!(consistency_proof(from, to, &LeafReader(&all[..new])).unwrap(), expected);
            assert_eq!(consistency_proof(from, to, &from_tiles).unwrap(), expected);
            verify_consistency(from, naive.mth(0, old), to, naive.mth(0, new), &expected).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn range_round_trip_and_split(count in 0usize..700, cut in 0usize..700) {
        let all = leaves(count);
        let cut = cut.min(count);
        let mut range: CompactRange = all[..cut].iter().copied().collect();
        prop_assert_eq!(&CompactRange::from_bytes(cut as u64, &range.to_bytes()).unwrap(), &range);
        range.extend(all[cut..].iter().copied());
        prop_assert_eq!(range.size(), count as u64);
        prop_assert_eq!(range.root(), Naive::new(&all).mth(0, count));
    }

    /// A batch proves its own leaves from the frontier before it, without the leaves before.
    #[test]
    fn batch_and_frontier_suffice(before in 0usize..600, batch in 1usize..200) {
        let all = leaves(before + batch);
        let frontier: CompactRange = all[..before].iter().copied().collect();
        let reader = RangeReader::new(&frontier, &all[before..]);
        let size = all.len() as u64;
        for index in before as u64..size {
            let path = inclusion_proof(index, size, &reader).unwrap();
            prop_assert_eq!(&path, &inclusion_proof(index, size, &LeafReader(&all)).unwrap());
        }
        let proof = consistency_proof(before as u64, size, &reader).unwrap();
        prop_assert_eq!(proof, consistency_proof(before as u64, size, &LeafReader(&all)).unwrap());
    }

    #[test]
    fn agrees_with_the_azul_crate(count in 1usize..400, index in 0usize..400, old in 1usize..400) {
        let all = leaves(count);
        let (index, old) = ((index % count) as u64, (old % count + 1) as u64);
        let azul = AzulTree::new(count);
        let theirs = |hash: Hash| tlog_tiles::Hash(hash.to_bytes());
        let path = inclusion_proof(index, count as u64, &LeafReader(&all)).unwrap();
        let expected = tlog_tiles::prove_record(count as u64, index, &azul).unwrap();
        prop_assert_eq!(path.iter().copied().map(theirs).collect::<Vec<_>>(), expected);
        let proof = consistency_proof(old, count as u64, &LeafReader(&all)).unwrap();
        let expected = tlog_tiles::prove_tree(count as u64, old, &azul).unwrap();
        prop_assert_eq!(proof.iter().copied().map(theirs).collect::<Vec<_>>(), expected);
        let expected = tlog_tiles::tree_hash(count as u64, &azul).unwrap();
        prop_assert_eq!(theirs(root(&all)), expected);
    }

    #[test]
    fn arbitrary_input_never_panics(
        index: u64, size: u64, old: u64, level: u8,
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        count in 0usize..140,
    ) {
        let hash = leaf_hash(&bytes);
        let proof = vec![hash; count];
        prop_assert!(verify_inclusion(index, size, hash, &proof, hash).is_err() || size == 1);
        let _ = verify_consistency(old, hash, size, hash, &proof);
        let _ = (Hash::from_slice(&bytes), CompactRange::from_bytes(size, &bytes));
        let few = leaves(count);
        let _ = LeafReader(&few).subtree(level, index);
        let frontier: CompactRange = few.iter().copied().collect();
        let _ = RangeReader::new(&frontier, &proof).subtree(level, index);
        let _ = RangeReader::new(&frontier, &proof).subtree(level % 9, index % 64);
        let _ = inclusion_proof(index, size, &LeafReader(&few));
        let _ = consistency_proof(old, size, &LeafReader(&few));
        let _ = (inclusion_tiles(index, size), consistency_tiles(old, size));
        let _ = TileReader::new(size, |_| Ok::<_, ()>(&bytes)).subtree(level, index);
        let _ = TileBuilder::from_right_edge(size, [&bytes, &bytes]);
    }

    #[test]
    fn hash_text_round_trip(bytes: [u8; 32], text in "\\PC{0,70}") {
        let hash = Hash::from_bytes(bytes);
        prop_assert_eq!(Hash::from_base64(&hash.to_base64()).unwrap(), hash);
        prop_assert_eq!(Hash::from_hex(&hash.to_hex()).unwrap(), hash);
        prop_assert_eq!(Hash::from_slice(hash.as_bytes()).unwrap(), hash);
        let _ = (Hash::from_base64(&text), Hash::from_hex(&text));
    }
}

/// The stored hashes of the azul crate's tree over the same entries.
pub(crate) struct AzulTree(Vec<tlog_tiles::Hash>);

impl AzulTree {
    pub(crate) fn new(count: usize) -> Self {
        let mut tree = Self(Vec::new());
        for index in 0..count {
            let hashes = tlog_tiles::stored_hashes(index as u64, &entry(index), &tree).unwrap();
            tree.0.extend(hashes);
        }
        tree
    }
}

impl tlog_tiles::HashReader for AzulTree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
    }
}
