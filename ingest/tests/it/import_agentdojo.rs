//! AgentDojo runs: every figure of the data set's `expected.json`, identity, rebuilding, broken runs.

use crate::import_support::{
    all, archives, assert_sealable, content, each, each_entry, expected, from_memory, ids, is_reject, shared, text,
};
use ingest::import::{Imported, rebuild};
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;

const SET: &str = "agentdojo";

#[derive(Debug, Default, Clone)]
struct Arm {
    runs: BTreeSet<String>,
    utility: BTreeMap<String, bool>,
    security: BTreeMap<String, bool>,
}

#[derive(Debug, Default)]
struct Pipeline {
    messages: u64,
    errors: u64,
    arms: BTreeMap<String, Arm>,
}

impl Pipeline {
    fn add(&mut self, draft: &Draft) {
        let session = draft.session.clone().expect("a session");
        let arm = self.arms.entry(draft.variant.clone().expect("a variant")).or_default();
        match draft.kind.as_str() {
            kind::SESSION_START => assert!(arm.runs.insert(session), "one start a run"),
            kind::SESSION_END => self.errors += u64::from(text(draft, "error.type").is_some()),
            kind::EVALUATION => {
                let value = draft.attributes["gen_ai.evaluation.score.value"] == json!(1.0);
                let label = text(draft, "gen_ai.evaluation.score.label") == Some("true");
                assert_eq!(value, label);
                match text(draft, "gen_ai.evaluation.name") {
                    Some("utility") => arm.utility.insert(session, value),
                    _ => arm.security.insert(session, value),
                };
            }
            kind::TOOL_CALL => {}
            _ => self.messages += 1,
        }
    }
}

fn counted() -> Option<(Value, BTreeMap<String, Pipeline>, ingest::import::Totals)> {
    let folder = shared(SET)?;
    let mut pipelines: BTreeMap<String, Pipeline> = BTreeMap::new();
    let mut drafts = 0;
    let began = std::time::Instant::now();
    let totals = each("agentdojo", &[folder.join("runs")], &mut |imported| {
        drafts += 1;
        if drafts % 97 == 0 {
            assert_sealable(&imported.draft);
        }
        let version = imported.draft.agent_version.clone().expect("a version");
        pipelines.entry(version).or_default().add(&imported.draft);
    });
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "agentdojo: {totals:?}, {:.0} MB/s, {:.0} drafts/s",
        totals.bytes as f64 / 1e6 / seconds,
        f64::from(drafts) / seconds
    );
    Some((expected(&folder), pipelines, totals))
}

#[test]
fn every_count_of_expected_json() {
    let Some((expected, pipelines, totals)) = counted() else {
        return;
    };
    assert_eq!((totals.rejects, totals.skipped), (0, 0));
    for want in expected["pipelines"].as_array().expect("a list") {
        let name = want["pipeline"].as_str().expect("a name");
        let found = &pipelines[name];
        let files: usize = found.arms.values().map(|arm| arm.runs.len()).sum();
        assert_eq!(json!(files), want["files"], "{name}: files");
        assert_eq!(json!(found.messages), want["messages"], "{name}: messages");
        assert_eq!(json!(found.errors), want["runs_with_error"], "{name}: runs_with_error");
        let none = open_runs(&found.arms["none"]);
        let got = json!({"n": none.0, "utility_true": none.1});
        assert_eq!(got, want["no_attack"], "{name}: no attack");
        for (attack, figures) in want["attacks"].as_object().expect("an object") {
            let arm = &found.arms[attack];
            let yes = |m: &BTreeMap<String, bool>| m.values().filter(|v| **v).count();
            let got = json!({"n": arm.runs.len(), "utility_true": yes(&arm.utility), "security_true": yes(&arm.security),
                             "unscored": arm.runs.len() - arm.utility.len()});
            assert_eq!(got, figures["all"], "{name}: {attack}");
        }
    }
    assert_eq!(pipelines.len(), expected["pipelines"].as_array().expect("a list").len());
}

/// Runs of user tasks without attack: those whose task is an injection's goal count apart.
fn open_runs(arm: &Arm) -> (usize, usize) {
    let user_task = |session: &&String| session.split('/').nth(2).is_some_and(|task| task.starts_with("user_task"));
    let runs: Vec<&String> = arm.runs.iter().filter(user_task).collect();
    let solved = runs.iter().filter(|run| arm.utility.get(**run) == Some(&true)).count();
    (runs.len(), solved)
}

/// One pass over every run of every archive beside the original bytes: rebuilt files, linked results, known origins.
#[test]
fn files_are_rebuilt_and_results_are_linked() {
    let Some(folder) = shared(SET) else { return };
    let origins = origins(&folder);
    let (mut files, mut results, mut linked, mut located) = (0, 0, 0, 0);
    for archive in archives(&folder.join("runs")) {
        each_entry(&archive, &mut |name, bytes| {
            let drafts = from_memory("agentdojo", name, &bytes);
            let run = drafts.iter().find_map(|i| content(&i.draft, "run")).expect("a session.start");
            let records: Vec<&[u8]> = drafts.iter().filter_map(|i| content(&i.draft, "record")).collect();
            assert!(
                rebuild(run, "messages", &records).as_deref() == Some(&bytes[..]),
                "{name} is rebuilt byte for byte"
            );
            files += 1;
            let calls: BTreeSet<&str> =
                drafts.iter().filter(|i| i.draft.kind == kind::TOOL_CALL).map(|i| i.draft.id.as_str()).collect();
            for result in drafts.iter().filter(|i| i.draft.kind == kind::TOOL_RESULT) {
                results += 1;
                linked += usize::from(result.draft.causes.iter().any(|c| calls.contains(c.id.as_str())));
            }
            if let Some((index, tool)) = origins.get(name) {
                let native = format!("message-{index}");
                let seen = drafts.iter().find(|i| i.draft.native_id.as_deref() == Some(&native)).expect("the message");
                assert_eq!(seen.draft.kind, kind::TOOL_RESULT, "{name}");
                assert_eq!(text(&seen.draft, "gen_ai.tool.name"), Some(tool.as_str()), "{name}");
                located += 1;
            }
        });
    }
    println!("agentdojo: {files} files rebuilt, {linked} of {results} tool results linked, {located} origins located");
    assert_eq!(files, 18_201);
    assert_eq!(linked, results, "each tool result answers a call");
    assert_eq!(located, origins.len());
}

fn origins(folder: &std::path::Path) -> HashMap<String, (u64, String)> {
    let file = std::fs::File::open(folder.join("injection-origins.jsonl.gz")).expect("origins open");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("origins are readable");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    lines
        .filter_map(|o| {
            let index = o["first_tool_message"].as_u64()?;
            Some((o["path"].as_str()?.to_owned(), (index, o["tool"].as_str()?.to_owned())))
        })
        .collect()
}

#[test]
fn ids_do_not_depend_on_the_folder_where_the_argument_begins() {
    let Some(folder) = shared(SET) else { return };
    let archive = folder.join("runs/claude-3-sonnet-20240229-repeat_user_prompt.tar.gz");
    let packed = all("agentdojo", std::slice::from_ref(&archive));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut one = None;
    each_entry(&archive, &mut |name, bytes| {
        let path = elsewhere.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, bytes).expect("a file");
        one = Some(path);
    });
    let sorted = |drafts: &[Imported]| ids(drafts).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(sorted(&packed), sorted(&all("agentdojo", &[elsewhere.path().to_path_buf()])));
    assert_eq!(sorted(&packed).len(), packed.len(), "no id comes twice");
    let single = all("agentdojo", &[one.expect("a run")]);
    assert!(sorted(&single).is_subset(&sorted(&packed)) && !single.is_empty());
}

fn run(members: &Value) -> Vec<Imported> {
    from_memory("agentdojo", "p/s/user_task_0/direct/injection_task_1.json", members.to_string().as_bytes())
}

#[test]
fn what_a_broken_run_does_not_say_is_not_invented() {
    let drafts =
        run(&json!({"suite_name": "s", "user_task_id": "user_task_0", "injection_task_id": "injection_task_1",
                             "pipeline_name": "local", "injections": {"v": "text"}, "messages": [{"role": "user"}]}));
    let kinds: Vec<&str> = drafts.iter().map(|i| i.draft.kind.as_str()).collect();
    assert_eq!(kinds, [kind::SESSION_START, kind::MESSAGE]);
    let message = &drafts[1].draft;
    assert_eq!(message.agent_version.as_deref(), Some("p"));
    assert_eq!(message.task.as_deref(), Some("s/user_task_0/injection_task_1"));
    assert_eq!(message.variant.as_deref(), Some("direct"));
    assert!(message.causes.is_empty() && message.time.is_none());
    let failed = run(
        &json!({"suite_name": "s", "messages": [], "error": "provider said no", "utility": false, "security": true}),
    );
    let kinds: Vec<&str> = failed.iter().map(|i| i.draft.kind.as_str()).collect();
    assert_eq!(kinds, [kind::SESSION_START, kind::EVALUATION, kind::EVALUATION, kind::SESSION_END]);
    assert!(failed.iter().all(|i| i.draft.causes.is_empty()), "no messages, no causes");
    let torn = from_memory("agentdojo", "p/s/user_task_0/none/none.json", b"{\"suite_name\": \"s\", \"mess");
    assert!(torn.len() == 1 && is_reject(&torn[0].draft));
    assert_eq!(content(&torn[0].draft, "record"), Some(&b"{\"suite_name\": \"s\", \"mess"[..]));
}

#[test]
fn calls_without_ids_are_matched_by_tool_and_arguments() {
    let call = |tool: &str, n: u32| json!({"function": tool, "args": {"n": n}, "id": ""});
    let result =
        |tool: &str, n: u32| json!({"role": "tool", "content": "x", "tool_call_id": "", "tool_call": call(tool, n)});
    let drafts = run(&json!({"messages": [
        {"role": "assistant", "content": null, "tool_calls": [call("a", 1), call("a", 2), call("b", 3)]},
        result("b", 3), result("a", 2), result("a", 9), {"role": "assistant", "content": "done"}]}));
    let id = |native: &str| {
        drafts.iter().find(|i| i.draft.native_id.as_deref() == Some(native)).expect(native).draft.id.clone()
    };
    let calls_of = |native: &str| -> Vec<String> {
        let draft = &drafts.iter().find(|i| i.draft.native_id.as_deref() == Some(native)).expect(native).draft;
        draft.causes.iter().skip(1).map(|c| format!("{} {}", c.relation, c.id)).collect()
    };
    assert_eq!(calls_of("message-1"), [format!("responds_to {}", id("message-0#2"))]);
    assert_eq!(calls_of("message-2"), [format!("responds_to {}", id("message-0#1"))]);
    assert_eq!(calls_of("message-3"), [format!("responds_to {}", id("message-0#0"))]);
    let used: Vec<String> = (1..4).map(|n| format!("used {}", id(&format!("message-{n}")))).collect();
    assert_eq!(calls_of("message-4"), used);
}
