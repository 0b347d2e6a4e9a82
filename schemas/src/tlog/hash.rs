//! The RFC 6962 tree hash: SHA-256 with a prefix byte that keeps leaves and inner nodes apart.
//!
//! Guarantees that a [`Hash`](struct@Hash) is always 32 bytes, that decoding what was encoded gives the same value, and
//! that base64, which stands in signed texts, has one spelling. Decoding fails with [`HashError`]; hashing cannot fail.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Length of a tree hash in bytes.
pub const HASH_BYTES: usize = 32;

/// Length of a tree hash in padded standard base64.
const HASH_BASE64_BYTES: usize = 44;

/// The root of the tree without leaves: SHA-256 of the empty string (RFC 6962 section 2.1).
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// A SHA-256 Merkle tree hash: of a leaf, of an inner node, or the root of a tree.
///
/// `Display` is lower-case hex; the C2SP texts use [`Hash::to_base64`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_BYTES]);

/// Why text or bytes are not a tree hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The input has the wrong length, counted in bytes of its own form.
    #[error("a tree hash takes {expected} bytes in this form, found {found}")]
    Length {
        /// Bytes that this form needs.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// The input has the right length but is not canonical padded standard base64.
    #[error("a tree hash is not canonical base64")]
    Base64,
    /// The input has the right length but is not hexadecimal.
    #[error("a tree hash is not hexadecimal")]
    Hex,
}

impl Hash {
    /// Wraps 32 bytes that are known to be a tree hash.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// Copies a hash out of a slice, which must be exactly 32 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, HashError> {
        let exact = <[u8; HASH_BYTES]>::try_from(bytes)
            .map_err(|_| HashError::Length { expected: HASH_BYTES, found: bytes.len() })?;
        Ok(Self(exact))
    }

    /// Borrows the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Copies the 32 bytes out.
    pub const fn to_bytes(self) -> [u8; HASH_BYTES] {
        self.0
    }

    /// Writes the padded standard base64 form used by checkpoints and proofs (RFC 4648 section 4).
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads the form that [`Hash::to_base64`] writes, and no other spelling of it.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        if text.len() != HASH_BASE64_BYTES {
            return Err(HashError::Length { expected: HASH_BASE64_BYTES, found: text.len() });
        }
        let bytes = STANDARD.decode(text).map_err(|_| HashError::Base64)?;
        Self::from_slice(&bytes).map_err(|_| HashError::Base64)
    }

    /// Writes 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 hex digits of either case.
    pub fn from_hex(text: &str) -> Result<Self, HashError> {
        if text.len() != 2 * HASH_BYTES {
            return Err(HashError::Length { expected: 2 * HASH_BYTES, found: text.len() });
        }
        let mut bytes = [0; HASH_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashError::Hex)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl From<[u8; HASH_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Hashes a log entry into its leaf: `SHA-256(0x00 || entry)` (RFC 6962 section 2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(entry);
    Hash(hasher.finalize().into())
}

/// Hashes two subtrees into their parent: `SHA-256(0x01 || left || right)` (RFC 6962 section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One contiguous input: 65 bytes are two SHA-256 blocks, and a single call avoids the hasher's buffering.
    let mut input = [0x01; 1 + 2 * HASH_BYTES];
    input[1..=HASH_BYTES].copy_from_slice(&left.0);
    input[1 + HASH_BYTES..].copy_from_slice(&right.0);
    Hash(Sha256::digest(input).into())
}

/// Reads a run of hashes that stand back to back, as tiles and frontiers hold them.
pub(super) fn hashes_of(bytes: &[u8]) -> Result<Vec<Hash>, HashError> {
    let (whole, rest) = bytes.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() {
        return Err(HashError::Length { expected: HASH_BYTES, found: rest.len() });
    }
    Ok(whole.iter().copied().map(Hash).collect())
}

/// Writes hashes back to back, the inverse of [`hashes_of`].
pub(super) fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
    for hash in hashes {
        bytes.extend_from_slice(&hash.0);
    }
    bytes
}
