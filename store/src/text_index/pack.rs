//! Packs one finished segment into one object. The object is complete or the call fails.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tantivy::Index;

use super::fault::{fault, io_fault};
use super::footer::{self, Footer, MAGIC, Part, RunFacts};
use super::hot;
use super::limits::BLOCK_BYTES;
use super::schema::FORMAT;
use super::scratch::Scratch;
use crate::error::{Result, StoreError};

/// Files of a segment; those that opening reads lie last, next to the footer.
const KINDS: [&str; 7] = ["pos", "idx", "term", "fast", "fieldnorm", "store", "del"];
const COPY_BYTES: usize = 1 << 20;
const WHAT: &str = "text index being packed";

/// A run, packed.
#[derive(Debug)]
pub struct BuiltText {
    /// What it covers.
    pub facts: RunFacts,
    /// The object.
    pub body: TextBody,
}

/// The packed object.
#[derive(Debug)]
pub enum TextBody {
    /// In memory.
    Bytes(Bytes),
    /// In a file of the scratch folder, which the caller removes after use.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its length (bytes).
        bytes: u64,
    },
}

impl TextBody {
    /// Length of the object (bytes).
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }

    /// Whether the object is empty; it never is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Packs the one segment of `index`, whose files are in `scratch`; into `folder` when given, else into memory.
pub(super) fn pack(scratch: &Scratch, index: &Index, facts: RunFacts, folder: Option<&Path>) -> Result<BuiltText> {
    let body = match folder {
        None => {
            let mut bytes = Vec::new();
            write_object(scratch, index, &facts, &mut bytes)?;
            TextBody::Bytes(Bytes::from(bytes))
        }
        Some(folder) => {
            let path = folder.join("packed");
            let file = File::create_new(&path).map_err(|cause| io_fault(WHAT, &cause))?;
            let bytes = write_object(scratch, index, &facts, &mut BufWriter::new(file))?;
            TextBody::File { path, bytes }
        }
    };
    Ok(BuiltText { facts, body })
}

fn write_object(scratch: &Scratch, index: &Index, facts: &RunFacts, to: &mut dyn Write) -> Result<u64> {
    let segment = segment_name(index)?;
    let mut blocks = Blocks { to, sums: Vec::new(), open: Vec::with_capacity(BLOCK_BYTES), written: 0 };
    let io = |cause: io::Error| io_fault(WHAT, &cause);
    blocks.put(MAGIC).map_err(io)?;
    let mut parts = Vec::new();
    for kind in KINDS {
        let Some(file) = scratch.file(Path::new(&format!("{segment}.{kind}"))) else { continue };
        parts.push(Part { kind: kind.to_owned(), from: blocks.written, bytes: file.len() as u64 });
        for from in (0..file.len()).step_by(COPY_BYTES) {
            let bytes = file.read_bytes(from..(from + COPY_BYTES).min(file.len())).map_err(io)?;
            blocks.put(&bytes).map_err(io)?;
        }
    }
    blocks.close().map_err(io)?;
    let opening = hot::blocks(scratch, &parts, &segment, facts.docs)?;
    let block_bytes = BLOCK_BYTES as u64;
    let (data_bytes, facts) = (blocks.written, facts.clone());
    let end = footer::encode(&Footer { format: FORMAT, facts, parts, data_bytes, block_bytes, opening }, &blocks.sums)?;
    blocks.to.write_all(&end).and_then(|()| blocks.to.flush()).map_err(io)?;
    Ok(data_bytes + end.len() as u64)
}

/// Name that the files of the one segment share.
fn segment_name(index: &Index) -> Result<String> {
    let metas = index.searchable_segment_metas().map_err(|error| fault(WHAT, error))?;
    match metas.as_slice() {
        [one] => Ok(one.id().uuid_string()),
        other => Err(StoreError::invalid(WHAT, format!("one segment expected, {} found", other.len()))),
    }
}

/// Writes and sums up block by block.
struct Blocks<'a> {
    to: &'a mut dyn Write,
    sums: Vec<u8>,
    open: Vec<u8>,
    written: u64,
}

impl Blocks<'_> {
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.open.len()));
            self.open.extend_from_slice(now);
            bytes = rest;
            if self.open.len() == BLOCK_BYTES {
                self.close()?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if !self.open.is_empty() {
            self.sums.extend_from_slice(&footer::sum(&self.open));
            self.to.write_all(&self.open)?;
            self.open.clear();
        }
        Ok(())
    }
}
