//! Proof files (`.tlog-proof`): everything needed to check offline that a log holds an entry (C2SP tlog-proof@v1).
//!
//! Guarantees that a [`TlogProof`] has one spelling and that its checkpoint is kept byte for byte. A file that was only
//! parsed says nothing; [`TlogProof::verify`] checks signature, origin and inclusion together, so that size and root
//! cannot come from another place than the signed checkpoint. How an entry becomes a leaf hash is the caller's to say.
//! Fails with [`ProofFileError`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::{Hash, HashError};
use super::key::NoteVerifier;
use super::note::{NOTE_BYTES_MAX, Note, NoteError};
use super::verify::{ProofError, verify_inclusion};
use super::{INCLUSION_HASHES_MAX, decimal};

/// First line of a proof file.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most bytes of extra data, so that a file stays of the order of its checkpoint.
pub const EXTRA_BYTES_MAX: usize = 1 << 20;

/// The longest proof file in bytes: checkpoint, extra data in base64, and 64 KiB for the remaining lines.
pub const PROOF_FILE_BYTES_MAX: usize = NOTE_BYTES_MAX + EXTRA_BYTES_MAX / 3 * 4 + (1 << 16);

/// A leaf's place in a log, its inclusion path, and the signed checkpoint that the path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: Note,
}

/// Why bytes are not a proof file, or a proof file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// The file is longer than is read.
    #[error("a proof file of {found} bytes, at most {PROOF_FILE_BYTES_MAX} are read")]
    TooLong {
        /// Bytes given.
        found: usize,
    },
    /// The file does not begin with the line of this version.
    #[error("the first line is not {HEADER}")]
    Header,
    /// The extra data are longer than is read, or not canonical base64.
    #[error("the extra data are malformed or longer than {EXTRA_BYTES_MAX} bytes")]
    Extra,
    /// There is no line `index <n>` where it must stand, or its number is not canonical.
    #[error("the index line is missing or malformed")]
    Index,
    /// A line of the inclusion path is not a hash.
    #[error("hash {position} of the inclusion path is malformed")]
    Hash {
        /// Place in the path, from 0.
        position: usize,
        /// What is wrong with it.
        source: HashError,
    },
    /// The path is longer than any honest one.
    #[error("the inclusion path has {found} hashes, at most {INCLUSION_HASHES_MAX} are possible")]
    PathTooLong {
        /// Hashes seen.
        found: usize,
    },
    /// There is no blank line after the path.
    #[error("no blank line stands before the checkpoint")]
    NoCheckpoint,
    /// The checkpoint is not a well-formed note.
    #[error("the checkpoint in the proof file is malformed")]
    Note(#[source] NoteError),
    /// The checkpoint is not signed by the key, or of another log.
    #[error("the checkpoint in the proof file is not believed")]
    Checkpoint(#[source] CheckpointError),
    /// The inclusion path does not lead from the leaf to the checkpoint's root.
    #[error("the entry is not proven to be in the log")]
    Inclusion(#[source] ProofError),
}

impl TlogProof {
    /// Joins the parts of a proof.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: Note) -> Result<Self, ProofFileError> {
        check_path(path.len())?;
        Ok(Self { extra: None, index, path, checkpoint })
    }

    /// Adds extra data, which nothing authenticates.
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Self, ProofFileError> {
        if extra.len() > EXTRA_BYTES_MAX {
            return Err(ProofFileError::Extra);
        }
        self.extra = Some(extra);
        Ok(self)
    }

    /// Reads a proof file.
    pub fn parse(file: &[u8]) -> Result<Self, ProofFileError> {
        if file.len() > PROOF_FILE_BYTES_MAX {
            return Err(ProofFileError::TooLong { found: file.len() });
        }
        let mut rest = file;
        if next_line(&mut rest) != Some(HEADER) {
            return Err(ProofFileError::Header);
        }
        let mut line = next_line(&mut rest);
        let extra = line.and_then(|l| l.strip_prefix("extra ")).map(read_extra);
        if extra.is_some() {
            line = next_line(&mut rest);
        }
        let index =
            line.and_then(|l| l.strip_prefix("index ")).and_then(decimal::parse).ok_or(ProofFileError::Index)?;
        let path = read_path(&mut rest)?;
        Ok(Self {
            extra: extra.transpose()?,
            index,
            path,
            checkpoint: Note::parse(rest).map_err(ProofFileError::Note)?,
        })
    }

    /// Verifies that the log `origin`, in a checkpoint signed by the key, holds the leaf at this proof's index.
    /// Returns that checkpoint.
    pub fn verify(&self, leaf: Hash, verifier: &NoteVerifier, origin: &str) -> Result<Checkpoint, ProofFileError> {
        let note = self.checkpoint.to_bytes();
        let checkpoint = Checkpoint::open(&note, verifier, origin).map_err(ProofFileError::Checkpoint)?;
        verify_inclusion(self.index, checkpoint.size, leaf, &self.path, checkpoint.root)
            .map_err(ProofFileError::Inclusion)?;
        Ok(checkpoint)
    }

    /// Writes the file; [`TlogProof::parse`] reads it back.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Extra data, **which no signature covers**.
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Index of the leaf.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The inclusion path, the leaf's sibling first.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// The signed checkpoint, unverified.
    pub const fn checkpoint(&self) -> &Note {
        &self.checkpoint
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Takes one line off the front; `None` when no line feed is left or the line is not UTF-8.
fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|b| *b == b'\n')?;
    let (line, after) = rest.split_at(end);
    *rest = &after[1..];
    std::str::from_utf8(line).ok()
}

fn read_extra(encoded: &str) -> Result<Vec<u8>, ProofFileError> {
    let extra = STANDARD.decode(encoded).map_err(|_| ProofFileError::Extra)?;
    if extra.len() > EXTRA_BYTES_MAX {
        return Err(ProofFileError::Extra);
    }
    Ok(extra)
}

/// Reads hashes up to and including the blank line.
fn read_path(rest: &mut &[u8]) -> Result<Vec<Hash>, ProofFileError> {
    let mut path = Vec::new();
    loop {
        let line = next_line(rest).ok_or(ProofFileError::NoCheckpoint)?;
        if line.is_empty() {
            return Ok(path);
        }
        let position = path.len();
        check_path(position + 1)?;
        let hash = Hash::from_base64(line).map_err(|source| ProofFileError::Hash { position, source })?;
        path.push(hash);
    }
}

fn check_path(found: usize) -> Result<(), ProofFileError> {
    if found > INCLUSION_HASHES_MAX {
        return Err(ProofFileError::PathTooLong { found });
    }
    Ok(())
}
