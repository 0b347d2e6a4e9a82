//! Nothing is lost: every `.traj` file of the set stands again, byte for byte, from its events.

use super::{all, assert_whole, content, from_memory, is_reject, shared, text};
use crate::import::rebuild;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

fn each_trajectory(archive: &Path, each: &mut dyn FnMut(&str, &[u8])) {
    let file = std::fs::File::open(archive).expect("archive opens");
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("entry is readable");
        each(&name, &bytes);
    }
}

fn index_of(name: &str) -> Option<usize> {
    name.strip_prefix("history-")?.parse().ok()
}

/// The file put together again.
pub(super) fn rebuilt(drafts: &[Draft]) -> Option<Vec<u8>> {
    let start = drafts.iter().find(|d| d.kind == kind::SESSION_START)?;
    let native = |d: &Draft| d.native_id.clone().unwrap_or_default();
    let steps: Vec<&[u8]> =
        drafts.iter().filter(|d| native(d).starts_with("step-")).filter_map(|d| content(d, "record")).collect();
    let mut messages: BTreeMap<usize, &[u8]> = BTreeMap::new();
    for draft in drafts {
        if let (Some(index), Some(record)) = (index_of(&native(draft)), content(draft, "record")) {
            messages.insert(index, record);
        }
        for beside in &draft.contents {
            if let Some(index) = index_of(&beside.name) {
                messages.insert(index, &beside.bytes);
            }
        }
    }
    let whole = rebuild(content(start, "run")?, "trajectory", &steps)?;
    rebuild(&whole, "history", &messages.into_values().collect::<Vec<_>>())
}

#[test]
fn every_file_stands_again() {
    let Some(folder) = shared() else { return };
    let java = folder.join("multi-swe-java");
    let mut files = 0;
    for archive in [
        java.join("20240825_SWE-agent_deepseek-chat-v2.trajs.tar.gz"),
        java.join("20240825_SWE-agent_gpt-4o-2024-05-13.trajs.tar.gz"),
        folder.join("swe-agent-demos.tar.gz"),
    ] {
        each_trajectory(&archive, &mut |name, bytes| {
            let drafts = from_memory(name, bytes);
            assert!(!drafts.iter().any(is_reject), "{name}");
            assert!(rebuilt(&drafts).is_some_and(|whole| whole == bytes), "{name} stands again");
            files += 1;
        });
    }
    assert_eq!(files, 91 + 89 + 11);
    println!("swe-agent: {files} trajectories rebuilt byte for byte");
}

#[test]
fn demonstrations_keep_versions_apart_and_calls_have_their_own_ids() {
    let Some(folder) = shared() else { return };
    let imported = all(&[folder.join("swe-agent-demos.tar.gz")]);
    let drafts: Vec<&Draft> = imported.iter().map(|i| &i.draft).collect();
    assert_whole(&drafts, 0);
    let starts: Vec<&&Draft> = drafts.iter().filter(|d| d.kind == kind::SESSION_START).collect();
    assert_eq!(starts.len(), 11);
    let replays: BTreeSet<_> = starts
        .iter()
        .filter(|d| d.task.as_deref() == Some("marshmallow-code__marshmallow-1867"))
        .map(|d| (d.agent_version.as_deref(), d.variant.as_deref()))
        .collect();
    let variants: BTreeSet<_> = replays.iter().filter_map(|(_, variant)| *variant).collect();
    assert_eq!(replays.len(), 4, "one task, four configurations");
    assert!(variants.contains("xml_sys-env_cursors_window100") && variants.contains("function_calling_replace"));
    let answered = drafts.iter().filter(|d| d.kind == kind::TOOL_RESULT && text(d, "hansard.link") == Some("id"));
    assert_eq!(answered.count(), 4 + 5 + 11, "function calls are linked by their own ids");
}

#[test]
fn a_history_without_steps_is_the_run() {
    let history = json!([
        {"role": "system", "content": "s"}, {"role": "user", "content": "task", "is_demo": true},
        {"role": "assistant", "content": "a", "action": "ls -l"}, {"role": "user", "content": "files"},
        {"role": "assistant", "content": "b", "tool_calls": [
            {"id": "c1", "function": {"name": "open", "arguments": "{\"path\":1}"}},
            {"id": "c2", "function": {"name": "bash", "arguments": "not json"}}]},
        {"role": "tool", "content": "2", "tool_call_ids": ["c2"]}, {"role": "tool", "content": "1", "tool_call_ids": ["c1"]},
        {"role": "user", "content": "more"}
    ]);
    let bytes = json!({"history": history}).to_string();
    let drafts = from_memory("demonstrations/d.traj", bytes.as_bytes());
    assert_whole(&drafts.iter().collect::<Vec<_>>(), 0);
    let kinds: Vec<&str> = drafts.iter().map(|d| d.kind.as_str()).collect();
    let expected = "session.start message message model.call tool.call tool.result model.call tool.call tool.call \
                    tool.result tool.result message session.end";
    assert_eq!(kinds, expected.split_whitespace().collect::<Vec<_>>());
    let links: Vec<_> = drafts
        .iter()
        .filter(|d| d.kind == "tool.result")
        .map(|d| (text(d, "hansard.link"), text(d, "gen_ai.tool.name")))
        .collect();
    assert_eq!(links, [(Some("step"), Some("ls")), (Some("id"), Some("bash")), (Some("id"), Some("open"))]);
    assert_eq!(rebuilt(&drafts).as_deref(), Some(bytes.as_bytes()));
    assert_eq!(drafts[2].attributes["swe_agent.demonstration"], Value::Bool(true));
}

#[test]
fn an_answer_that_was_asked_for_again_is_kept_beside_the_steps() {
    let bytes = json!({
        "trajectory": [{"action": "ls", "response": "r1", "observation": "o1"},
                       {"action": "exit_context", "response": "Exit", "observation": "Exited"}],
        "history": [{"role": "user", "content": "t"}, {"role": "assistant", "content": "bad"}, {"role": "user", "content": "again"},
                    {"role": "assistant", "content": "r1"}, {"role": "user", "content": "o1"}, {"role": "assistant", "content": "left"}],
        "info": {"exit_status": "exit_context", "model_stats": {"tokens_sent": 7, "tokens_received": 2, "instance_cost": 0.5}}
    })
    .to_string();
    let drafts = from_memory("run/i.traj", bytes.as_bytes());
    assert_whole(&drafts.iter().collect::<Vec<_>>(), 0);
    let kinds: Vec<&str> = drafts.iter().map(|d| d.kind.as_str()).collect();
    let expected = "session.start message swe-agent.history message model.call tool.call tool.result model.call \
                    swe-agent.history session.end evaluation";
    assert_eq!(kinds, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(rebuilt(&drafts).as_deref(), Some(bytes.as_bytes()));
    let (end, evaluation) = (&drafts[9], &drafts[10]);
    assert_eq!(text(end, "error.type"), Some("exit_context"));
    assert_eq!(end.attributes["gen_ai.usage.input_tokens"], json!(7));
    assert_eq!(evaluation.attributes["gen_ai.evaluation.score.value"], json!(0.0));
}
