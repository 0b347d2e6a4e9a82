//! Every limit of the query side, with its unit and its reason.
//!
//! Guarantee: no question needs more memory, rows or time than these allow; what is cut is said in the answer.

use std::time::Duration;

/// Memory of one query in bytes, past which it spills to the spill directory, or fails and says so.
pub const QUERY_MEMORY_BYTES_DEFAULT: usize = 512 * 1_048_576;
/// Largest spill of all queries of a process together, in bytes.
pub const SPILL_BYTES_DEFAULT: u64 = 20 * 1_073_741_824;
/// Rows of one answer: more than anyone reads, few enough to hold.
pub const ANSWER_ROWS_DEFAULT: usize = 1_000_000;
/// Bytes of an answer that is held in memory as a whole; streams are not limited by it.
pub const ANSWER_BYTES_MAX: usize = 1_073_741_824;
/// Time of one query.
pub const QUERY_TIME_DEFAULT: Duration = Duration::from_secs(300);
/// Longest SQL text in bytes.
pub const SQL_BYTES_MAX: usize = 262_144;
/// Parquet footers and page indexes kept in memory, in bytes.
pub const METADATA_CACHE_BYTES: usize = 64 * 1_048_576;
/// Rows per batch where contents are read: a row may carry megabytes.
pub const CONTENT_BATCH_ROWS: usize = 256;
/// Largest blob that SQL loads into `contents.bytes`, in bytes; larger ones stay null there, with their name in `blob`.
pub const BLOB_SQL_BYTES_MAX: i64 = 16 * 1_048_576;
/// Values of an IN list up to which files are pruned by it.
pub const PRUNING_VALUES_MAX: usize = 64;
/// Resolved references that one scan of `contents` keeps, in bytes.
pub const REFERENCE_CACHE_BYTES: usize = 64 * 1_048_576;
/// Ids in one look-up; more are asked in several.
pub const LOOKUP_IDS_MAX: usize = 8_192;
/// Events that no index covers, up to which they are indexed in memory for a question; more are asked by SQL.
pub const UNINDEXED_EVENTS_MAX: u64 = 400_000;
/// Events up to which the edges of a snapshot are held in memory for lineage.
pub const EDGE_CACHE_EVENTS_MAX: u64 = 2_000_000;
/// Edges up to which they are held in memory: about 150 bytes each with their ids.
pub const EDGE_CACHE_EDGES_MAX: usize = 1_000_000;
/// Characters of an id from which on a prefix may stand for it.
pub const ID_PREFIX_CHARS_MIN: usize = 8;
/// Candidates that an ambiguous reference lists.
pub const CANDIDATES_MAX: usize = 10;
/// Characters of a cell in the terminal table.
pub const TABLE_CELL_CHARS_MAX: usize = 60;
/// Characters of an excerpt beside a node of lineage.
pub const EXCERPT_CHARS_MAX: usize = 160;
/// Nodes of a trace that get an excerpt: each needs its contents.
pub const EXCERPT_NODES_MAX: usize = 250;
/// Depth of `why` and `trace` when none is given, in links: conversations are long chains; nodes and time bound more.
pub const DEPTH_DEFAULT: u32 = 1_000;
/// Nodes of `trace` when none are given.
pub const TRACE_NODES_DEFAULT: usize = 10_000;
/// Nodes of `why` when none are given: a chain that a person can read.
pub const WHY_NODES_DEFAULT: usize = 200;
/// Most nodes that may be asked for.
pub const NODES_MAX: usize = 1_000_000;
/// Time of one walk when none is given.
pub const WALK_TIME_DEFAULT: Duration = Duration::from_secs(30);
/// Ids of a frontier that are listed; the count is always given.
pub const FRONTIER_IDS_MAX: usize = 100;
/// Events that one question about a subject starts from.
pub const SUBJECT_EVENTS_MAX: usize = 100;
/// Events of one page of a transcript when none are given.
pub const PAGE_EVENTS_DEFAULT: usize = 200;
/// Most events of one page of a transcript.
pub const PAGE_EVENTS_MAX: usize = 10_000;
/// Characters of a content that a transcript shows when none are given.
pub const TRANSCRIPT_CHARS_DEFAULT: usize = 2_000;
/// Rows that are read by their places at once: each may hold megabytes.
pub const ROWS_AT_ONCE: usize = 128;
/// Hits of a search when none are given.
pub const SEARCH_HITS_DEFAULT: usize = 20;
/// Most hits of a search.
pub const SEARCH_HITS_MAX: usize = 1_000;
/// Contents that a search with a filter, or for a passage, looks at.
pub const SEARCH_LOOKED_MAX: usize = 5_000;
/// Body of an HTTP request in bytes.
pub const HTTP_BODY_BYTES_MAX: usize = 524_288;
/// HTTP questions that are answered at the same time; more are told to come back.
pub const HTTP_CONCURRENT_MAX: usize = 16;
/// Rows of an HTTP answer when the request names no limit.
pub const HTTP_ROWS_DEFAULT: usize = 1_000;
/// Most rows that an HTTP request may ask for.
pub const HTTP_ROWS_MAX: usize = 100_000;
/// Shortest time between two looks for a newer table version.
pub const REFRESH_DEFAULT: Duration = Duration::from_millis(250);

/// The limits that a caller may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of one query in bytes.
    pub memory_bytes_max: usize,
    /// Rows of one answer.
    pub rows_max: usize,
    /// Time of one query.
    pub time_max: Duration,
    /// Spilled bytes of all queries together.
    pub spill_bytes_max: u64,
    /// Partitions that a query is worked on in: the cores to use.
    pub parallel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: QUERY_MEMORY_BYTES_DEFAULT,
            rows_max: ANSWER_ROWS_DEFAULT,
            time_max: QUERY_TIME_DEFAULT,
            spill_bytes_max: SPILL_BYTES_DEFAULT,
            parallel: 2,
        }
    }
}
