//! Checkpoints: what must be refused, and round trips.

use proptest::prelude::*;
use schemas::tlog::note::TEXT_BYTES_MAX;
use schemas::tlog::{Checkpoint, CheckpointError, EMPTY_ROOT, Hash, SIZE_MAX, leaf_hash};

use crate::tlog_note::signer;

#[test]
fn malformed_checkpoints_are_refused() {
    let root = leaf_hash(b"").to_base64();
    assert!(Checkpoint::parse(&format!("o\n1\n{root}\n")).is_ok());
    let extended = Checkpoint::parse(&format!("o\n1\n{root}\nfirst\nsecond\n")).unwrap();
    assert_eq!(extended.extensions, ["first", "second"]);
    let empty = Checkpoint::new("o", 0, EMPTY_ROOT).unwrap();
    assert_eq!(empty.to_text(), "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    let bad = [
        String::new(),
        "\n".to_owned(),
        "o\n1\n".to_owned(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n 1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n0x1\n{root}\n"),
        format!("o\n0\n{root}\n"),
        format!("o\n{}\n{root}\n", SIZE_MAX + 1),
        format!("o\n{}0\n{root}\n", u64::MAX),
        format!("o\n1\n{}\n", &root[1..]),
        format!("o\n1\n{root}=\n"),
        format!("o\n1\n{}\n", root.replace('=', "")),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\nx\n"),
        format!("o\n1\n{root}\nx\ty\n"),
        format!("o\r\n1\n{root}\n"),
    ];
    for text in &bad {
        assert!(Checkpoint::parse(text).is_err(), "{text:?}");
    }
    let mut broken = empty;
    broken.origin = "two\nlines".to_owned();
    assert!(broken.sign(&signer("k", 1)).is_err());
    let long = "x".repeat(TEXT_BYTES_MAX);
    assert!(matches!(Checkpoint::new(&long, 1, EMPTY_ROOT), Err(CheckpointError::TooLong { .. })));
}

#[test]
fn checkpoint_of_another_log_is_refused() {
    let key = signer("k", 1);
    let note = Checkpoint::new("a", 1, leaf_hash(b"")).unwrap().sign(&key).unwrap().to_bytes();
    let refused = CheckpointError::Origin { expected: "b".to_owned(), found: "a".to_owned() };
    assert_eq!(Checkpoint::open(&note, &key.verifier(), "b"), Err(refused));
}

proptest! {
    #[test]
    fn checkpoint_round_trip(
        origin in "[^\\x00-\\x1f]{1,40}", size in 1..=SIZE_MAX, root: [u8; 32],
        extensions in prop::collection::vec("[^\\x00-\\x1f]{1,20}", 0..4),
    ) {
        let root = Hash::from_bytes(root);
        let checkpoint = Checkpoint::with_extensions(&origin, size, root, extensions).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()).unwrap(), checkpoint);
    }
}
