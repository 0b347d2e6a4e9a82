//! Checkpoint folders of the Entire CLI: what was said about a transcript, and whether the transcript still is what was
//! hashed.
//!
//! Guarantee: `metadata.json` becomes an event of kind `claude-code.checkpoint`; `content_hash.txt` becomes an
//! `evaluation` named `transcript.content_hash` with label `match`, `mismatch` or `unverifiable` (no transcript beside
//! it), whatever the order of the files. A transcript that broke off is not judged. Other files of these names are left.

use super::claude_line::FORMAT;
use super::ids::{bounded, digest, session_name, time};
use super::json::{Fields, SHORT_TEXT_BYTES_MAX};
use super::reject::{origin, source_of};
use super::source::{Document, SourceFile};
use super::{Out, Stop, Taken};
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::{id, kind};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// Name of the evaluation.
const EVALUATION: &str = "transcript.content_hash";

/// A transcript as it was read.
#[derive(Debug, Clone)]
pub(super) struct Transcript {
    /// Hex; `None` when it could not be read to its end.
    pub(super) sha256: Option<String>,
    pub(super) format: &'static str,
    pub(super) session: String,
}

#[derive(Debug)]
struct Stated {
    name: String,
    bytes: Bytes,
}

/// Checkpoint event: id, native id, session.
type Checkpoint = (String, String, String);

#[derive(Debug, Default)]
struct Folder {
    checkpoint: Option<Checkpoint>,
    stated: Option<Stated>,
    transcript: Option<Transcript>,
}

/// The folders whose files have not all come yet.
#[derive(Debug, Default)]
pub(super) struct Checkpoints(BTreeMap<String, Folder>);

fn folder_of(file: &SourceFile<'_>) -> String {
    file.path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
}

impl Checkpoints {
    pub(super) fn metadata(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        let Document::Whole(bytes) = file.document() else {
            return Ok(Taken::Skipped("metadata.json that is too large or damaged"));
        };
        let bytes = Bytes::from(bytes);
        let Ok(fields) = Fields::parse(&bytes) else {
            return Ok(Taken::Skipped("metadata.json that is not JSON"));
        };
        let Some(checkpoint) = fields.short("checkpoint_id") else {
            return Ok(Taken::Skipped("metadata.json of something else than a checkpoint"));
        };
        out.count_bytes(bytes.len());
        let native_id = format!("checkpoint:{checkpoint}:{}", &digest(&bytes)[..16]);
        let session = match fields.short("session_id") {
            Some(stated) => session_name(bare_session(&stated)),
            None => session_name(&format!("checkpoint-{checkpoint}")),
        };
        let event = id::imported(FORMAT, &session, &native_id, 0);
        let mut draft = base(event.clone(), "claude-code.checkpoint", &session, &native_id, &file.name);
        draft.time = fields.short("created_at").and_then(|t| time(&t));
        for (name, attribute) in [
            ("checkpoint_id", "checkpoint.id"),
            ("agent", "checkpoint.agent"),
            ("strategy", "checkpoint.strategy"),
            ("branch", "vcs.ref.head.name"),
            ("transcript_uuid_at_start", "checkpoint.start_uuid"),
        ] {
            if let Some(value) = fields.short(name) {
                draft.attributes.insert(attribute.into(), value.into());
            }
        }
        draft.contents.push(DraftContent::new("record", "application/json", bytes.clone()));
        out.put(format!("{FORMAT}/{session}"), draft)?;
        let folder = folder_of(file);
        self.0.entry(folder.clone()).or_default().checkpoint = Some((event, native_id, session));
        self.settle(&folder, false, out)?;
        Ok(Taken::Read)
    }

    pub(super) fn stated(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        let Document::Whole(bytes) = file.document() else {
            return Ok(Taken::Skipped("content_hash.txt that is too large or damaged"));
        };
        out.count_bytes(bytes.len());
        let folder = folder_of(file);
        self.0.entry(folder.clone()).or_default().stated =
            Some(Stated { name: file.name.clone(), bytes: bytes.into() });
        self.settle(&folder, false, out)?;
        Ok(Taken::Read)
    }

    pub(super) fn transcript(
        &mut self,
        file: &SourceFile<'_>,
        transcript: Transcript,
        out: &mut Out<'_>,
    ) -> Result<(), Stop> {
        let folder = folder_of(file);
        self.0.entry(folder.clone()).or_default().transcript = Some(transcript);
        self.settle(&folder, false, out)
    }

    pub(super) fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let folders: Vec<String> = self.0.keys().cloned().collect();
        folders.iter().try_for_each(|folder| self.settle(folder, true, out))
    }

    /// Judges a folder once its three files are here, or when none will come any more.
    fn settle(&mut self, folder: &str, at_end: bool, out: &mut Out<'_>) -> Result<(), Stop> {
        let ready = |f: &Folder| at_end || (f.checkpoint.is_some() && f.stated.is_some() && f.transcript.is_some());
        if !self.0.get(folder).is_some_and(ready) {
            return Ok(());
        }
        match self.0.remove(folder) {
            Some(Folder { checkpoint, stated: Some(stated), transcript }) => {
                judge(checkpoint, &stated, transcript, out)
            }
            _ => Ok(()),
        }
    }
}

/// `2026-01-23-<uuid>` and `<uuid>` both name the session `<uuid>`.
fn bare_session(stated: &str) -> &str {
    let tail = stated.len().checked_sub(36).and_then(|at| stated.get(at..));
    tail.filter(|t| t.parse::<uuid::Uuid>().is_ok()).unwrap_or(stated)
}

fn base(id: String, kind: &str, session: &str, native_id: &str, name: &str) -> Draft {
    Draft {
        id,
        source: source_of(FORMAT),
        kind: kind.to_owned(),
        session: Some(session.to_owned()),
        origin: Some(origin(name, None)),
        native_id: Some(native_id.to_owned()),
        ..Draft::default()
    }
}

fn judge(
    checkpoint: Option<Checkpoint>,
    stated: &Stated,
    transcript: Option<Transcript>,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let text = String::from_utf8_lossy(&stated.bytes);
    let expected = text.trim().trim_start_matches("sha256:").to_ascii_lowercase();
    let found = transcript.as_ref().and_then(|t| t.sha256.clone());
    let (format, session) = match (&transcript, &checkpoint) {
        (Some(t), _) => (t.format, t.session.clone()),
        (None, Some((_, _, session))) => (FORMAT, session.clone()),
        (None, None) => (FORMAT, format!("unnamed-{}", digest(&stated.bytes))),
    };
    let about = checkpoint.as_ref().map_or_else(|| digest(&stated.bytes), |(_, native_id, _)| native_id.clone());
    let native_id = format!("content_hash:{about}:{}", found.as_deref().unwrap_or("none"));
    let event = id::imported(format, &session, &native_id, 0);
    let mut draft = base(event, kind::EVALUATION, &session, &native_id, &stated.name);
    let (label, score) = match &found {
        Some(found) if *found == expected => ("match", Some(1.0)),
        Some(_) => ("mismatch", Some(0.0)),
        None => ("unverifiable", None),
    };
    draft.attributes.insert("gen_ai.evaluation.name".into(), EVALUATION.into());
    draft.attributes.insert("gen_ai.evaluation.score.label".into(), label.into());
    if let Some(score) = score {
        draft.attributes.insert("gen_ai.evaluation.score.value".into(), score.into());
    }
    if label == "mismatch" {
        draft.attributes.insert("error.type".into(), "content_hash_mismatch".into());
    }
    draft.attributes.insert("checkpoint.sha256.expected".into(), bounded(&expected, SHORT_TEXT_BYTES_MAX).into());
    if let Some(found) = found {
        draft.attributes.insert("checkpoint.sha256.found".into(), found.into());
    }
    if let Some((checkpoint, _, _)) = checkpoint {
        draft.causes.push(DraftCause::new(checkpoint, "derived_from"));
    }
    draft.contents.push(DraftContent::new("record", "text/plain; charset=utf-8", stated.bytes.clone()));
    out.put(format!("{format}/{session}"), draft)
}

/// A reader that hashes what is consumed.
pub(super) struct Verified<'a> {
    inner: &'a mut dyn BufRead,
    hasher: Option<Sha256>,
    complete: bool,
}

impl<'a> Verified<'a> {
    pub(super) fn new(inner: &'a mut dyn BufRead, hash: bool) -> Self {
        Self { inner, hasher: hash.then(Sha256::new), complete: false }
    }

    /// The hash in hex, when everything was read to the end.
    pub(super) fn sha256(self) -> Option<String> {
        let hasher = self.hasher.filter(|_| self.complete)?;
        Some(hex::encode(hasher.finalize()))
    }
}

impl Read for Verified<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let n = available.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Verified<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let available = self.inner.fill_buf()?;
        self.complete = available.is_empty();
        Ok(available)
    }

    fn consume(&mut self, amount: usize) {
        if let Some(hasher) = &mut self.hasher {
            // What was filled is still buffered: this reads nothing and cannot fail.
            let buffered = self.inner.fill_buf().unwrap_or_default();
            hasher.update(buffered.get(..amount).unwrap_or_default());
        }
        self.inner.consume(amount);
    }
}
