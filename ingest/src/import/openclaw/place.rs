//! What a file of an OpenClaw folder is, from its path alone.
//!
//! Guarantee: only names of OpenClaw's own layout count, never what the argument's folders are called; the root, to
//! which links between sessions are confined, is the folder (or archive) that holds `agents`. Cannot fail: a file of
//! another name is [`Kind::Other`] with a reason for people.

use super::super::source::SourceFile;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `<id>.jsonl`, also `.jsonl.reset.<time>` and `.jsonl.deleted.<time>`.
    Transcript,
    /// `sessions.json`.
    Store,
    /// `<id>.jsonl.lock`.
    Lock,
    /// `<id>.trajectory-path.json`.
    Pointer,
    /// `<id>.trajectory.jsonl`.
    Trajectory,
    /// A prompt that the store names by its hash.
    Prompt,
    /// `openclaw-agent.sqlite`: transcripts and store of one agent.
    AgentDatabase,
    /// `openclaw.sqlite`: state of the installation.
    StateDatabase,
    /// The write-ahead log of a database.
    WriteAheadLog,
    /// `state-export/<table>.ndjson`.
    StateTable(String),
    /// `gateway.log` and its like.
    GatewayLog,
    /// None of these.
    Other(&'static str),
}

/// A file's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: Kind,
    /// The agent's folder.
    pub(super) agent: Option<String>,
    /// The session that the file's name names.
    pub(super) session: Option<String>,
    /// The installation: links never leave it.
    pub(super) root: String,
}

/// Names of folders under an installation's own.
const INSIDE: [&str; 4] = ["agents", "state-export", "state", "logs"];

impl Place {
    pub(super) fn of(file: &SourceFile<'_>) -> Self {
        let parts: Vec<&str> = file.path.split('/').collect();
        let (name, folders) = parts.split_last().map_or(("", &[][..]), |(name, folders)| (*name, folders));
        let agents = folders.iter().rposition(|part| *part == "agents").filter(|at| folders.len() > at + 1);
        let kind = kind_of(name, folders);
        let session = match kind {
            Kind::Transcript | Kind::Lock | Kind::Pointer | Kind::Trajectory => {
                before(name, &[".jsonl", ".trajectory"])
            }
            _ => None,
        };
        let inside = agents.or_else(|| folders.iter().rposition(|part| INSIDE.contains(part)));
        Self {
            agent: agents.and_then(|at| folders.get(at + 1)).map(ToString::to_string),
            session,
            root: root(file, inside.unwrap_or(folders.len())),
            kind,
        }
    }
}

fn kind_of(name: &str, folders: &[&str]) -> Kind {
    let within = |folder: &str| folders.contains(&folder);
    match name {
        "sessions.json" => Kind::Store,
        "openclaw-agent.sqlite" => Kind::AgentDatabase,
        "openclaw.sqlite" => Kind::StateDatabase,
        "openclaw-agent.sqlite-wal" | "openclaw.sqlite-wal" => Kind::WriteAheadLog,
        _ if name.ends_with(".jsonl.lock") => Kind::Lock,
        _ if name.ends_with(".trajectory-path.json") => Kind::Pointer,
        _ if name.ends_with(".trajectory.jsonl") => Kind::Trajectory,
        _ if within("skills-prompts") && name.ends_with(".txt") => Kind::Prompt,
        _ if folders.last() == Some(&"state-export") => table(name),
        _ if within("workspace") || within("trajectory-export") => Kind::Other("neither session nor state of OpenClaw"),
        _ if name.ends_with(".jsonl") || name.contains(".jsonl.") => Kind::Transcript,
        _ if name.ends_with(".log") && (name.starts_with("gateway") || name.starts_with("openclaw")) => {
            Kind::GatewayLog
        }
        _ => Kind::Other("neither session nor state of OpenClaw"),
    }
}

fn table(name: &str) -> Kind {
    match name.strip_suffix(".ndjson") {
        Some(table) => Kind::StateTable(table.to_owned()),
        None => Kind::Other("not an exported table (*.ndjson)"),
    }
}

fn before(name: &str, marks: &[&str]) -> Option<String> {
    let cut = marks.iter().filter_map(|mark| name.find(mark)).min()?;
    Some(name[..cut].to_owned()).filter(|stem| !stem.is_empty())
}

/// The first `depth` folders of the path, without those that are archives: a data set keeps `agents` in one archive and
/// the state tables beside it.
fn root(file: &SourceFile<'_>, depth: usize) -> String {
    let parts: Vec<&str> = file.path.split('/').collect();
    let named: Vec<&str> = file.name.split('/').collect();
    let is_archive = |at: usize| {
        let own = (at + named.len()).checked_sub(parts.len()).and_then(|own| named.get(own));
        own.is_some_and(|part| [".tar", ".tar.gz", ".tgz"].iter().any(|suffix| part.ends_with(suffix)))
    };
    let kept = parts.iter().take(depth).enumerate().filter(|(at, _)| !is_archive(*at));
    kept.map(|(_, part)| *part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{Kind, Place};
    use crate::import::source::SourceFile;

    fn place(path: &str, name: &str) -> Place {
        Place::of(&SourceFile { name: name.to_owned(), path: path.to_owned(), reader: &mut std::io::empty() })
    }

    #[test]
    fn archives_and_folders_of_one_installation_share_a_root() {
        let packed = place("/d/set/agents/agents/ops/agent/openclaw-agent.sqlite", "agents.tar.gz/agents/ops/agent/x");
        assert_eq!((packed.kind, packed.agent.as_deref()), (Kind::AgentDatabase, Some("ops")));
        assert_eq!(packed.root, "/d/set");
        let table = place("/d/set/state-export/audit_events.ndjson", "state-export/audit_events.ndjson.gz");
        assert_eq!((table.kind, table.root.as_str()), (Kind::StateTable("audit_events".to_owned()), "/d/set"));
        let traced =
            place("/d/set/tr/agents/a/sessions/s.trajectory.jsonl", "tr.tgz/agents/a/sessions/s.trajectory.jsonl");
        assert_eq!((traced.kind, traced.session.as_deref()), (Kind::Trajectory, Some("s")));
        assert_eq!(traced.root, "/d/set");
    }

    #[test]
    fn closed_histories_are_transcripts() {
        let closed = place("/r/agents/a/sessions/s.jsonl.reset.2026-01-01T00-00-00.000Z", "s");
        assert_eq!((closed.kind, closed.session.as_deref()), (Kind::Transcript, Some("s")));
        assert_eq!(place("/r/agents/a/sessions/s.jsonl.lock", "s").kind, Kind::Lock);
        assert!(matches!(place("/r/workspace/a/memory/x.md", "x.md").kind, Kind::Other(_)));
    }
}
