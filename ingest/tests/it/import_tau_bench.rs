//! tau-bench runs: every figure of the data set's `expected.json`, identity, rebuilding, damage.

use crate::import_support::{all, assert_sealable, content, expected, from_memory, ids, is_reject, shared, text};
use ingest::import::{Imported, rebuild};
use schemas::kind;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

const SET: &str = "tau-bench";

/// Rewards per task.
type Rewards<'d> = BTreeMap<&'d str, Vec<f64>>;

fn rewards<'d>(drafts: &[&'d Imported]) -> Rewards<'d> {
    let mut rewards = Rewards::new();
    for draft in drafts.iter().map(|i| &i.draft).filter(|d| d.kind == kind::EVALUATION) {
        let score = draft.attributes["gen_ai.evaluation.score.value"].as_f64().expect("a score");
        assert_eq!(text(draft, "gen_ai.evaluation.score.label") == Some("pass"), score == 1.0);
        assert_eq!(draft.causes.len(), 1);
        rewards.entry(draft.task.as_deref().expect("a task")).or_default().push(score);
    }
    rewards
}

/// pass^k: mean over tasks of C(c,k)/C(n,k).
fn pass_hat(rewards: &Rewards<'_>, k: usize) -> f64 {
    let choose = |n: usize, k: usize| (0..k).map(|i| (n as f64 - i as f64) / (i as f64 + 1.0)).product::<f64>();
    let of_task = |r: &Vec<f64>| choose(r.iter().filter(|x| **x == 1.0).count(), k) / choose(r.len(), k);
    rewards.values().map(of_task).sum::<f64>() / rewards.len() as f64
}

#[test]
fn every_count_of_expected_json() {
    let Some(folder) = shared(SET) else { return };
    let expected = expected(&folder);
    let drafts = all("tau-bench", std::slice::from_ref(&folder));
    drafts.iter().for_each(|i| assert_sealable(&i.draft));
    assert!(drafts.iter().all(|i| !is_reject(&i.draft)));
    let files = expected.as_object().expect("an object").iter().filter(|(name, _)| *name != "paired");
    for (file, want) in files {
        let version = file.strip_suffix(".json").unwrap_or(file);
        let own: Vec<&Imported> = drafts.iter().filter(|i| i.draft.agent_version.as_deref() == Some(version)).collect();
        let of_kind = |k: &str| own.iter().filter(|i| i.draft.kind == k).count();
        let sessions: BTreeSet<_> = own.iter().map(|i| &i.draft.session).collect();
        let rewards = rewards(&own);
        assert_eq!(json!(of_kind(kind::SESSION_START)), want["runs"], "{file}: runs");
        assert_eq!(json!(sessions.len()), want["runs"], "{file}: sessions");
        assert_eq!(json!(rewards.len()), want["tasks"], "{file}: tasks");
        assert!(rewards.values().all(|r| json!(r.len()) == want["trials_per_task"]), "{file}: trials");
        assert_eq!(
            json!(rewards.values().flatten().filter(|r| **r == 1.0).count()),
            want["reward_1"],
            "{file}: rewards"
        );
        let messages = own.iter().filter(|i| content(&i.draft, "record").is_some()).count();
        assert_eq!(json!(messages), want["messages"], "{file}: messages");
        assert_eq!(json!(of_kind(kind::TOOL_CALL)), want["tool_calls"], "{file}: tool calls");
        let answered = own.iter().filter(|i| text(&i.draft, "hansard.link") == Some("id")).count();
        assert_eq!(answered, of_kind(kind::TOOL_RESULT), "{file}: results linked by id");
        for k in 1..=4 {
            let Some(pass) = want[format!("pass^{k}")].as_f64() else {
                continue;
            };
            assert!((pass_hat(&rewards, k) - pass).abs() < 1e-6, "{file}: pass^{k}");
        }
        println!("tau-bench: {file}: {} runs, {messages} messages, {} calls", sessions.len(), of_kind(kind::TOOL_CALL));
    }
    paired(&expected["paired"], &drafts);
}

/// Two strategies of an agent meet on the same tasks.
fn paired(want: &serde_json::Value, drafts: &[Imported]) {
    let of = |name: &serde_json::Value| {
        let version = name.as_str().expect("a name").trim_end_matches(".json").to_owned();
        let own: Vec<&Imported> =
            drafts.iter().filter(|i| i.draft.agent_version.as_deref() == Some(version.as_str())).collect();
        rewards(&own)
    };
    let (a, b) = (of(&want["a"]), of(&want["b"]));
    let pairs: Vec<(bool, bool)> = a.iter().filter_map(|(t, r)| Some((r[0] == 1.0, b.get(t)?[0] == 1.0))).collect();
    let count = |pair| pairs.iter().filter(|p| **p == pair).count();
    assert_eq!(json!(pairs.len()), want["pairs"]);
    assert_eq!(json!(count((true, true))), want["both"]);
    assert_eq!(json!(count((true, false))), want["only_a"]);
    assert_eq!(json!(count((false, true))), want["only_b"]);
    assert_eq!(json!(count((false, false))), want["neither"]);
}

fn original(folder: &std::path::Path) -> Vec<u8> {
    let file = std::fs::File::open(folder.join("gpt-4o-airline.even-tasks.json.gz")).expect("file opens");
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).expect("file is readable");
    bytes
}

#[test]
fn a_file_is_rebuilt_and_ids_do_not_depend_on_its_place() {
    let Some(folder) = shared(SET) else { return };
    let bytes = original(&folder);
    let drafts = from_memory("tau-bench", "elsewhere/gpt-4o-airline.even-tasks.json", &bytes);
    let in_place = all("tau-bench", &[folder.join("gpt-4o-airline.even-tasks.json.gz")]);
    assert_eq!(ids(&drafts), ids(&in_place));
    assert_eq!(ids(&drafts).into_iter().collect::<BTreeSet<_>>().len(), drafts.len(), "no id comes twice");
    let mut rebuilt = Vec::new();
    for start in drafts.iter().filter(|i| i.draft.kind == kind::SESSION_START) {
        let own = drafts.iter().filter(|i| i.draft.session == start.draft.session);
        let records: Vec<&[u8]> = own.filter_map(|i| content(&i.draft, "record")).collect();
        rebuilt.extend_from_slice(content(&start.draft, "before").expect("what stands before the run"));
        rebuilt.extend(rebuild(content(&start.draft, "run").expect("the run"), "traj", &records).expect("a run"));
    }
    assert!(bytes.starts_with(&rebuilt) && bytes[rebuilt.len()..].trim_ascii() == b"]", "the file stands again");
}

#[test]
fn runs_before_damage_are_kept_and_the_rest_is_a_reject() {
    let whole = json!([{"task_id": 1, "trial": 0, "reward": 1.0, "traj": [{"role": "user", "content": "a"}]},
                       {"task_id": 1, "trial": 0, "traj": []}, {"task_id": 2}])
    .to_string();
    let drafts = from_memory("tau-bench", "v-retail.json", whole.as_bytes());
    let sessions: BTreeSet<&str> = drafts.iter().filter_map(|i| i.draft.session.as_deref()).collect();
    assert_eq!(sessions.into_iter().collect::<Vec<_>>(), ["v-retail/1/0", "v-retail/1/0~2", "v-retail/2/none"]);
    assert!(drafts.iter().all(|i| i.draft.task.as_deref().is_some_and(|t| t.starts_with("retail/"))));
    let cut = whole.len() - 10;
    let torn = from_memory("tau-bench", "v-retail.json", &whole.as_bytes()[..cut]);
    let (rejects, events): (Vec<_>, Vec<_>) = torn.iter().partition(|i| is_reject(&i.draft));
    assert_eq!(rejects.len(), 1);
    assert!(events.iter().all(|i| ids(&drafts).contains(&i.draft.id)));
    let rest = content(&rejects[0].draft, "record").expect("the rest");
    assert!(whole.as_bytes()[..cut].ends_with(rest) && !rest.is_empty());
}
