//! Every bound of the recorded-world server, with its unit.
//!
//! Guarantee: nothing that a client sends, and nothing that a recording holds, grows past these without a typed error
//! that names the limit.

use std::time::Duration;

/// Largest request body in bytes: a long conversation with images.
pub const REQUEST_BYTES_MAX: usize = 64 * 1_048_576;
/// Most requests that are answered at once; more get 503.
pub const CONCURRENT_REQUESTS_MAX: usize = 512;
/// Longest time for a request body to arrive, in seconds.
pub const BODY_WAIT_S: u64 = 30;
/// Longest time for a live endpoint to answer, in seconds.
pub const LIVE_WAIT_S: u64 = 600;
/// Most items (texts, calls, results) in one conversation; a request with more is an error.
pub const CONVERSATION_ITEMS_MAX: usize = 200_000;
/// Most events in one recording.
pub const RECORDED_EVENTS_MAX: usize = 2_000_000;
/// Characters of either side that a difference shows.
pub const EXCERPT_CHARS_MAX: usize = 160;
/// Characters in one piece of a streamed text.
pub const STREAM_PIECE_CHARS: usize = 256;
/// Largest line on the standard input of the MCP server, in bytes.
pub const STDIO_LINE_BYTES_MAX: usize = REQUEST_BYTES_MAX;
/// Bytes of a text that are searched for the shape of a credential; what lies behind is not searched.
pub const CREDENTIAL_SCAN_BYTES_MAX: usize = 1_048_576;

/// The bounds of a server that its caller may tighten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body in bytes.
    pub request_bytes_max: usize,
    /// Most requests at once.
    pub concurrent_requests_max: usize,
    /// Longest time for a body to arrive.
    pub body_wait: Duration,
    /// Longest time for a live endpoint to answer.
    pub live_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: REQUEST_BYTES_MAX,
            concurrent_requests_max: CONCURRENT_REQUESTS_MAX,
            body_wait: Duration::from_secs(BODY_WAIT_S),
            live_wait: Duration::from_secs(LIVE_WAIT_S),
        }
    }
}
