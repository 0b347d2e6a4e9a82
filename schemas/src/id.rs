//! Event ids: UUIDv7 for live events, UUIDv8 derived from the native record for imported ones.
//!
//! Guarantee: the same native record gets the same id wherever and whenever it is imported. Time and randomness come
//! in as values. These functions cannot fail.

use crate::digest::{IMPORT_ID_CONTEXT, fields_digest};
use uuid::Uuid;

/// Id of an imported record.
///
/// `occurrence` counts records of the same native id within a session, from 0.
#[must_use]
pub fn imported(format: &str, session: &str, native_id: &str, occurrence: u64) -> String {
    let digest = fields_digest(
        IMPORT_ID_CONTEXT,
        &[format.as_bytes(), session.as_bytes(), native_id.as_bytes(), &occurrence.to_le_bytes()],
    );
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::new_v8(bytes).hyphenated().to_string()
}

/// Id of a live event from a clock in milliseconds since 1970 and 10 random bytes (RFC 9562 version 7).
#[must_use]
pub fn live(unix_ms: u64, random: [u8; 10]) -> String {
    uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid().hyphenated().to_string()
}
