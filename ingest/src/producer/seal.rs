//! One draft to one event: salts and nonce are drawn, contents are placed, the header is written.
//!
//! Guarantee: a sealed event fits a record together with the overhead of its batch; contents that do not fit travel as
//! parts; contents that this stream has sent travel as references with the salt and commitment of then. A draft that
//! breaks a limit fails with [`DraftError`] and leaves nothing behind.

use super::config::{BATCH_BYTES_MAX, REFERENCE_BYTES_MIN};
use super::error::DraftError;
use super::seen::Seen;
use crate::env::Env;
use bytes::Bytes;
use prost::Message;
use schemas::digest;
use schemas::draft::{Draft, DraftContent, Seal};
use schemas::limits::{
    CAUSES_PER_EVENT_MAX, CONTENT_INLINE_BYTES_MAX, CONTENTS_PER_EVENT_MAX, NONCE_BYTES, SALT_BYTES,
};
use schemas::record::{Content, Event, Form};
use schemas::tlog::{self, Hash};
use std::collections::HashMap;

/// Digest of a stream's name and a content's bytes.
pub(super) type ContentKey = [u8; 32];
/// What was sent before, by stream and bytes.
pub(super) type SeenContents = Seen<ContentKey, Seal>;

/// An event that is ready for its batch.
#[derive(Debug)]
pub(super) struct Sealed {
    /// Header and openings.
    pub(super) event: Event,
    /// Contents that travel before the batch.
    pub(super) parts: Vec<([u8; 32], Bytes)>,
    /// Digest of the header.
    pub(super) digest: [u8; 32],
    /// Leaf of the stream's tree.
    pub(super) leaf: Hash,
    /// Bytes of the event within its batch, framing included.
    pub(super) bytes: usize,
}

/// Seals the drafts of one stream in one transaction.
#[derive(Debug)]
pub(super) struct Sealer<'a> {
    /// Name of the stream.
    pub(super) stream: &'a str,
    /// Its tenant.
    pub(super) tenant: &'a str,
    /// Largest content in bytes.
    pub(super) content_bytes_max: u64,
    /// Nonces and salts.
    pub(super) env: &'a Env,
    /// Contents of committed transactions.
    pub(super) seen: &'a SeenContents,
    /// Contents of this transaction: they count as sent for later events, and are forgotten if it fails.
    pub(super) fresh: &'a mut HashMap<ContentKey, Seal>,
}

struct Placed<'d> {
    content: &'d DraftContent,
    seal: Seal,
    form: Form,
    key: Option<ContentKey>,
}

impl Sealer<'_> {
    /// Seals one draft.
    pub(super) fn seal(&mut self, draft: &Draft) -> Result<Sealed, DraftError> {
        check_counts(draft)?;
        check_contents(draft, self.content_bytes_max)?;
        let stream_key = *blake3::hash(self.stream.as_bytes()).as_bytes();
        let mut placed: Vec<Placed<'_>> = Vec::with_capacity(draft.contents.len());
        for content in &draft.contents {
            let next = self.place(&stream_key, content, &placed);
            placed.push(next);
        }
        let seals: Vec<Seal> = placed.iter().map(|p| p.seal).collect();
        let header = Bytes::from(draft.seal(self.stream, self.tenant, self.env.random::<NONCE_BYTES>(), &seals)?);
        shrink(&mut placed, header.len());
        for p in &placed {
            if let Some(key) = p.key {
                self.fresh.insert(key, p.seal);
            }
        }
        Ok(sealed(header, &placed))
    }

    fn place<'d>(&self, stream_key: &[u8; 32], content: &'d DraftContent, before: &[Placed<'_>]) -> Placed<'d> {
        let size = content.bytes.len();
        let key = (size >= REFERENCE_BYTES_MIN).then(|| *blake3::keyed_hash(stream_key, &content.bytes).as_bytes());
        if let Some(seal) = key.and_then(|k| self.find(&k, before)) {
            return Placed { content, seal, form: Form::Reference, key };
        }
        let seal = Seal::new(self.env.random::<SALT_BYTES>(), &content.bytes);
        let form = if size > CONTENT_INLINE_BYTES_MAX { Form::Parts } else { Form::Inline };
        Placed { content, seal, form, key }
    }

    fn find(&self, key: &ContentKey, before: &[Placed<'_>]) -> Option<Seal> {
        let here = before.iter().find(|p| p.key.as_ref() == Some(key)).map(|p| p.seal);
        here.or_else(|| self.fresh.get(key).or_else(|| self.seen.peek(key)).copied())
    }
}

/// Checks a draft as sealing would, without drawing salts; returns a digest of everything that it says.
///
/// # Errors
/// [`DraftError`] exactly when sealing in this stream would fail.
pub fn validate(draft: &Draft, stream: &str, tenant: &str, content_bytes_max: u64) -> Result<[u8; 32], DraftError> {
    check_counts(draft)?;
    check_contents(draft, content_bytes_max)?;
    // Nonce and commitments have fixed lengths, so the header is as long as the real one.
    let seals: Vec<Seal> = draft.contents.iter().map(|c| Seal::new([0; SALT_BYTES], &c.bytes)).collect();
    let header = draft.seal(stream, tenant, [0; NONCE_BYTES], &seals)?;
    Ok(*blake3::hash(&header).as_bytes())
}

fn check_counts(draft: &Draft) -> Result<(), DraftError> {
    let counts = [
        ("contents", draft.contents.len(), CONTENTS_PER_EVENT_MAX),
        ("causes", draft.causes.len(), CAUSES_PER_EVENT_MAX),
    ];
    for (what, found, limit) in counts {
        if found > limit {
            return Err(DraftError::TooMany { what, found, limit });
        }
    }
    Ok(())
}

fn check_contents(draft: &Draft, limit: u64) -> Result<(), DraftError> {
    for content in &draft.contents {
        let found = content.bytes.len() as u64;
        if found > limit {
            return Err(DraftError::ContentTooLarge { name: content.name.clone(), found, limit });
        }
    }
    Ok(())
}

/// Turns the largest inline contents into parts until the event fits a record.
fn shrink(placed: &mut [Placed<'_>], header_bytes: usize) {
    // 128 bytes cover salt and framing of a content, and framing of the event.
    let mut total = header_bytes + 128 + placed.iter().map(|p| inline_bytes(p) + 128).sum::<usize>();
    while total > BATCH_BYTES_MAX {
        let largest = placed.iter_mut().filter(|p| p.form == Form::Inline).max_by_key(|p| p.content.bytes.len());
        let Some(largest) = largest else { return };
        total -= inline_bytes(largest);
        largest.form = Form::Parts;
    }
}

fn inline_bytes(placed: &Placed<'_>) -> usize {
    if placed.form == Form::Inline { placed.content.bytes.len() } else { 0 }
}

fn sealed(header: Bytes, placed: &[Placed<'_>]) -> Sealed {
    let digest = digest::header_digest(&header);
    let leaf = tlog::leaf_hash(&digest);
    let mut parts = Vec::new();
    let contents = placed.iter().map(|p| {
        let salt = Bytes::copy_from_slice(&p.seal.salt);
        let form = p.form as i32;
        match p.form {
            Form::Inline => Content { form, salt, data: p.content.bytes.clone() },
            Form::Parts => {
                parts.push((p.seal.commitment, p.content.bytes.clone()));
                Content { form, salt, data: Bytes::new() }
            }
            Form::Reference => Content { form, salt: Bytes::new(), data: Bytes::new() },
        }
    });
    let event = Event { contents: contents.collect(), header };
    // Tag and length of the event within its batch take at most 6 bytes.
    let bytes = event.encoded_len() + 6;
    Sealed { event, parts, digest, leaf, bytes }
}
