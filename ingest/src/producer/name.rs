//! Stream names: `k/<first 16 hex digits of the public key>/<suffix>`.
//!
//! Guarantee: different suffixes give different names, at most [`NAME_BYTES_MAX`] bytes long, that are valid key names
//! and origins of C2SP notes. Bytes of the suffix outside `A-Z a-z 0-9 . _ ~ / : -` are written `%XX`. A name that would
//! be longer keeps its beginning and ends in `=` and the first 32 hex digits of the suffix's BLAKE3; `=` occurs nowhere
//! else, so that no other suffix can spell the same name. It cannot fail.

use std::fmt::Write as _;

/// Longest name that is made here, in bytes; the format allows 256, the rest is left to those who prefix names.
pub const NAME_BYTES_MAX: usize = 200;
/// Hex digits of the hash at the end of a shortened name: 128 bits.
const HASH_DIGITS: usize = 32;

/// The name of the stream `suffix` of a key.
#[must_use]
pub fn stream_name(public_key: &[u8; 32], suffix: &str) -> String {
    let mut name = format!("k/{}/", hex::encode(&public_key[..8]));
    for byte in suffix.bytes() {
        if byte.is_ascii_alphanumeric() || b"._~/:-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > NAME_BYTES_MAX {
        shorten(&mut name, suffix);
    }
    name
}

fn shorten(name: &mut String, suffix: &str) {
    let mut keep = NAME_BYTES_MAX - HASH_DIGITS - 1;
    // Do not cut an escape in two.
    if let Some(percent) = name[..keep].rfind('%')
        && percent + 3 > keep
    {
        keep = percent;
    }
    name.truncate(keep);
    name.push('=');
    name.push_str(&blake3::hash(suffix.as_bytes()).to_hex()[..HASH_DIGITS]);
}

#[cfg(test)]
mod tests {
    use super::{NAME_BYTES_MAX, stream_name};
    use proptest::prelude::*;

    const KEY: [u8; 32] = [0xab; 32];

    #[test]
    fn short_names_are_readable() {
        assert_eq!(stream_name(&KEY, "claude-code/a b+ü"), "k/abababababababab/claude-code/a%20b%2B%C3%BC");
    }

    #[test]
    fn long_names_end_in_a_hash() {
        let (a, b) = (stream_name(&KEY, &"ü".repeat(300)), stream_name(&KEY, &"ü".repeat(301)));
        assert_ne!(a, b);
        for name in [a, b] {
            assert!(name.len() <= NAME_BYTES_MAX, "{name}");
            let (head, hash) = name.split_once('=').expect("hashed");
            assert_eq!(hash.len(), 32);
            assert!(head.ends_with("%BC") || head.ends_with("%C3"), "{head}");
        }
    }

    proptest! {
        #[test]
        fn any_suffix_makes_a_note_name(suffix in any::<String>()) {
            let name = stream_name(&KEY, &suffix);
            prop_assert!(name.len() <= NAME_BYTES_MAX);
            prop_assert!(name.bytes().all(|b| b.is_ascii_graphic() && b != b'+'));
        }
    }
}
