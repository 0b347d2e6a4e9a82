//! Builds one run's text index. Memory is bounded: what exceeds it goes to the scratch folder as parts that are merged
//! at the end. Runs on the calling thread; several builders over neighbouring ranges may run beside each other and be
//! joined by `merge`.
//!
//! Nothing is cut off: a text beyond `DOC_BYTES` becomes several documents that overlap by a few words. A search
//! counts them as one content, but `AND`, `NOT` and phrases longer than the overlap look at each document alone.

use std::path::PathBuf;

use tantivy::schema::Schema;
use tantivy::{Index, IndexBuilder, SingleSegmentIndexWriter, TantivyDocument};

use super::fault::fault;
use super::fingerprint;
use super::footer::RunFacts;
use super::limits::{BUILD_MEMORY_BYTES, BUILD_MEMORY_MIN_BYTES, DOC_BYTES, DOC_OVERLAP_BYTES};
use super::normal::normal_text;
use super::pack::{BuiltText, pack};
use super::schema::{self, Fields};
use super::scratch::Scratch;
use crate::error::{Result, StoreError};

const WHAT: &str = "text index being built";

/// What a builder may use.
#[derive(Clone, Debug)]
pub struct TextLimits {
    /// Memory for postings (bytes), at least `BUILD_MEMORY_MIN_BYTES`. The text of one `add` comes on top.
    pub memory_bytes: usize,
    /// Longest stretch of a text that is one document (bytes).
    pub doc_bytes: usize,
    /// An empty folder of its own for what does not fit into memory. Without one everything stays in memory,
    /// whatever `memory_bytes` says; so give one unless the input is small.
    pub scratch: Option<PathBuf>,
}

impl Default for TextLimits {
    fn default() -> Self {
        Self { memory_bytes: BUILD_MEMORY_BYTES, doc_bytes: DOC_BYTES, scratch: None }
    }
}

/// The leaves that a run covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSpan {
    /// Partition of the log.
    pub partition: u32,
    /// First leaf.
    pub leaf_from: u64,
    /// One past the last leaf.
    pub leaf_to: u64,
}

/// Builds the index of one run.
pub struct TextBuilder {
    limits: TextLimits,
    schema: Schema,
    fields: Fields,
    /// Where the writer writes; every part has its own.
    scratch: Scratch,
    facts: RunFacts,
    writer: SingleSegmentIndexWriter,
    /// Documents in the writer.
    pending: u32,
    parts: Vec<Index>,
}

impl std::fmt::Debug for TextBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextBuilder").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl TextBuilder {
    /// Starts an empty run.
    pub fn new(span: &RunSpan, limits: TextLimits) -> Result<Self> {
        if limits.memory_bytes < BUILD_MEMORY_MIN_BYTES {
            let found = format!("{} bytes given, at least {BUILD_MEMORY_MIN_BYTES} needed", limits.memory_bytes);
            return Err(StoreError::invalid("memory of the text index builder", found));
        }
        if limits.doc_bytes <= 2 * DOC_OVERLAP_BYTES.min(limits.doc_bytes / 4) || limits.doc_bytes < 64 {
            return Err(StoreError::invalid("longest document of the text index", "at least 64 bytes needed"));
        }
        let (schema, fields) = schema::schema();
        let (scratch, writer) = part(&schema, &limits)?;
        let facts = empty_facts(span);
        Ok(Self { limits, schema, fields, scratch, facts, writer, pending: 0, parts: Vec::new() })
    }

    /// Adds one content of the event at `leaf`. A content is added once; neighbouring leaves come in order.
    pub fn add(&mut self, leaf: u64, position: u16, time_us: i64, text: &str) -> Result<()> {
        if leaf < self.facts.leaf_from || leaf >= self.facts.leaf_to {
            let range = format!("{}..{}", self.facts.leaf_from, self.facts.leaf_to);
            return Err(StoreError::invalid(WHAT, format!("leaf {leaf} is outside the run's leaves {range}")));
        }
        for piece in stretches(text, self.limits.doc_bytes) {
            self.add_document(leaf, position, time_us, piece)?;
        }
        self.facts.contents += 1;
        self.facts.text_bytes += text.len() as u64;
        self.facts.time_min_us = self.facts.time_min_us.min(time_us);
        self.facts.time_max_us = self.facts.time_max_us.max(time_us);
        Ok(())
    }

    /// Bytes of text added so far.
    pub fn text_bytes(&self) -> u64 {
        self.facts.text_bytes
    }

    /// Packs the run: in memory when it fit there, else in a file of the scratch folder.
    pub fn finish(mut self) -> Result<BuiltText> {
        if self.parts.is_empty() {
            self.facts.docs = self.pending;
            let index = self.writer.finalize().map_err(|error| fault(WHAT, error))?;
            let folder =
                self.limits.scratch.as_deref().filter(|_| self.facts.text_bytes > self.limits.memory_bytes as u64);
            return pack(&self.scratch, &index, self.facts, folder);
        }
        if self.pending > 0 {
            self.close_part()?;
        }
        let scratch = Scratch::new(self.limits.scratch.clone());
        let merged = super::merge::join(&self.parts, None, &scratch)?;
        self.facts.docs = merged.docs;
        drop(std::mem::take(&mut self.parts));
        pack(&scratch, &merged.index, self.facts, self.limits.scratch.as_deref())
    }

    fn add_document(&mut self, leaf: u64, position: u16, time_us: i64, text: &str) -> Result<()> {
        let mut document = TantivyDocument::new();
        document.add_text(self.fields.text, text);
        for print in fingerprint::kept(&normal_text(text)) {
            document.add_u64(self.fields.prints, u64::from(print));
        }
        document.add_u64(self.fields.leaf, leaf);
        document.add_u64(self.fields.position, u64::from(position));
        document.add_i64(self.fields.time, time_us);
        self.writer.add_document(document).map_err(|error| fault(WHAT, error))?;
        self.pending += 1;
        let full = self.writer.mem_usage() > self.limits.memory_bytes || self.pending == u32::MAX / 2;
        if full { self.close_part() } else { Ok(()) }
    }

    /// Writes the part out and starts the next.
    fn close_part(&mut self) -> Result<()> {
        let (scratch, next) = part(&self.schema, &self.limits)?;
        self.scratch = scratch;
        let full = std::mem::replace(&mut self.writer, next);
        self.parts.push(full.finalize().map_err(|error| fault(WHAT, error))?);
        self.pending = 0;
        Ok(())
    }
}

/// An empty part.
fn part(schema: &Schema, limits: &TextLimits) -> Result<(Scratch, SingleSegmentIndexWriter)> {
    let scratch = Scratch::new(limits.scratch.clone());
    let builder = IndexBuilder::new().schema(schema.clone()).settings(schema::settings());
    let builder = builder.tokenizers(schema::tokenizers());
    let made = builder.single_segment_index_writer(scratch.clone(), limits.memory_bytes);
    Ok((scratch, made.map_err(|error| fault(WHAT, error))?))
}

fn empty_facts(span: &RunSpan) -> RunFacts {
    RunFacts {
        partition: span.partition,
        leaf_from: span.leaf_from,
        leaf_to: span.leaf_to,
        contents: 0,
        docs: 0,
        text_bytes: 0,
        time_min_us: i64::MAX,
        time_max_us: i64::MIN,
    }
}

/// Cuts a long text at white space; each stretch repeats the end of the one before.
fn stretches(text: &str, doc_bytes: usize) -> Vec<&str> {
    let overlap = DOC_OVERLAP_BYTES.min(doc_bytes / 4);
    let mut stretches = Vec::new();
    let mut from = 0;
    while text.len() - from > doc_bytes {
        let end = cut_before(text, from + doc_bytes, from + doc_bytes / 2);
        stretches.push(&text[from..end]);
        from = cut_before(text, end - overlap, from + 1);
    }
    stretches.push(&text[from..]);
    stretches
}

/// The last start of a word in `least..=at`, or the last start of a character when there is none.
fn cut_before(text: &str, at: usize, least: usize) -> usize {
    let mut at = at;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let mut least = least.min(at);
    while !text.is_char_boundary(least) {
        least += 1;
    }
    text[least..at].rfind(char::is_whitespace).map_or(at, |space| {
        let space = least + space;
        space + text[space..].chars().next().map_or(1, char::len_utf8)
    })
}
