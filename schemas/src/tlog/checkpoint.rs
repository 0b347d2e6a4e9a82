//! Checkpoints: the text by which a log states its size and root (C2SP tlog-checkpoint v1.0.0).
//!
//! Guarantees that a [`Checkpoint`] that was parsed or constructed has one spelling, so that what was parsed is written back byte for byte, and that
//! the empty tree has the empty root. Extension lines are kept, never interpreted. A checkpoint that was only parsed
//! says nothing; [`Checkpoint::open`] verifies. Fails with [`CheckpointError`].

use std::fmt;

use super::SIZE_MAX;
use super::decimal;
use super::hash::{EMPTY_ROOT, Hash, HashError};
use super::key::{NoteSigner, NoteVerifier};
use super::note::{Note, NoteError, TEXT_BYTES_MAX};

/// A log's statement of its size and root.
///
/// The constructors check it, and [`Checkpoint::sign`] checks it again, so that a field set afterwards cannot lead to a
/// malformed text being signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The log's name: one line, not empty.
    pub origin: String,
    /// Number of leaves, at most [`SIZE_MAX`].
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
    /// Lines below the root, opaque, none empty.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint, or a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is longer than is read.
    #[error("a checkpoint of {found} bytes, at most {TEXT_BYTES_MAX} are read")]
    TooLong {
        /// Bytes given.
        found: usize,
    },
    /// The text is not three or more lines, each ended by a line feed.
    #[error("a checkpoint has at least three complete lines")]
    Lines,
    /// The origin or an extension line is empty or holds a control character.
    #[error("line {line} of the checkpoint is empty or holds a control character")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// The size is not a canonical decimal number of at most [`SIZE_MAX`].
    #[error("the checkpoint's size is not a canonical number of at most {SIZE_MAX}")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("the checkpoint's root is malformed")]
    Root(#[source] HashError),
    /// The size is 0 but the root is not that of the empty tree.
    #[error("the empty tree cannot have root {root}")]
    EmptyRoot {
        /// The root that was given.
        root: Hash,
    },
    /// The note around the checkpoint is malformed or not signed by the key.
    #[error("the checkpoint is not validly signed")]
    Note(#[source] NoteError),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of log {found:?}, expected {expected:?}")]
    Origin {
        /// Origin that was asked for.
        expected: String,
        /// Origin in the checkpoint.
        found: String,
    },
}

impl Checkpoint {
    /// Checks the parts of a checkpoint without extension lines.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        Self::with_extensions(origin, size, root, Vec::new())
    }

    /// Checks the parts of a checkpoint. Extension lines are not recommended: monitors cannot audit them.
    pub fn with_extensions(
        origin: &str,
        size: u64,
        root: Hash,
        extensions: Vec<String>,
    ) -> Result<Self, CheckpointError> {
        check_line(origin, 1)?;
        for (place, extension) in extensions.iter().enumerate() {
            check_line(extension, place + 4)?;
        }
        if size > SIZE_MAX {
            return Err(CheckpointError::Size);
        }
        if size == 0 && root != EMPTY_ROOT {
            return Err(CheckpointError::EmptyRoot { root });
        }
        let checkpoint = Self { origin: origin.to_owned(), size, root, extensions };
        check_length(checkpoint.to_text().len())?;
        Ok(checkpoint)
    }

    /// Reads the text of a note as a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        check_length(text.len())?;
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = body.split('\n');
        let mut next = || lines.next().ok_or(CheckpointError::Lines);
        let (origin, size, root) = (next()?, next()?, next()?);
        let size = decimal::parse(size).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).map_err(CheckpointError::Root)?;
        let extensions = lines.map(str::to_owned).collect();
        Self::with_extensions(origin, size, root, extensions)
    }

    /// Verifies a signed checkpoint by one key and reads it, if it is of the log that is asked for.
    pub fn open(note: &[u8], verifier: &NoteVerifier, origin: &str) -> Result<Self, CheckpointError> {
        let text = verifier.open(note).map_err(CheckpointError::Note)?;
        Self::parse(text)?.check_origin(origin)
    }

    /// Signs the checkpoint. The caller must never sign two that are inconsistent (C2SP tlog-checkpoint).
    pub fn sign(&self, signer: &NoteSigner) -> Result<Note, CheckpointError> {
        let text = self.to_text();
        Self::parse(&text)?;
        Note::sign(text, &[signer]).map_err(CheckpointError::Note)
    }

    /// Writes the text that is signed; [`Checkpoint::parse`] reads it back.
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    fn check_origin(self, expected: &str) -> Result<Self, CheckpointError> {
        if self.origin == expected {
            return Ok(self);
        }
        Err(CheckpointError::Origin { expected: expected.to_owned(), found: self.origin })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.origin)?;
        writeln!(f, "{}", self.size)?;
        writeln!(f, "{}", self.root.to_base64())?;
        for extension in &self.extensions {
            writeln!(f, "{extension}")?;
        }
        Ok(())
    }
}

fn check_line(text: &str, line: usize) -> Result<(), CheckpointError> {
    if text.is_empty() || text.bytes().any(|b| b < b' ') {
        return Err(CheckpointError::Line { line });
    }
    Ok(())
}

fn check_length(found: usize) -> Result<(), CheckpointError> {
    if found > TEXT_BYTES_MAX {
        return Err(CheckpointError::TooLong { found });
    }
    Ok(())
}
