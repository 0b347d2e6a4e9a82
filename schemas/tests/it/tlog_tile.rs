//! Tiles: names, bundles, and the tiles of growing logs, against the specification's own figures and another
//! implementation.

use std::collections::HashMap;

use proptest::prelude::*;
use schemas::tlog::{
    BuilderError, BundleError, BundleId, CompactRange, Hash, TileBuilder, TileId, bundles_to_write, decode_bundle,
    encode_bundle, node_hash, right_edge, tiles_to_write,
};

use crate::tlog::{AzulTree, leaves, root};

fn tile(level: u8, index: u64, width: u16) -> TileId {
    TileId::new(level, index, width).unwrap()
}

#[test]
fn paths_of_the_specification() {
    let cases = [
        (tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (tile(0, 0, 256), "tile/0/000"),
        (tile(1, 1, 17), "tile/1/001.p/17"),
        (tile(0, 273, 112), "tile/0/273.p/112"),
        (tile(63, 1000, 1), "tile/63/x001/000.p/1"),
        (tile(7, u64::MAX, 255), "tile/7/x018/x446/x744/x073/x709/x551/615.p/255"),
    ];
    for (tile, path) in cases {
        assert_eq!(tile.path(), path);
        assert_eq!(TileId::parse_path(path).unwrap(), tile);
    }
    let bundle = BundleId::new(1_234_067, 9).unwrap();
    assert_eq!(bundle.path(), "tile/entries/x001/x234/067.p/9");
    assert_eq!(BundleId::parse_path(&bundle.path()).unwrap(), bundle);
}

#[test]
fn second_spellings_of_paths_are_refused() {
    let bad = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/0/000.p/+1",
        "/tile/0/000",
        "tile/0/000/",
        "tile//0/000",
        "tile/0/xx01/000",
        "tile/8/0/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/000",
        "tile/0/\u{661}\u{661}",
    ];
    for path in bad {
        assert!(TileId::parse_path(path).is_err(), "{path}");
    }
    assert!(BundleId::parse_path("tile/0/000").is_err());
    assert!(TileId::parse_path(&"x".repeat(100_000)).unwrap_err().to_string().len() < 200);
    assert!(TileId::new(64, 0, 1).is_err() && TileId::new(0, 0, 0).is_err() && TileId::new(0, 0, 257).is_err());
    assert!(BundleId::new(0, 0).is_err() && BundleId::new(0, 257).is_err());
}

#[test]
fn tiles_of_70_000_leaves() {
    let names: Vec<TileId> = tiles_to_write(0, 70_000).collect();
    let of_level = |level| names.iter().filter(move |t| t.level() == level);
    assert_eq!(of_level(0).filter(|t| t.is_full()).count(), 273);
    assert_eq!(of_level(0).next_back().unwrap().path(), "tile/0/273.p/112");
    let upper: Vec<String> = names.iter().filter(|t| t.level() > 0).map(TileId::path).collect();
    assert_eq!(upper, ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let edge: Vec<String> = right_edge(70_000).map(|t| t.path()).collect();
    assert_eq!(edge, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(right_edge(65_536).map(|t| t.path()).collect::<Vec<_>>(), ["tile/2/000.p/1"]);
    assert_eq!(right_edge(0).count(), 0);
    assert_eq!(tiles_to_write(5, 5).count() + tiles_to_write(6, 5).count(), 0);
    let bundles: Vec<String> = bundles_to_write(255, 513).map(|b| b.path()).collect();
    assert_eq!(bundles, ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]);
}

fn azul_names(old: u64, new: u64) -> Vec<(u8, u64, u16)> {
    let tiles = tlog_tiles::Tile::new_tiles(8, old, new);
    tiles.iter().map(|t| (t.level(), t.level_index(), t.width() as u16)).collect()
}

#[test]
fn names_agree_with_the_azul_crate() {
    for new in (0..1100).chain([65_535, 65_536, 65_537, 70_000, 131_072]) {
        for old in (0..=new).step_by(1 + new as usize / 97) {
            let ours: Vec<_> = tiles_to_write(old, new).map(|t| (t.level(), t.index(), t.width())).collect();
            assert_eq!(ours, azul_names(old, new), "{old} to {new}");
        }
    }
    // Azul's path has the tile height as its second part, which C2SP leaves out.
    for name in tiles_to_write(0, 70_000) {
        let theirs = tlog_tiles::Tile::new(8, name.level(), name.index(), u32::from(name.width()), false).path();
        assert_eq!(name.path(), theirs.replacen("tile/8/", "tile/", 1));
    }
}

#[test]
fn bytes_agree_with_the_azul_crate() {
    let size = 66_000;
    let azul = AzulTree::new(size);
    for (name, bytes) in TileBuilder::new().append(&leaves(size)).unwrap() {
        let theirs = tlog_tiles::Tile::new(8, name.level(), name.index(), u32::from(name.width()), false);
        assert_eq!(bytes, theirs.read_data(&azul).unwrap(), "{}", name.path());
    }
}

/// Grows a log by the given steps, restoring the builder from published tiles before each, and checks every tile.
fn grow(steps: &[usize]) -> HashMap<TileId, Vec<u8>> {
    let all = leaves(steps.iter().sum());
    let mut published: HashMap<TileId, Vec<u8>> = HashMap::new();
    let mut size = 0;
    for step in steps {
        let edge: Vec<Vec<u8>> = right_edge(size as u64).map(|t| published[&t].clone()).collect();
        let mut builder = TileBuilder::from_right_edge(size as u64, edge).unwrap();
        assert_eq!(builder.range().unwrap().root(), root(&all[..size]));
        let tiles = builder.append(&all[size..size + step]).unwrap();
        let names: Vec<TileId> = tiles.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().copied().eq(tiles_to_write(size as u64, (size + step) as u64)));
        assert!(tiles.iter().all(|(name, bytes)| bytes.len() == 32 * usize::from(name.width())));
        published.extend(tiles);
        size += step;
        assert_eq!(builder.range().unwrap(), all[..size].iter().copied().collect::<CompactRange>());
    }
    published
}

#[test]
fn growth_in_steps_gives_the_tiles_of_one_step() {
    let stepwise = grow(&[1, 0, 254, 1, 1, 255, 700, 64_324, 256, 255, 1, 4_000]);
    let size: usize = 1 + 254 + 1 + 1 + 255 + 700 + 64_324 + 256 + 255 + 1 + 4_000;
    for (name, bytes) in grow(&[size]) {
        assert_eq!(stepwise[&name], bytes, "{}", name.path());
    }
}

/// A hash of an upper level is the root of the full tile below it.
#[test]
fn upper_tiles_hash_full_tiles_only() {
    let tiles = grow(&[65_536 + 300]);
    let fold = |bytes: &[u8]| {
        let mut level: Vec<Hash> = bytes.chunks(32).map(|h| Hash::from_slice(h).unwrap()).collect();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        level[0]
    };
    let upper = &tiles[&tile(1, 0, 256)];
    for index in 0..256 {
        let below = fold(&tiles[&tile(0, index as u64, 256)]);
        assert_eq!(below.as_bytes(), &upper[32 * index..32 * index + 32]);
    }
    assert_eq!(tiles[&tile(1, 1, 1)], fold(&tiles[&tile(0, 256, 256)]).as_bytes());
    assert_eq!(tiles[&tile(2, 0, 1)], fold(upper).as_bytes());
}

#[test]
fn wrong_right_edges_are_refused() {
    let count = |found| Err(BuilderError::TileCount { size: 300, expected: 2, found });
    let (low, high) = (vec![0; 32 * 44], vec![0; 32]);
    assert_eq!(TileBuilder::from_right_edge(300, [&low]), count(1));
    assert_eq!(TileBuilder::from_right_edge(300, [&low, &high, &high]), count(3));
    assert!(matches!(
        TileBuilder::from_right_edge(300, [&high, &low]),
        Err(BuilderError::TileLength { expected: 1408, found: 32, .. })
    ));
    assert!(matches!(TileBuilder::from_right_edge(u64::MAX, [&low; 8]), Err(BuilderError::Size { size: u64::MAX })));
    assert!(TileBuilder::from_right_edge(300, [&low, &high]).is_ok());
}

#[test]
fn bundles_keep_the_limits() {
    let long = vec![7u8; 65_536];
    assert_eq!(encode_bundle([&long]), Err(BundleError::EntryTooLong { position: 0, found: 65_536 }));
    let longest = encode_bundle([&long[1..]]).unwrap();
    assert_eq!(decode_bundle(&longest, 1).unwrap(), [&long[1..]]);
    assert_eq!(encode_bundle([b""; 257]), Err(BundleError::TooManyEntries));
    assert_eq!(decode_bundle(&[0; 514], 257), Err(BundleError::TooManyEntries));
    assert_eq!(encode_bundle([b"".as_slice(), b"ab"]).unwrap(), [0, 0, 0, 2, b'a', b'b']);
    assert_eq!(decode_bundle(&[0, 2, 1], 1), Err(BundleError::Truncated { position: 0 }));
    assert_eq!(decode_bundle(&[0, 0, 0], 1), Err(BundleError::Trailing { found: 1 }));
}

proptest! {
    #[test]
    fn tile_path_round_trip(level in 0u8..64, index: u64, shift in 0u32..64, width in 1u16..=256) {
        let name = tile(level, index >> shift, width);
        prop_assert_eq!(TileId::parse_path(&name.path()).unwrap(), name);
        let bundle = BundleId::new(index >> shift, width).unwrap();
        prop_assert_eq!(BundleId::parse_path(&bundle.path()).unwrap(), bundle);
    }

    #[test]
    fn parsed_paths_are_canonical(path in "(tile/[0-9]{1,2}|tile/entries)(/x?[0-9]{2,4}){1,8}(\\.p/[0-9]{1,3})?|\\PC{0,40}") {
        if let Ok(name) = TileId::parse_path(&path) {
            prop_assert_eq!(name.path(), path.as_str());
        }
        if let Ok(name) = BundleId::parse_path(&path) {
            prop_assert_eq!(name.path(), path.as_str());
        }
    }

    #[test]
    fn bundle_round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..=256)) {
        let bundle = encode_bundle(&entries).unwrap();
        prop_assert_eq!(decode_bundle(&bundle, entries.len() as u16).unwrap(), entries);
    }

    #[test]
    fn any_bundle_that_decodes_is_what_encoding_gives(
        bytes in prop::collection::vec(0u8..4, 0..60), width in 0u16..300,
    ) {
        if let Ok(entries) = decode_bundle(&bytes, width) {
            prop_assert_eq!(encode_bundle(entries).unwrap(), bytes);
        }
    }

    #[test]
    fn growth_by_any_steps(steps in prop::collection::vec(0usize..900, 1..6)) {
        grow(&steps);
    }
}
