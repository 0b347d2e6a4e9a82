//! The BLAKE3 digests of the format, each under its own derivation context so that none can be taken for another.
//!
//! Guarantee: pure functions of their input; changing a context string is a change of format. They cannot fail.
//! Anyone can recompute them: `b3sum --derive-key '<context>'` over the same bytes.

/// Context of the digest of an event header: the entry of the event's leaf.
pub const HEADER_CONTEXT: &str = "hansard 2026-11 event header v1";
/// Context of the commitment to a content: over the salt, then the content's bytes.
pub const CONTENT_CONTEXT: &str = "hansard 2026-11 content commitment v1";
/// Context of the ids of imported events.
pub const IMPORT_ID_CONTEXT: &str = "hansard 2026-11 import id v1";
/// Context of the links of the provenance chain.
pub const CHAIN_CONTEXT: &str = "hansard 2026-11 chain link v1";
/// Context of the digest of the key registry's state.
pub const REGISTRY_CONTEXT: &str = "hansard 2026-11 registry state v1";
/// Context of the names of blobs.
pub const BLOB_CONTEXT: &str = "hansard 2026-11 blob v1";

/// Digest of the bytes of an event header: the 32-byte entry whose RFC 6962 leaf hash stands in both trees.
#[must_use]
pub fn header_digest(header: &[u8]) -> [u8; 32] {
    blake3::derive_key(HEADER_CONTEXT, header)
}

/// Salted commitment to a content: BLAKE3 derive_key over `salt || bytes`.
#[must_use]
pub fn content_commitment(salt: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(CONTENT_CONTEXT);
    hasher.update(salt).update(bytes);
    *hasher.finalize().as_bytes()
}

/// Digest over fields, each preceded by its length in 8 little-endian bytes, so that no two lists collide.
#[must_use]
pub fn fields_digest(context: &'static str, fields: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    *hasher.finalize().as_bytes()
}

/// Incremental form of [`content_commitment`], for contents that arrive in parts.
#[derive(Debug, Clone)]
pub struct ContentHasher(blake3::Hasher);

impl ContentHasher {
    /// Starts a commitment under `salt`.
    #[must_use]
    pub fn new(salt: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTENT_CONTEXT);
        hasher.update(salt);
        Self(hasher)
    }

    /// Adds bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The commitment to all that was added.
    #[must_use]
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}
