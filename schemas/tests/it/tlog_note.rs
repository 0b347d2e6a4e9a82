//! Notes and keys: the specification's vectors, what must be refused, and agreement with another
//! implementation.

use ed25519_dalek::{SigningKey, VerifyingKey};
use proptest::prelude::*;
use schemas::tlog::note::{SIGNATURES_MAX, TEXT_BYTES_MAX};
use schemas::tlog::{
    Checkpoint, KeyError, Note, NoteError, NoteSignature, NoteSigner, NoteVerifier, key_id, leaf_hash,
    verify_with_named_key, verify_with_public_key,
};

/// The key of C2SP signed-note's example.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

/// The note in the introduction of C2SP signed-note.
const NOTE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
    — quasimodo.example/salvatore \
    NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

pub(crate) fn signer(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::new(name, SigningKey::from_bytes(&[seed; 32])).unwrap()
}

fn signed(text: &str, signer: &NoteSigner) -> Vec<u8> {
    Note::sign(text.to_owned(), &[signer]).unwrap().to_bytes()
}

#[test]
fn key_of_the_specification() {
    let key = NoteVerifier::from_vkey(VKEY).unwrap();
    assert_eq!(key.name(), "example.com/foo");
    assert_eq!(key.key_id(), 0x530d903a);
    assert_eq!(key_id(key.name(), 0x01, key.public_key()), 0x530d903a);
    assert_eq!(key.to_vkey(), VKEY);
    let wrong = VKEY.replace("530d903a", "530d903b");
    assert_eq!(NoteVerifier::from_vkey(&wrong), Err(KeyError::KeyId { expected: 0x530d903a, found: 0x530d903b }));
}

#[test]
fn note_of_the_specification() {
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert!(note.text().ends_with("\n\ned è subito sera.\n"));
    assert_eq!(note.signatures()[0].name(), "quasimodo.example/salvatore");
    assert_eq!(note.signatures()[0].key_id(), 0x367ba04b);
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(note.verify(&[NoteVerifier::from_vkey(VKEY).unwrap()]), Err(NoteError::Unverified));
}

#[test]
fn malformed_keys_are_refused() {
    let good = signer("k", 1);
    let private = good.to_private_key();
    assert!(private.starts_with("PRIVATE+KEY+k+"));
    assert_eq!(NoteSigner::from_private_key(&private).unwrap().to_private_key(), private);
    assert!(!format!("{good:?}").contains(&private[20..]));
    for bad in ["", "k", "k+", "k+00000000", "k+0000000+AA==", "k+00000000+", "+00000000+AA==", "k+zzzzzzzz+AQ=="] {
        assert!(NoteVerifier::from_vkey(bad).is_err(), "{bad}");
        assert!(NoteSigner::from_private_key(&format!("PRIVATE+KEY+{bad}")).is_err(), "{bad}");
    }
    assert!(NoteSigner::from_private_key(&good.verifier().to_vkey()).is_err());
    assert_eq!(NoteVerifier::from_vkey("k+00000000+BAAA"), Err(KeyError::Type));
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\u{3000}b", "a\nb", "a\u{1}b"] {
        assert!(matches!(NoteVerifier::new(name, good.verifier().public_key()), Err(KeyError::Name { .. })));
        assert!(NoteSigner::new(name, SigningKey::from_bytes(&[1; 32])).is_err());
        assert!(NoteSignature::new(name, 1, vec![1]).is_err());
    }
    assert!(NoteSignature::new("k", 1, Vec::new()).is_err());
}

#[test]
fn weak_and_non_canonical_keys_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut order_two = [0xff; 32];
    (order_two[0], order_two[31]) = (0xec, 0x7f);
    let order_eight = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let order_eight = <[u8; 32]>::try_from(hex::decode(order_eight).unwrap()).unwrap();
    for weak in [identity, [0; 32], order_two, order_eight] {
        assert_eq!(NoteVerifier::new("k", &weak), Err(KeyError::Weak));
        assert_eq!(verify_with_named_key(b"", "k", &weak), Err(NoteError::Key(KeyError::Weak)));
        let key = VerifyingKey::from_bytes(&weak).unwrap();
        assert_eq!(verify_with_public_key(b"", &key), Err(NoteError::Key(KeyError::Weak)));
    }
    for low in 0xed..=0xff {
        let mut second_spelling = [0xff; 32];
        (second_spelling[0], second_spelling[31]) = (low, 0x7f);
        assert!(NoteVerifier::new("k", &second_spelling).is_err());
    }
}

#[test]
fn malformed_notes_are_refused() {
    let line = "— k AAAAAQE=\n";
    assert!(Note::parse(format!("t\n\n{line}").as_bytes()).is_ok());
    assert!(Note::parse(format!("\n\n{line}").as_bytes()).is_ok());
    let bad = [
        String::new(),
        line.to_owned(),
        format!("\n{line}"),
        format!("t\n{line}"),
        "t\n\n".to_owned(),
        format!("t\n\n{line}\n"),
        format!("t\n\n{}", line.trim_end()),
        format!("t\r\n\n{line}"),
        format!("t\t\n\n{line}"),
        format!("t\0\n\n{line}"),
        "t\n\n— k AAAAAQ==\n".to_owned(),
        "t\n\n— k AAAAAQE\n".to_owned(),
        "t\n\n— k AAAAAQF=\n".to_owned(),
        "t\n\n— k  AAAAAQE=\n".to_owned(),
        "t\n\n— k AAAAAQE= \n".to_owned(),
        "t\n\n—  k AAAAAQE=\n".to_owned(),
        "t\n\n- k AAAAAQE=\n".to_owned(),
        "t\n\n— k+ AAAAAQE=\n".to_owned(),
        "t\n\n— k\u{2003} AAAAAQE=\n".to_owned(),
        "t\n\n— AAAAAQE=\n".to_owned(),
        "t\n\n— k \n".to_owned(),
        "t\n\n— k AAA_AQE=\n".to_owned(),
    ];
    for note in &bad {
        assert!(Note::parse(note.as_bytes()).is_err(), "{note:?}");
        assert!(NoteVerifier::from_vkey(VKEY).unwrap().open(note.as_bytes()).is_err(), "{note:?}");
    }
    assert!(Note::parse(&[b"t\xff\n\n".as_slice(), line.as_bytes()].concat()).is_err());
    let lines = |n| format!("t\n\n{}", line.repeat(n));
    assert!(Note::parse(lines(SIGNATURES_MAX).as_bytes()).is_ok());
    assert_eq!(Note::parse(lines(101).as_bytes()), Err(NoteError::TooManySignatures { found: 101 }));
    let long = format!("{}\n", "x".repeat(TEXT_BYTES_MAX));
    assert!(matches!(Note::parse(format!("{long}\n{line}").as_bytes()), Err(NoteError::TooLong { .. })));
    let key = signer("k", 1);
    assert!(Note::sign(long[1..].to_owned(), &[&key]).is_ok());
    for text in [long.as_str(), "", "t", "t\tu\n"] {
        assert!(Note::sign(text.to_owned(), &[&key]).is_err());
    }
    assert_eq!(Note::sign("t\n".to_owned(), &[]), Err(NoteError::NoSignatures));
    let huge = NoteSignature::new("k", 1, vec![0; 2 << 20]).unwrap();
    assert!(matches!(Note::new("t\n".to_owned(), vec![huge]), Err(NoteError::TooLong { .. })));
}

#[test]
fn unknown_keys_are_ignored_and_known_ones_must_verify() {
    let (a, b, c) = (signer("a", 1), signer("b", 2), signer("a", 3));
    let both = Note::sign("t\n".to_owned(), &[&a, &b]).unwrap();
    let known = [a.verifier(), b.verifier(), c.verifier()];
    let names: Vec<&str> = both.verify(&known).unwrap().iter().map(|k| k.name()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(a.verifier().open(&both.to_bytes()), Ok("t\n"));
    assert_eq!(c.verifier().open(&both.to_bytes()), Err(NoteError::Unverified));
    assert_eq!(both.verify(&known[2..]), Err(NoteError::Unverified));
    // One wrong signature under a known key condemns the note, even beside right ones and even by the same key.
    let mut spoilt = both.clone();
    spoilt.add(NoteSignature::new("a", a.key_id(), vec![0; 64]).unwrap()).unwrap();
    let wrong = NoteError::WrongSignature { name: "a".to_owned(), key_id: a.key_id() };
    assert_eq!(spoilt.verify(&known), Err(wrong.clone()));
    assert_eq!(a.verifier().open(&spoilt.to_bytes()), Err(wrong.clone()));
    assert_eq!(b.verifier().open(&spoilt.to_bytes()), Ok("t\n"));
    let public = *a.verifier().public_key();
    assert_eq!(verify_with_named_key(&spoilt.to_bytes(), "a", &public), Err(wrong));
    assert_eq!(verify_with_named_key(&both.to_bytes(), "a", &public), Ok("t\n"));
    assert_eq!(verify_with_named_key(&both.to_bytes(), "b", &public), Err(NoteError::Unverified));
    let key = VerifyingKey::from_bytes(&public).unwrap();
    assert_eq!(verify_with_public_key(&both.to_bytes(), &key), Ok("t\n"));
    assert_eq!(verify_with_public_key(&signed("t\n", &c), &key), Err(NoteError::Unverified));
    // The name is not asked for: the same key under another name is the same key.
    assert_eq!(verify_with_public_key(&signed("t\n", &signer("other", 1)), &key), Ok("t\n"));
}

#[test]
fn every_flipped_bit_of_a_note_is_rejected() {
    let key = signer("example.com/log", 5);
    let checkpoint = Checkpoint::new("example.com/log", 7, leaf_hash(b"x")).unwrap();
    let note = checkpoint.sign(&key).unwrap().to_bytes();
    let public = VerifyingKey::from_bytes(key.verifier().public_key()).unwrap();
    assert_eq!(Checkpoint::open(&note, &key.verifier(), "example.com/log").unwrap(), checkpoint);
    for bit in 0..8 * note.len() {
        let mut bad = note.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(key.verifier().open(&bad).is_err(), "bit {bit}");
        assert!(verify_with_public_key(&bad, &public).is_err(), "bit {bit}");
        assert!(Note::parse(&bad).and_then(|n| n.verify(&[key.verifier()]).map(drop)).is_err(), "bit {bit}");
    }
}

#[test]
fn the_azul_crate_agrees() {
    use signed_note::{StandardSigner, StandardVerifier, VerifierList};
    let ours = signer("example.com/foo", 9);
    let vkey = ours.verifier().to_vkey();
    let theirs = VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())]);
    let note = signed("one\n\ntwo\n", &ours);
    let parsed = signed_note::Note::from_bytes(&note).unwrap();
    assert_eq!(parsed.verify(&theirs).unwrap().0.len(), 1);
    let mut back = signed_note::Note::new(b"one\n\ntwo\n", &[]).unwrap();
    back.add_sigs(&[&StandardSigner::new(&ours.to_private_key()).unwrap()]).unwrap();
    assert_eq!(back.to_bytes(), note);
    assert_eq!(ours.verifier().open(&back.to_bytes()), Ok("one\n\ntwo\n"));
    let text = Checkpoint::new("o", 3, leaf_hash(b"")).unwrap().to_text();
    let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap();
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("o", 3, leaf_hash(b"").to_bytes()));
}

/// Notes nearly well-formed: pieces of notes in random order, which reaches deeper than random bytes.
fn note_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("— ".to_owned()),
        Just("— k AAAAAQE=\n".to_owned()),
        Just(NOTE.to_owned()),
        Just("o\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".to_owned()),
        Just("c2sp.org/tlog-proof@v1\nindex 0\n".to_owned()),
        Just("extra AA==\n".to_owned()),
        "[a-zA-Z0-9+/=]{0,12}",
        "\\PC{0,6}",
    ];
    let text = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![3 => text, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn note_round_trip(
        text in "[^\\x00-\\x1f]{0,40}(\n[^\\x00-\\x1f]{0,10}){0,3}\n",
        seeds in prop::collection::vec(any::<u8>(), 1..5),
        extra in prop::collection::vec(any::<u8>(), 1..3000), id: u32,
    ) {
        let signers: Vec<NoteSigner> = seeds.iter().map(|s| signer(&format!("key/{s}"), *s)).collect();
        let mut note = Note::sign(text.clone(), &signers.iter().collect::<Vec<_>>()).unwrap();
        note.add(NoteSignature::new("witness.example/ü", id, extra).unwrap()).unwrap();
        let bytes = note.to_bytes();
        prop_assert_eq!(&Note::parse(&bytes).unwrap(), &note);
        let known: Vec<NoteVerifier> = signers.iter().map(NoteSigner::verifier).collect();
        prop_assert_eq!(note.verify(&known).unwrap().len(), signers.len());
        for key in &known {
            prop_assert_eq!(key.open(&bytes).unwrap(), text.as_str());
        }
    }

    #[test]
    fn key_round_trip(name in "[^\\s+\\x00-\\x1f]{1,30}", seed: [u8; 32]) {
        let key = NoteSigner::new(&name, SigningKey::from_bytes(&seed)).unwrap();
        let private = key.to_private_key();
        prop_assert_eq!(NoteSigner::from_private_key(&private).unwrap().to_private_key(), private);
        let vkey = key.verifier().to_vkey();
        prop_assert_eq!(NoteVerifier::from_vkey(&vkey).unwrap(), key.verifier());
        prop_assert!(signed_note::StandardVerifier::new(&vkey).is_ok());
    }

    #[test]
    fn what_parses_is_canonical_and_nothing_panics(bytes in note_like(), name in "\\PC{0,3}") {
        let theirs = signed_note::Note::from_bytes(&bytes);
        match Note::parse(&bytes) {
            Ok(note) => {
                prop_assert_eq!(note.to_bytes(), bytes.as_slice());
                prop_assert!(theirs.is_ok());
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        let key = signer("k", 1).verifier();
        prop_assert!(key.open(&bytes).is_err());
        prop_assert!(verify_with_named_key(&bytes, &name, key.public_key()).is_err());
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_text(), text.as_ref());
        }
        if let Ok(key) = NoteVerifier::from_vkey(&text) {
            prop_assert_eq!(key.to_vkey(), text.as_ref());
        }
        let _ = NoteSigner::from_private_key(&text);
        let _ = NoteSigner::from_private_key(&format!("PRIVATE+KEY+{text}"));
    }
}
