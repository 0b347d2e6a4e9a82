//! OpenClaw: a `.openclaw` folder, or parts of it, of either form: sessions as lines (`agents/<agent>/sessions/*.jsonl`
//! with `sessions.json`) or in SQLite (`agents/<agent>/agent/openclaw-agent.sqlite`), with trajectories, the state's
//! tables, the audit ledger and the gateway's log. Files of the workspaces are left: what agents read and wrote of them
//! stands in the transcripts.
//!
//! Guarantee: every native record is one event, verbatim; see [`transcript`] for what is made of it, [`acts`] for files
//! and memory, [`links`] for what joins sessions, [`findings`] for what the record contradicts. Two passes: the first
//! only collects names and links ([`index`]), so that it does not matter in which order files come. Links never leave
//! the installation (the folder that holds `agents`). Ids do not depend on the first pass; causes and attributes that
//! come from other files do, so importing a part again beside the whole gives the same ids.

mod acts;
mod calls;
mod database;
mod details;
mod findings;
mod held;
mod index;
mod links;
mod nested;
mod paths;
mod place;
mod rows;
mod tokens;
mod trajectory;
mod transcript;
mod wal;
mod whole;
mod words;

use super::json::Fields;
use super::lines::{Line, Lines};
use super::source::SourceFile;
use super::{Importer, Out, Stop, Taken};
use held::{Held, Log};
use index::Index;
use place::{Kind, Place};
use std::collections::BTreeMap;
use transcript::Transcript;

/// Name of the format and of its ids.
pub(super) const FORMAT: &str = "openclaw";

/// The importer of `openclaw`.
#[derive(Debug, Default)]
pub(super) struct OpenClaw {
    /// By installation.
    indexes: BTreeMap<String, Index>,
    held: Option<(String, Held)>,
    log: Option<Log>,
}

impl Importer for OpenClaw {
    fn surveys(&self) -> bool {
        true
    }

    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        let place = Place::of(file);
        if let Some((_, held)) = self.held.as_mut().filter(|(_, held)| held.owns(&file.path)) {
            return Ok(held.log(file));
        }
        self.settle(out)?;
        if matches!(place.kind, Kind::AgentDatabase | Kind::StateDatabase) {
            let root = place.root.clone();
            let mut held = Held::new(file, place);
            if let Some(log) = self.log.take_if(|log| log.is_of(&held)) {
                held.fold(log);
            }
            self.held = Some((root, held));
            return Ok(Taken::Read);
        }
        if place.kind == Kind::WriteAheadLog {
            let earlier = self.log.replace(Log::new(file));
            earlier.map_or(Ok(()), |log| log.alone(out))?;
            return Ok(Taken::Read);
        }
        let index = self.indexes.entry(place.root.clone()).or_default();
        match &place.kind {
            Kind::Transcript => transcript_file(file, &place, index, out),
            Kind::Store => whole::store(file, &place, index, out),
            Kind::Lock | Kind::Pointer | Kind::Prompt => whole::single(file, &place, index, out),
            Kind::Trajectory | Kind::GatewayLog => trajectory::file(file, &place, index, out),
            Kind::StateTable(table) => rows::table(file, table, &place, index, out),
            Kind::WriteAheadLog | Kind::AgentDatabase | Kind::StateDatabase => Ok(Taken::Read),
            Kind::Other(why) => Ok(Taken::Skipped(why)),
        }
    }

    /// A database and its log are read together.
    fn needs(&self, path: &str) -> bool {
        path.ends_with(".sqlite") || path.ends_with(".sqlite-wal")
    }

    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        self.settle(out)?;
        self.log.take().map_or(Ok(()), |log| log.alone(out))
    }
}

impl OpenClaw {
    fn settle(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        match self.held.take() {
            Some((root, held)) => held.settle(self.indexes.entry(root).or_default(), out),
            None => Ok(()),
        }
    }
}

/// Reads a session's lines. Outside a `sessions` folder only a file that begins as a transcript is one.
fn transcript_file(
    file: &mut SourceFile<'_>,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    let mut lines = Lines::new(file.reader);
    let first = lines.next();
    let header = first.as_ref().and_then(header);
    if header.is_none() && !file.path.contains("/sessions/") {
        return Ok(Taken::Skipped("not a session: its first line is none of OpenClaw's session records"));
    }
    let session = header.or_else(|| place.session.clone()).unwrap_or_default();
    let mut transcript = Transcript::new(file.name.clone(), &session, place.agent.clone(), index);
    let mut next = first;
    while let Some(line) = next {
        transcript.line(&line, out)?;
        next = lines.next();
    }
    transcript.finish(out)?;
    Ok(Taken::Read)
}

/// The session that a first line opens.
fn header(line: &Line) -> Option<String> {
    let fields = Fields::parse(&line.bytes).ok()?;
    is_header(&fields).then(|| fields.short("id").map(Into::into))?
}

/// Whether a record opens a transcript of OpenClaw's.
pub(super) fn is_header(fields: &Fields<'_>) -> bool {
    fields.text("type").as_deref() == Some("session")
        && fields.integer("version").is_some()
        && fields.short("id").is_some()
}
