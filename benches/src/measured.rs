//! What was measured on real transcripts, as constants. No text of theirs is here.
//!
//! Source: `benches/measure/sets.py` over the developer halves of three public sets, output in
//! `benches/measure/measured.json` (zstd 1.5, `-3`): Claude Code sessions of the Entire CLI's developers (5,650 messages,
//! calls and results of 23 archives), AgentDojo (67,783 of 5,240 runs), tau-bench (8,908 of 300 runs). A record there is
//! what one live event carries: a message, an answer, the arguments of a tool call, a result.

/// Shares of the probabilities at which [`Sizes`] gives sizes.
const AT: [f64; 7] = [0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99];
/// Largest content that is generated inline, in bytes: 94 to 98 % of the records are shorter (`short_share`). What is
/// longer is rare enough to be the importer's benchmark, not this one's.
pub const CONTENT_BYTES_MAX: usize = 4_096;

/// Text of records of at most 4,096 bytes, joined in their order, over its `zstd -3`: Claude Code sessions, 5.34. The two
/// benchmarks sets give 19.3 and 9.13, because they run the same tasks thousands of times, which live traffic does not.
pub const RATIO_JOINED: f64 = 5.34;
/// The same records, each compressed alone: mean of 2.02, 1.58 and 1.69.
pub const RATIO_ALONE: f64 = 1.76;

/// Sizes in bytes of one kind's records at the quantiles 10, 25, 50, 75, 90, 95 and 99 %.
#[derive(Debug, Clone, Copy)]
pub struct Sizes(pub [usize; 7]);

impl Sizes {
    /// The size at a probability, by straight lines between the quantiles, cut at [`CONTENT_BYTES_MAX`].
    #[must_use]
    pub fn at(&self, probability: f64) -> usize {
        let (mut p, mut size) = (0.0, 2.0);
        for (next_p, next_size) in AT.into_iter().zip(self.0) {
            let next_size = next_size as f64;
            if probability < next_p {
                size += (probability - p) / (next_p - p) * (next_size - size);
                break;
            }
            (p, size) = (next_p, next_size);
        }
        (size as usize).clamp(2, CONTENT_BYTES_MAX)
    }
}

/// One set: how its sessions look.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Name of the set.
    pub name: &'static str,
    /// Mean number of records of a session.
    pub session_records: usize,
    /// Share of messages of people and systems.
    pub messages: f64,
    /// Share of model answers.
    pub answers: f64,
    /// Share of tool calls; each has its result.
    pub calls: f64,
    /// Sizes of messages.
    pub message_bytes: Sizes,
    /// Sizes of answers.
    pub answer_bytes: Sizes,
    /// Sizes of the arguments of tool calls.
    pub call_bytes: Sizes,
    /// Sizes of results.
    pub result_bytes: Sizes,
}

/// The three sets; streams take turns between them.
pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "claude-code",
        session_records: 245,
        messages: 0.045,
        answers: 0.385,
        calls: 0.285,
        message_bytes: Sizes([25, 42, 83, 194, 612, 7_640, 12_389]),
        answer_bytes: Sizes([48, 73, 126, 352, 986, 1_479, 3_083]),
        call_bytes: Sizes([81, 104, 140, 560, 1_442, 2_638, 7_864]),
        result_bytes: Sizes([61, 120, 691, 2_027, 4_742, 10_279, 25_638]),
    },
    Profile {
        name: "agentdojo",
        session_records: 13,
        messages: 0.186,
        answers: 0.176,
        calls: 0.319,
        message_bytes: Sizes([60, 115, 345, 469, 469, 532, 644]),
        answer_bytes: Sizes([79, 146, 276, 583, 939, 1_164, 1_845]),
        call_bytes: Sizes([2, 17, 32, 66, 114, 190, 352]),
        result_bytes: Sizes([4, 32, 74, 347, 840, 1_180, 2_078]),
    },
    Profile {
        name: "tau-bench",
        session_records: 30,
        messages: 0.277,
        answers: 0.219,
        calls: 0.252,
        message_bytes: Sizes([44, 60, 94, 153, 5_718, 5_718, 6_155]),
        answer_bytes: Sizes([146, 204, 278, 405, 558, 676, 1_005]),
        call_bytes: Sizes([24, 27, 31, 90, 226, 432, 883]),
        result_bytes: Sizes([2, 21, 644, 1_082, 1_478, 2_164, 3_151]),
    },
];
