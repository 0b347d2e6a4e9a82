//! Every limit of the format, with its unit and its reason.
//!
//! Guarantee: no reader of the format needs more memory than these allow. What is larger is refused at the door or
//! kept as a reject; nothing is cut.

/// Largest event header in bytes. A header is what stays for ever; what is large belongs into contents.
pub const HEADER_BYTES_MAX: usize = 65_536;
/// Most contents that one event may list.
pub const CONTENTS_PER_EVENT_MAX: usize = 1_024;
/// Most causes that one event may name.
pub const CAUSES_PER_EVENT_MAX: usize = 1_024;
/// Most events in one batch: 256 is usual; more buys no speed, because one signature is cheap by then.
pub const EVENTS_PER_BATCH_MAX: usize = 4_096;
/// Largest log record in bytes: fits Kafka's default `message.max.bytes` (1,048,588) with its framing.
pub const LOG_RECORD_BYTES_MAX: usize = 1_000_000;
/// Contents above this size in bytes travel as parts of their own.
pub const CONTENT_INLINE_BYTES_MAX: usize = 524_288;
/// Size in bytes of every content part but the last.
pub const CONTENT_PART_BYTES: usize = 524_288;
/// Contents above this size in bytes are kept as objects under `blobs/`, not in the table.
pub const CONTENT_TABLE_BYTES_MAX: usize = 1_048_576;
/// Default of the setting that limits one content, in bytes.
pub const CONTENT_BYTES_MAX_DEFAULT: u64 = 64 * 1_048_576;
/// What that setting may be at most, in bytes.
pub const CONTENT_BYTES_MAX: u64 = 1_073_741_824;
/// Longest stream name in bytes.
pub const STREAM_NAME_BYTES_MAX: usize = 256;
/// Longest partition key in bytes.
pub const PARTITION_KEY_BYTES_MAX: usize = 512;
/// Longest identifier field of a header (id, source, session, ...) in bytes.
pub const FIELD_BYTES_MAX: usize = 2_048;
/// Most partitions of a log.
pub const PARTITIONS_MAX: u32 = 1_024;
/// Bytes of a content's salt.
pub const SALT_BYTES: usize = 32;
/// Bytes of a header's nonce.
pub const NONCE_BYTES: usize = 16;
