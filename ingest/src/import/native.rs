//! Hansard's own NDJSON: one unsigned event a line, as `POST /v1/events` takes them (see [`super::json_event`]).
//!
//! Guarantee: a line is one event or one reject that names the field. An event without id gets one from its bytes and
//! how often they came, so that importing again adds nothing.

use super::ids::{Occurrences, digest, session_name};
use super::json_event;
use super::lines::{Line, Lines};
use super::reject::{NO_SESSION, Reject, origin};
use super::source::SourceFile;
use super::{Importer, Out, Stop, Taken};

/// Name of the format.
pub(super) const FORMAT: &str = "hansard";

/// The importer of `hansard`.
#[derive(Debug, Default)]
pub(super) struct Native;

impl Importer for Native {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        let known = [".ndjson", ".jsonl", ".json"].iter().any(|suffix| file.file_name().ends_with(suffix));
        if !known {
            return Ok(Taken::Skipped("not a file of events (*.ndjson, *.jsonl)"));
        }
        let mut seen = Occurrences::default();
        let mut lines = Lines::new(file.reader);
        while let Some(line) = lines.next() {
            out.count_bytes(line.bytes.len() + 1);
            one(&file.name, &line, &mut seen, out)?;
        }
        Ok(Taken::Read)
    }
}

fn one(name: &str, line: &Line, seen: &mut Occurrences, out: &mut Out<'_>) -> Result<(), Stop> {
    if line.bytes.is_empty() && line.damage.is_none() {
        return Ok(());
    }
    let problem = match (&line.damage, line.part) {
        (Some(damage), _) => Err(("source.damaged", damage.clone())),
        (None, Some(part)) => Err(("line.too_long", format!("part {part} of a line that is too long"))),
        (None, None) => json_event::parse(&line.bytes).map_err(|error| ("line.event", error.to_string())),
    };
    let mut draft = match problem {
        Ok(draft) => draft,
        Err((reason, detail)) => {
            let (session, bytes) = (NO_SESSION, line.bytes.clone());
            let reject = Reject { format: FORMAT, session, name, line: Some(line.number), reason, detail, bytes };
            return reject.put(seen, out);
        }
    };
    let session = session_name(draft.session.as_deref().unwrap_or(&draft.source));
    if draft.id.is_empty() {
        let native_id = draft.native_id.get_or_insert_with(|| format!("line:{}", digest(&line.bytes)));
        draft.id = seen.next(FORMAT, &session, native_id);
    }
    draft.origin.get_or_insert_with(|| origin(name, Some(line.number)));
    out.put(format!("{FORMAT}/{session}"), draft)
}
