//! Every bound of the text index, with its unit. Nothing here depends on the machine.

/// Memory that a builder may hold for postings before it writes a part to its scratch folder (bytes).
pub const BUILD_MEMORY_BYTES: usize = 256 << 20;

/// The least memory that a builder accepts (bytes): an empty one takes several MB, and parts should not be tiny.
pub const BUILD_MEMORY_MIN_BYTES: usize = 16 << 20;

/// Longest stretch of one text that is one document of the index (bytes). Longer texts become several documents.
pub const DOC_BYTES: usize = 16 << 20;

/// Words repeated at the start of the next document of a long text, so that phrases across the cut are found (bytes).
pub const DOC_OVERLAP_BYTES: usize = 4 << 10;

/// Longest word that is one term (bytes); longer runs are cut into several terms in consecutive positions.
pub const WORD_BYTES: usize = 64;

/// Most parts that an identifier is split into; with more it is taken for encoded data and stays whole.
pub const WORD_PARTS: usize = 6;

/// Longest query (bytes).
pub const QUERY_BYTES: usize = 4 << 10;

/// Most terms of one query.
pub const QUERY_TERMS: usize = 64;

/// Deepest nesting of parentheses in one query.
pub const QUERY_DEPTH: usize = 16;

/// Most words that one `prefix*` may stand for in one run.
pub const PREFIX_TERMS: usize = 16_384;

/// Most words that the open end of a phrase, `"two wor"*`, may stand for in one run.
pub const PHRASE_PREFIX_TERMS: usize = 1_024;

/// Most hits of one search.
pub const TOP_K: usize = 10_000;

/// Documents looked at between two looks at the cancel flag.
pub const CANCEL_STRIDE: u32 = 4_096;

/// Runs of one search that are read at the same time.
pub const RUNS_AT_ONCE: usize = 8;

/// Size of a block, the unit of reading, checking and caching (bytes).
pub const BLOCK_BYTES: usize = 64 << 10;

/// First read of an object, from its end (bytes); holds the footer of a run of about 300 MB.
pub const TAIL_BYTES: u64 = 64 << 10;

/// Largest footer that is believed (bytes).
pub const FOOTER_BYTES: u64 = 64 << 20;

/// Most bytes that opening a run may fetch ahead (bytes).
pub const OPENING_BYTES: usize = 8 << 20;

/// Gap between two missing stretches that is read along rather than asked for apart (bytes).
pub const READ_GAP_BYTES: u64 = 64 << 10;

/// Longest passage whose altered copies are looked for (bytes of normal text).
pub const PASSAGE_BYTES: usize = 64 << 10;

/// Most fingerprints of one passage that are looked up; a longer passage is thinned evenly.
pub const PASSAGE_FINGERPRINTS: usize = 512;

/// Length of one fingerprinted stretch of normal text (bytes, rounded up to a whole character).
pub const GRAM_BYTES: usize = 8;

/// One fingerprint is kept for every stretch of this many neighbouring grams.
pub const WINNOW_GRAMS: usize = 16;

/// Fingerprints are numbers of this many bits: bounds the dictionary of a run.
pub const FINGERPRINT_BITS: u32 = 20;
