//! The formats that can be imported, by name, and a guess at what a path holds.
//!
//! Guarantee: a guess looks at the first files only, reads no more than `SAMPLE_BYTES` of each, and changes nothing.
//! It is meant for error messages ("looks like claude-code"), not as a decision.

use super::agentdojo::{self, AgentDojo};
use super::agentrx::{self, AgentRx};
use super::claude_code::ClaudeCode;
use super::json::{Fields, text};
use super::native::{self, Native};
use super::openclaw::{self, OpenClaw};
use super::source::{SourceFile, Visit, walk};
use super::swe_agent::{self, SweAgent};
use super::tau_bench::{self, TauBench};
use super::who_and_when::{self, WhoAndWhen};
use super::{Importer, Stop, claude_line, gemini};
use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

/// Bytes of a file that a guess looks at.
const SAMPLE_BYTES: u64 = 262_144;
/// Files that a guess looks at before it gives up.
const SAMPLE_FILES: usize = 32;

/// A format that can be imported.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Name on the command line, and in ids.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// A fresh importer.
    pub importer: fn() -> Box<dyn Importer>,
    /// Whether a file that begins like this (name, first bytes) is one of the format's.
    detect: fn(&str, &[u8]) -> bool,
}

const FORMATS: &[Format] = &[
    Format {
        name: claude_line::FORMAT,
        description: "Claude Code sessions and subagents (*.jsonl, ~/.claude/projects) and Entire CLI checkpoints",
        importer: || Box::new(ClaudeCode::default()),
        detect: is_claude_code,
    },
    Format {
        name: agentdojo::FORMAT,
        description: "AgentDojo runs (<pipeline>/<suite>/<user task>/<attack>/<injection task>.json)",
        importer: || Box::new(AgentDojo),
        detect: is_agentdojo,
    },
    Format {
        name: agentrx::FORMAT,
        description: "AgentRx: failed runs of Magentic-One and tau-bench with annotated failures (ground_truth.json)",
        importer: || Box::new(AgentRx),
        detect: is_agentrx,
    },
    Format {
        name: who_and_when::FORMAT,
        description: "Who&When: failed multi-agent runs with the blamed agent and step (one JSON document a run)",
        importer: || Box::new(WhoAndWhen),
        detect: is_who_and_when,
    },
    Format {
        name: tau_bench::FORMAT,
        description: "tau-bench trajectories (JSON arrays of runs with task_id, reward and traj)",
        importer: || Box::new(TauBench),
        detect: is_tau_bench,
    },
    Format {
        name: swe_agent::FORMAT,
        description: "SWE-agent trajectories (*.traj), results of evaluations (results.json) and OpenHands outputs (*.jsonl)",
        importer: || Box::new(SweAgent),
        detect: is_swe_agent,
    },
    Format {
        name: openclaw::FORMAT,
        description: "OpenClaw sessions, memory and state (~/.openclaw, as JSONL or SQLite), with audit ledger and gateway log",
        importer: || Box::new(OpenClaw::default()),
        detect: is_openclaw,
    },
    Format {
        name: native::FORMAT,
        description: "Hansard's own events, one unsigned JSON event a line, as POST /v1/events takes them",
        importer: || Box::new(Native),
        detect: is_native,
    },
];

/// Every format.
#[must_use]
pub fn formats() -> &'static [Format] {
    FORMATS
}

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// What the paths seem to hold, for hints.
#[must_use]
pub fn looks_like(paths: &[PathBuf]) -> Option<&'static Format> {
    let mut found = None;
    let mut files = 0;
    let _stopped = walk(paths, &AtomicU64::new(0), &mut |visit| {
        let Visit::File(mut file) = visit else { return Ok(()) };
        files += 1;
        found = guess(&mut file);
        if found.is_some() || files >= SAMPLE_FILES { Err(Stop) } else { Ok(()) }
    });
    found
}

fn guess(file: &mut SourceFile<'_>) -> Option<&'static Format> {
    let mut sample = Vec::new();
    let reader: &mut dyn BufRead = file.reader;
    // A read error leaves a shorter sample.
    let _damage = reader.take(SAMPLE_BYTES).read_to_end(&mut sample);
    FORMATS.iter().find(|format| (format.detect)(file.file_name(), &sample))
}

fn first_object(sample: &[u8]) -> Option<Fields<'_>> {
    sample.split(|b| *b == b'\n').filter(|line| !line.is_empty()).take(20).find_map(|line| Fields::parse(line).ok())
}

fn is_claude_code(name: &str, sample: &[u8]) -> bool {
    let session = |f: Fields<'_>| {
        gemini::is_session(&f)
            || (f.raw("type").is_some()
                && f.raw("specversion").is_none()
                && f.raw("traceSchema").is_none()
                && ["sessionId", "leafUuid", "messageId", "parentUuid"].iter().any(|n| f.raw(n).is_some()))
    };
    match name {
        "metadata.json" => Fields::parse(sample).is_ok_and(|f| f.raw("checkpoint_id").is_some()),
        _ => name.ends_with(".jsonl") && first_object(sample).is_some_and(session),
    }
}

/// A document is longer than a sample: its first members are looked for as text.
fn is_agentdojo(name: &str, sample: &[u8]) -> bool {
    name.ends_with(".json") && ["\"suite_name\"", "\"user_task_id\""].iter().all(|member| holds(sample, member))
}

fn is_tau_bench(name: &str, sample: &[u8]) -> bool {
    name.ends_with(".json")
        && sample.trim_ascii_start().starts_with(b"[")
        && holds(sample, "\"task_id\"")
        && holds(sample, "\"traj\"")
}

fn is_agentrx(name: &str, sample: &[u8]) -> bool {
    let whole_run = || holds(sample, "\"traj\"") && holds(sample, "\"records\"");
    let steps = || holds(sample, "\"role\"") && !holds(sample, "\"traj\"") && !holds(sample, "\"task_id\"");
    name.ends_with(".json")
        && sample.trim_ascii_start().starts_with(b"[")
        && ((holds(sample, "\"trajectory_id\"") && holds(sample, "\"failures\"")) || whole_run() || steps())
}

fn is_who_and_when(name: &str, sample: &[u8]) -> bool {
    name.ends_with(".json")
        && sample.trim_ascii_start().starts_with(b"{")
        && holds(sample, "\"history\"")
        && ["\"mistake_agent\"", "\"question_ID\"", "\"is_correct\""].iter().any(|member| holds(sample, member))
}

fn is_swe_agent(name: &str, sample: &[u8]) -> bool {
    let run = || holds(sample, "\"instance_id\"") && holds(sample, "\"history\"");
    let results = || {
        ["\"resolved\"", "\"resolved_ids\""].iter().any(|list| holds(sample, list))
            && ["\"completed_ids\"", "\"submitted_ids\"", "\"no_generation\""].iter().any(|list| holds(sample, list))
    };
    name.ends_with(".traj")
        || (name.ends_with(".jsonl") && holds(sample, "\"test_result\"") && run())
        || (name.ends_with(".json") && sample.trim_ascii_start().starts_with(b"{") && results())
}

fn is_openclaw(name: &str, sample: &[u8]) -> bool {
    match name {
        "openclaw-agent.sqlite" | "openclaw.sqlite" => sample.starts_with(b"SQLite format 3\0"),
        "sessions.json" => holds(sample, "\"agent:") && holds(sample, "\"sessionId\""),
        _ if name.ends_with(".trajectory.jsonl") => holds(sample, "\"openclaw-trajectory\""),
        _ => name.contains(".jsonl") && first_object(sample).is_some_and(|f| openclaw::is_header(&f)),
    }
}

fn holds(sample: &[u8], member: &str) -> bool {
    sample.windows(member.len()).any(|window| window == member.as_bytes())
}

fn is_native(_name: &str, sample: &[u8]) -> bool {
    let event = |f: Fields<'_>| f.raw("source").and_then(text).is_some() && f.raw("type").and_then(text).is_some();
    first_object(sample).is_some_and(event)
}
