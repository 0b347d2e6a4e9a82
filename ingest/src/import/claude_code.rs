//! Claude Code: sessions and subagents (`*.jsonl`), and the checkpoint folders of the Entire CLI (`full.jsonl`,
//! `metadata.json`, `content_hash.txt`), in which a Gemini CLI session may lie as well.
//!
//! Guarantee: what a file is, is decided by its content, not by what metadata calls it. Lines are read as a stream; the
//! session of lines that name none is that of the line before, and of leading ones that of the first line that names
//! one. A file that names no session gets one from its own name when that is a UUID, or else from its first line.

use super::checkpoint::{Checkpoints, Transcript, Verified};
use super::claude_line::{FORMAT, SessionFile};
use super::ids::{Occurrences, digest, session_name};
use super::json::Fields;
use super::lines::{Line, Lines};
use super::reject::Reject;
use super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile, read_document};
use super::{Importer, Out, Stop, Taken, gemini};
use std::io::BufRead;

/// Bytes of lines that are held back while looking for the session's name.
const HEAD_BYTES_MAX: usize = 8 * 1_048_576;

/// The importer of `claude-code`.
#[derive(Debug, Default)]
pub(super) struct ClaudeCode {
    checkpoints: Checkpoints,
}

impl Importer for ClaudeCode {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        match file.file_name() {
            "metadata.json" => self.checkpoints.metadata(file, out),
            "content_hash.txt" => self.checkpoints.stated(file, out),
            name if name.ends_with(".jsonl") => self.transcript(file, out),
            name if name.ends_with(".json") => document(file, out),
            _ => Ok(Taken::Skipped("neither a session (*.jsonl) nor part of a checkpoint")),
        }
    }

    /// The files of a checkpoint are judged together.
    fn needs(&self, path: &str) -> bool {
        ["full.jsonl", "metadata.json", "content_hash.txt"].contains(&path.rsplit('/').next().unwrap_or(path))
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        self.checkpoints.finish(out)
    }
}

impl ClaudeCode {
    fn transcript(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        let in_checkpoint = file.file_name() == "full.jsonl";
        let stem = file.stem().to_owned();
        let mut verified = Verified::new(file.reader, in_checkpoint);
        let read = lines(&file.name, &stem, &mut verified, out)?;
        if in_checkpoint {
            let transcript = Transcript { sha256: verified.sha256(), format: read.0, session: read.1 };
            self.checkpoints.transcript(file, transcript, out)?;
        }
        Ok(Taken::Read)
    }
}

/// Reads a transcript; gives its format and session.
fn lines(name: &str, stem: &str, reader: &mut dyn BufRead, out: &mut Out<'_>) -> Result<(&'static str, String), Stop> {
    let mut lines = Lines::new(reader);
    let first = lines.next();
    if let Some(line) = first.as_ref().filter(|line| line.damage.is_none() && opens_document(&line.bytes)) {
        let mut begun = line.bytes.to_vec();
        if line.newline {
            begun.push(b'\n');
        }
        return gemini_session(name, lines.into_reader(), begun, out);
    }
    let mut head: Vec<Line> = Vec::new();
    let mut bytes = 0;
    let mut session = None;
    let mut next = first;
    while let Some(line) = next {
        session = Fields::parse(&line.bytes).ok().and_then(|f| f.short("sessionId").map(|s| session_name(&s)));
        bytes += line.bytes.len();
        head.push(line);
        if session.is_some() || bytes > HEAD_BYTES_MAX {
            break;
        }
        next = lines.next();
    }
    let session = session.unwrap_or_else(|| unnamed(stem, &head));
    let mut state = SessionFile::new(name, session.clone());
    for line in &head {
        state.line(line, out)?;
    }
    drop(head);
    while let Some(line) = lines.next() {
        state.line(&line, out)?;
    }
    Ok((FORMAT, session))
}

/// Whether a first line is not a record of its own but opens one JSON document: `{` alone, or a whole session at once.
fn opens_document(line: &[u8]) -> bool {
    let trimmed = line.trim_ascii();
    trimmed == b"{" || Fields::parse(trimmed).is_ok_and(|fields| gemini::is_session(&fields))
}

fn gemini_session(
    name: &str,
    reader: &mut dyn BufRead,
    begun: Vec<u8>,
    out: &mut Out<'_>,
) -> Result<(&'static str, String), Stop> {
    let mut seen = Occurrences::default();
    let mut reject = |reason, detail, bytes: Vec<u8>, out: &mut Out<'_>| {
        let session = format!("unnamed-{}", digest(&bytes));
        let reject =
            Reject { format: FORMAT, session: &session, name, line: None, reason, detail, bytes: bytes.into() };
        reject.put(&mut seen, out).map(|()| (FORMAT, session.clone()))
    };
    match read_document(reader, begun) {
        Document::TooLarge => {
            let detail = format!("a JSON document of more than {DOCUMENT_BYTES_MAX} bytes; nothing of it was kept");
            reject("document.too_large", detail, Vec::new(), out)
        }
        Document::Damaged(bytes, error) => reject("source.damaged", error.to_string(), bytes, out),
        Document::Whole(bytes) => {
            let bytes = bytes::Bytes::from(bytes);
            match gemini::session(name, &bytes, out)? {
                Ok(session) => Ok((gemini::FORMAT, session)),
                Err(detail) => reject("document.json", detail, bytes.to_vec(), out),
            }
        }
    }
}

/// A `.json` file that is a Gemini CLI session; anything else is not ours.
fn document(file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
    let Document::Whole(bytes) = file.document() else {
        return Ok(Taken::Skipped("not a session: a JSON document that is too large or damaged"));
    };
    if !Fields::parse(&bytes).is_ok_and(|fields| gemini::is_session(&fields)) {
        return Ok(Taken::Skipped("a JSON document that is not a session"));
    }
    match gemini::session(&file.name, &bytes.into(), out)? {
        Ok(_) => Ok(Taken::Read),
        Err(_) => Ok(Taken::Skipped("a JSON document that is not a session")),
    }
}

fn unnamed(stem: &str, head: &[Line]) -> String {
    if stem.parse::<uuid::Uuid>().is_ok() {
        return stem.to_ascii_lowercase();
    }
    let first = head.iter().find(|line| !line.bytes.is_empty());
    format!("unnamed-{}", digest(first.map_or(b"", |line| &line.bytes)))
}
