//! Trajectories: what the runtime traced of its own runs (`openclaw-trajectory`), and the gateway's log.
//!
//! Guarantee: a line is one event or one reject. A trajectory's id comes from run and sequence, a log line's, which has
//! no identity of its own, from its bytes. Neither feeds a cause: they repeat what the transcripts hold. What they tell
//! is which key a session has, and which answers of a model's server failed (`http.response.status_code`), which no
//! transcript shows. Cannot fail but by the caller's stop.

use super::super::ids::{Occurrences, digest, session_name, time};
use super::super::json::Fields;
use super::super::lines::{Line, Lines};
use super::super::reject::{NO_SESSION, Reject, origin, source_of};
use super::super::source::SourceFile;
use super::super::{Out, Stop, Taken};
use super::FORMAT;
use super::index::Index;
use super::place::{Kind, Place};
use super::words::{clean, copy};
use schemas::draft::{Draft, DraftContent};

/// Session of log lines that name none.
const LOG_SESSION: &str = "gateway-log";

/// Reads a trajectory or a log.
pub(super) fn file(
    file: &mut SourceFile<'_>,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    let mut seen = Occurrences::default();
    let mut lines = Lines::new(file.reader);
    while let Some(next) = lines.next() {
        out.count_bytes(next.bytes.len() + usize::from(next.newline));
        match place.kind {
            Kind::GatewayLog => log(&file.name, &next, index, &mut seen, out)?,
            _ => line(&file.name, &next, place, index, &mut seen, out)?,
        }
    }
    Ok(Taken::Read)
}

/// The line as an object; what is none becomes a reject.
pub(super) fn parsed<'l>(
    name: &str,
    line: &'l Line,
    session: &str,
    seen: &mut Occurrences,
    out: &mut Out<'_>,
) -> Result<Option<Fields<'l>>, Stop> {
    if line.bytes.is_empty() && line.damage.is_none() {
        return Ok(None);
    }
    let problem = match (&line.damage, line.part) {
        (Some(damage), _) => ("source.damaged", damage.clone()),
        (None, Some(part)) => ("line.too_long", format!("part {part} of a line that is too long")),
        (None, None) => match Fields::parse(&line.bytes) {
            Ok(fields) => return Ok(Some(fields)),
            Err(error) => ("line.json", format!("expected one JSON object: {error}")),
        },
    };
    let ((reason, detail), bytes) = (problem, line.bytes.clone());
    let reject = Reject { format: FORMAT, session, name, line: Some(line.number), reason, detail, bytes };
    reject.put(seen, out)?;
    Ok(None)
}

/// One line of a trajectory.
pub(super) fn line(
    name: &str,
    line: &Line,
    place: &Place,
    index: &mut Index,
    seen: &mut Occurrences,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let known = place.session.clone().unwrap_or_else(|| NO_SESSION.to_owned());
    let Some(fields) = parsed(name, line, &known, seen, out)? else { return Ok(()) };
    let session = fields.short("sessionId").map_or(known, |id| session_name(&id));
    if let Some(key) = fields.short("sessionKey") {
        index.name(&session, &key);
    }
    let run = fields.short("runId").unwrap_or_default();
    if !run.is_empty() {
        index.ran(&run, &session);
    }
    let native_id = match fields.integer("seq") {
        Some(seq) => format!("trajectory:{run}:{seq}"),
        None => format!("trajectory:{}", digest(&line.bytes)),
    };
    let mut draft = event(name, line, &session, seen.next(FORMAT, &session, &native_id), native_id);
    draft.kind = format!("{FORMAT}.trajectory");
    draft.agent = Some(place.agent.clone().unwrap_or_else(|| FORMAT.to_owned()));
    draft.time = fields.short("ts").and_then(|t| time(&t));
    for (name, attribute) in [
        ("type", "openclaw.type"),
        ("sessionKey", "openclaw.session.key"),
        ("runId", "openclaw.run_id"),
        ("provider", "gen_ai.provider.name"),
        ("modelId", "gen_ai.request.model"),
    ] {
        copy(&fields, name, attribute, &mut draft.attributes);
    }
    out.put(format!("{FORMAT}/{session}"), draft)
}

/// One line of the gateway's log.
fn log(name: &str, line: &Line, index: &Index, seen: &mut Occurrences, out: &mut Out<'_>) -> Result<(), Stop> {
    let Some(fields) = parsed(name, line, LOG_SESSION, seen, out)? else { return Ok(()) };
    let native_id = format!("log:{}", digest(&line.bytes));
    let id = seen.next(FORMAT, LOG_SESSION, &native_id);
    let message = fields.text("message").or_else(|| fields.text("1")).unwrap_or_default();
    let run = word_after(&message, "runId=");
    let known = || index.session_of_run(run.as_deref()?).map(ToOwned::to_owned);
    let session = word_after(&message, "sessionId=").map(|s| session_name(&s)).or_else(known);
    let session = session.unwrap_or_else(|| LOG_SESSION.to_owned());
    let mut draft = event(name, line, &session, id, native_id);
    draft.kind = format!("{FORMAT}.gateway_log");
    draft.agent = Some(FORMAT.to_owned());
    draft.time = fields.short("time").and_then(|t| time(&t));
    let hex = |name: &str, digits: usize| {
        fields.short(name).filter(|t| t.len() == digits && t.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')))
    };
    draft.trace_id = hex("traceId", 32).map(Into::into);
    draft.span_id = hex("spanId", 16).map(Into::into);
    let meta = fields.object("_meta").unwrap_or_default();
    copy(&meta, "logLevelName", "openclaw.log.level", &mut draft.attributes);
    draft.attributes.extend(run.map(|run| ("openclaw.run_id".to_owned(), run.into())));
    if let Some(status) = word_after(&message, "status=").and_then(|status| status.parse::<u16>().ok()) {
        draft.attributes.insert("http.response.status_code".into(), status.into());
        if status >= 400 {
            draft.attributes.insert("error.type".into(), status.to_string().into());
        }
    }
    out.put(format!("{FORMAT}/{session}"), draft)
}

fn event(name: &str, line: &Line, session: &str, id: String, native_id: String) -> Draft {
    Draft {
        id,
        source: source_of(FORMAT),
        session: Some(session.to_owned()),
        origin: Some(origin(name, Some(line.number))),
        native_id: Some(native_id),
        contents: vec![DraftContent::new("record", "application/json", line.bytes.clone())],
        ..Draft::default()
    }
}

/// The word behind a mark in a message of words.
fn word_after(message: &str, mark: &str) -> Option<String> {
    let rest = &message[message.find(mark)? + mark.len()..];
    let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    Some(clean(&word)).filter(|word| !word.is_empty())
}
