//! Files that are one record: locks, pointers to trajectories, prompts; and the store `sessions.json`, an object of them.
//!
//! Guarantee: the bytes are content `record`, verbatim; of the store each entry is one, with its key as attribute. Store
//! entries, locks and pointers change while OpenClaw runs: their native ids hold a digest of the bytes, so that each
//! state that was imported stays. A file that is not JSON where it should be is a reject. Cannot fail but by the
//! caller's stop.

use super::super::ids::{Occurrences, digest, session_name, time};
use super::super::json::{Fields, object, slice};
use super::super::reject::{NO_SESSION, Reject, origin, source_of};
use super::super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile};
use super::super::{Out, Stop, Taken};
use super::FORMAT;
use super::index::{Index, Stored};
use super::place::{Kind, Place};
use super::words::copy;
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::id;

/// An event of the installation, in `session` as far as it is known. `native` is unique in the installation, and the
/// id is made from it alone: which session a key means may be learned later.
pub(super) fn event(kind: String, native_id: String, session: Option<&str>, agent: Option<&str>) -> Draft {
    Draft {
        id: id::imported(FORMAT, "state", &native_id, 0),
        source: source_of(FORMAT),
        kind,
        session: session.map(session_name),
        agent: Some(agent.unwrap_or(FORMAT).to_owned()),
        native_id: Some(native_id),
        ..Draft::default()
    }
}

/// Where an event of the installation goes: its session's stream, or one of its own.
pub(super) fn partition(draft: &Draft) -> String {
    format!("{FORMAT}/{}", draft.session.as_deref().unwrap_or("state"))
}

/// A moment in milliseconds as the format writes it.
pub(super) fn moment(millis: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(millis).ok().map(|t| t.to_string())
}

fn document(file: &mut SourceFile<'_>, place: &Place, out: &mut Out<'_>) -> Result<Option<Bytes>, Stop> {
    let (reason, detail, bytes) = match file.document() {
        Document::Whole(bytes) => {
            out.count_bytes(bytes.len());
            return Ok(Some(bytes.into()));
        }
        Document::TooLarge => ("document.too_large", format!("more than {DOCUMENT_BYTES_MAX} bytes"), Vec::new()),
        Document::Damaged(bytes, error) => ("source.damaged", error.to_string(), bytes),
    };
    reject(file, place, reason, detail, bytes.into(), out)?;
    Ok(None)
}

pub(super) fn reject(
    file: &SourceFile<'_>,
    place: &Place,
    reason: &'static str,
    detail: String,
    bytes: Bytes,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let session = place.session.as_deref().map_or_else(|| NO_SESSION.to_owned(), session_name);
    let reject = Reject { format: FORMAT, session: &session, name: &file.name, line: None, reason, detail, bytes };
    reject.put(&mut Occurrences::default(), out)
}

/// A lock, a pointer or a prompt.
pub(super) fn single(
    file: &mut SourceFile<'_>,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    let Some(bytes) = document(file, place, out)? else { return Ok(Taken::Read) };
    let (word, media) = match place.kind {
        Kind::Lock => ("lock", "application/json"),
        Kind::Pointer => ("trajectory_pointer", "application/json"),
        _ => ("skills_prompt", "text/plain; charset=utf-8"),
    };
    let session = place.session.as_deref();
    let about = session.or(place.agent.as_deref()).unwrap_or_default();
    let native_id = format!("{word}:{about}:{}", digest(&bytes));
    let mut draft = event(format!("{FORMAT}.{word}"), native_id, session, place.agent.as_deref());
    draft.origin = Some(origin(&file.name, None));
    if let Ok(fields) = Fields::parse(&bytes) {
        draft.time = fields.short("createdAt").and_then(|t| time(&t));
    }
    if word == "skills_prompt" {
        draft.attributes.insert("openclaw.prompt.sha256".into(), file.stem().into());
    }
    draft.contents.push(DraftContent::new("record", media, bytes));
    if let (Kind::Lock, Some(session)) = (&place.kind, session) {
        index.lock(&session_name(session), draft.id.clone());
    }
    out.put(partition(&draft), draft)?;
    Ok(Taken::Read)
}

/// `sessions.json`.
pub(super) fn store(
    file: &mut SourceFile<'_>,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    let Some(bytes) = document(file, place, out)? else { return Ok(Taken::Read) };
    let fields = match Fields::parse(&bytes) {
        Ok(fields) => fields,
        Err(error) => {
            let detail = format!("expected one JSON object: {error}");
            reject(file, place, "document.json", detail, bytes.clone(), out)?;
            return Ok(Taken::Read);
        }
    };
    for (key, entry) in fields.iter() {
        let at = origin(&format!("{}#{key}", file.name), None);
        let draft = entry_of(key, slice(&bytes, entry.get()), object(entry), None, place, index);
        let draft = Draft { origin: Some(at), ..draft };
        out.put(partition(&draft), draft)?;
    }
    Ok(Taken::Read)
}

/// An entry of the store. `status` is that of a database's own column.
pub(super) fn entry_of(
    key: &str,
    bytes: Bytes,
    fields: Option<Fields<'_>>,
    status: Option<String>,
    place: &Place,
    index: &mut Index,
) -> Draft {
    let fields = fields.unwrap_or_default();
    let session = fields.short("sessionId").map(|id| session_name(&id));
    let native_id = super::super::ids::bounded(&format!("store:{key}"), 512);
    let native_id = format!("{native_id}:{}", digest(&bytes));
    let mut draft = event(format!("{FORMAT}.session_entry"), native_id, session.as_deref(), place.agent.as_deref());
    draft.time = fields.integer("updatedAt").and_then(moment);
    draft.attributes.insert("openclaw.session.key".into(), key.chars().take(1_024).collect::<String>().into());
    for (name, attribute) in [
        ("spawnedBy", "openclaw.spawned_by"),
        ("label", "openclaw.label"),
        ("status", "openclaw.status"),
        ("model", "gen_ai.request.model"),
        ("modelProvider", "gen_ai.provider.name"),
    ] {
        copy(&fields, name, attribute, &mut draft.attributes);
    }
    for (name, attribute) in [("compactionCount", "openclaw.compactions"), ("spawnDepth", "openclaw.spawn_depth")] {
        if let Some(count) = fields.integer(name) {
            draft.attributes.insert(attribute.into(), count.into());
        }
    }
    if fields.boolean("abortedLastRun") == Some(true) {
        draft.attributes.insert("openclaw.aborted_last_run".into(), true.into());
    }
    let status = status.or_else(|| fields.short("status").map(Into::into));
    if let Some(status) = &status {
        draft.attributes.insert("openclaw.status".into(), status.as_str().into());
    }
    if let Some(session) = &session {
        index.name(session, key);
        index.store(session, Stored { status, event: draft.id.clone() });
    }
    draft.contents.push(DraftContent::new("record", "application/json", bytes));
    draft
}
