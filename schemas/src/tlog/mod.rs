//! Transparency-log mathematics: Merkle tree hashes, frontiers, proofs, tiles, signed notes and checkpoints.
//!
//! Guarantees: everything here is pure. No function reads a file, a clock or a source of randomness, and no input,
//! however hostile, makes one panic or use memory beyond a small multiple of the input. What a type's constructor or
//! parser accepted is what the specifications allow, so values need no second check.
//!
//! Failure: each module has one error enum whose fields say what was expected and what was found.
//!
//! Left out: witness cosignatures (types 0x04 and 0x06), which are carried as unknown signatures, and pruning.
//!
//! Sources: RFC 6962 and RFC 9162 (trees and proofs); C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0,
//! tlog-tiles v0.1.0 and tlog-proof@v1 (formats), all at <https://c2sp.org>.

pub mod builder;
pub mod bundle;
pub mod checkpoint;
mod decimal;
pub mod hash;
pub mod key;
pub mod note;
pub mod proof;
pub mod proof_file;
pub mod range;
pub mod reader;
pub mod tile;
pub mod verify;

pub use builder::{BuilderError, TileBuilder, right_edge};
pub use bundle::{BundleError, BundleId, bundles_to_write, decode_bundle, encode_bundle};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use hash::{EMPTY_ROOT, HASH_BYTES, Hash, HashError, leaf_hash, node_hash};
pub use key::{KeyError, NoteSigner, NoteVerifier, key_id};
pub use note::{Note, NoteError, NoteSignature, verify_with_named_key, verify_with_public_key};
pub use proof::{ProveError, consistency_proof, consistency_tiles, inclusion_proof, inclusion_tiles};
pub use proof_file::{ProofFileError, TlogProof};
pub use range::{CompactRange, RangeError};
pub use reader::{HashReader, LeafReader, MissingSubtree, RangeReader, TileReadError, TileReader, tile_of_subtree};
pub use tile::{TILE_WIDTH, TileError, TileId, tiles_to_write};
pub use verify::{ProofError, verify_consistency, verify_inclusion};

/// The largest tree size that is handled, in leaves: 2^63 - 1, the largest that Go's `tlog` can count.
pub const SIZE_MAX: u64 = i64::MAX as u64;

/// The longest inclusion path: one hash for each level of a tree of at most 2^63 leaves, rounded up to 64.
pub const INCLUSION_HASHES_MAX: usize = 64;

/// The longest consistency proof: an inclusion path and one hash more (RFC 9162 section 2.1.4), bounded generously.
pub const CONSISTENCY_HASHES_MAX: usize = 128;
