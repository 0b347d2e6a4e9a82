//! SWE-agent trajectories (`*.traj`), results of their evaluation (`results.json`), and OpenHands evaluation outputs.
//!
//! Guarantee: one run on one instance is one session `<run>/<instance>`; task is the instance, agent version the run.
//! Both come from the names that the tools give (see [`arm`]), so that a trajectory and its result meet whatever the
//! order of the files. Every record is kept: steps, messages and history entries as records, the rest of the document
//! as content `run` of `session.start`, from which [`super::rebuild`] makes it again; results and metadata of a run as
//! one event each, which belong to no session. What cannot be read is a reject. No evaluation is a cause of anything.

mod arm;
mod events;
mod history;
mod local_time;
mod openhands;
mod responses;
mod results;
#[cfg(test)]
mod tests;
mod trajectory;
mod turns;

use super::ids::{Occurrences, session_name};
use super::json::Fields;
use super::reject::Reject;
use super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile};
use super::{Importer, Out, Stop, Taken};
use bytes::Bytes;

/// Name of the format and of its ids.
pub(super) const FORMAT: &str = "swe-agent";
/// Tokens as OpenTelemetry calls them.
const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// What a run cost in US dollars, on its `session.end`.
const COST: &str = "swe_agent.cost.usd";

/// The importer of `swe-agent`.
#[derive(Debug, Default)]
pub(super) struct SweAgent;

impl Importer for SweAgent {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        let name = file.file_name().to_ascii_lowercase();
        if name.ends_with(".jsonl") {
            return openhands::file(file, out);
        }
        let metadata = ["metadata.yaml", "metadata.yml"].iter().any(|suffix| name.ends_with(suffix));
        if !(name.ends_with(".traj") || name.ends_with(".json") || metadata) {
            return Ok(Taken::Skipped("neither trajectory nor results (*.traj, *.json, *.jsonl, metadata.yaml)"));
        }
        let document = match file.document() {
            Document::Whole(bytes) => Bytes::from(bytes),
            Document::TooLarge => {
                let detail = format!("a document of more than {DOCUMENT_BYTES_MAX} bytes; nothing of it was kept");
                return reject(file, "document.too_large", detail, Bytes::new(), out);
            }
            Document::Damaged(bytes, error) => {
                return reject(file, "source.damaged", error.to_string(), bytes.into(), out);
            }
        };
        if metadata {
            return results::metadata(file, document, out);
        }
        read(file, &document, out)
    }
}

/// A trajectory, results, or something else.
fn read(file: &SourceFile<'_>, document: &Bytes, out: &mut Out<'_>) -> Result<Taken, Stop> {
    let trajectory = file.file_name().to_ascii_lowercase().ends_with(".traj");
    let fields = match Fields::parse(document) {
        Ok(fields) => fields,
        Err(_) if !trajectory && !document.trim_ascii_start().starts_with(b"{") => {
            return Ok(Taken::Skipped("not a JSON object, so neither trajectory nor results"));
        }
        Err(error) => {
            let detail = format!("expected one JSON object: {error}");
            return reject(file, "document.json", detail, document.clone(), out);
        }
    };
    let run = fields.elements("trajectory").is_some() || (trajectory && fields.elements("history").is_some());
    if run {
        trajectory::read(file, document, &fields, out)?;
    } else if trajectory {
        let detail = "expected the member trajectory or history, an array".to_owned();
        return reject(file, "document.trajectory", detail, document.clone(), out);
    } else if results::is_results(&fields) {
        results::read(file, document, &fields, out)?;
    } else {
        return Ok(Taken::Skipped("a JSON document without trajectory and without resolved instances"));
    }
    out.count_bytes(document.len());
    Ok(Taken::Read)
}

/// A file that could not be read, in the session that its name gives.
fn reject(
    file: &SourceFile<'_>,
    reason: &'static str,
    detail: String,
    bytes: Bytes,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    out.count_bytes(bytes.len());
    let session = session_name(&arm::of_trajectory(file).session());
    let reject = Reject { format: FORMAT, session: &session, name: &file.name, line: None, reason, detail, bytes };
    reject.put(&mut Occurrences::default(), out)?;
    Ok(Taken::Read)
}
