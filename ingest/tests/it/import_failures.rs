//! Who&When and AgentRx: every run and annotation of the data set, kept apart from the steps, and damage.

use crate::import_support::{
    all, assert_sealable, content, each_entry, expected, from_memory, ids, is_reject, number, shared, text,
};
use ingest::import::{Imported, rebuild};
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

const SET: &str = "failure-attribution";

fn by_id(drafts: &[Imported]) -> HashMap<&str, &Draft> {
    drafts.iter().map(|i| (i.draft.id.as_str(), &i.draft)).collect()
}

fn annotations<'d>(drafts: &'d [Imported], kind: &str) -> Vec<&'d Draft> {
    drafts.iter().map(|i| &i.draft).filter(|d| text(d, "hansard.annotation.kind") == Some(kind)).collect()
}

fn steps(drafts: &[Imported]) -> usize {
    drafts.iter().filter(|i| i.draft.attributes.contains_key("hansard.step")).count()
}

/// No step comes from an annotation, and none holds its words.
fn assert_apart(drafts: &[Imported]) {
    let notes: HashSet<&str> =
        drafts.iter().map(|i| &i.draft).filter(|d| d.kind == kind::EVALUATION).map(|d| d.id.as_str()).collect();
    for draft in drafts.iter().map(|i| &i.draft) {
        assert!(draft.causes.iter().all(|c| !notes.contains(c.id.as_str())), "an evaluation is nobody's cause");
        let noted = draft.attributes.keys().any(|name| name.starts_with("hansard.annotation"));
        assert_eq!(
            noted,
            draft.kind == kind::EVALUATION
                && text(draft, "gen_ai.evaluation.name").is_some_and(|n| n.starts_with("annotation."))
        );
    }
}

#[test]
fn every_run_of_who_and_when() {
    let Some(folder) = shared(SET) else { return };
    let want = &expected(&folder)["who_and_when"];
    let drafts = all("who-and-when", &[folder.join("who-and-when.tar.gz")]);
    drafts.iter().for_each(|i| assert_sealable(&i.draft));
    assert_apart(&drafts);
    let known = by_id(&drafts);
    assert_eq!(known.len(), drafts.len(), "no id comes twice");
    assert_eq!(json!(steps(&drafts)), want["steps"]);
    let culprits = annotations(&drafts, "culprit");
    assert_eq!(json!(culprits.len()), want["runs"]);
    let mut by_file: BTreeMap<String, &Draft> = BTreeMap::new();
    let (mut exact, mut plain) = (0, 0);
    for culprit in &culprits {
        let file = culprit.origin.as_deref().expect("a file").trim_start_matches("who-and-when.tar.gz/");
        by_file.insert(file.to_owned(), culprit);
        let step = known[culprit.causes[0].id.as_str()];
        let blamed = text(culprit, "hansard.annotation.agent");
        assert_eq!(number(step, "hansard.step"), number(culprit, "hansard.annotation.step"));
        exact += usize::from(text(step, "hansard.speaker") == blamed);
        plain += usize::from(step.agent.as_deref() == blamed);
    }
    assert_eq!(json!(exact), want["speaker_at_mistake_step_equals_mistake_agent"]);
    assert_eq!(json!(plain), want["speaker_equals_agent_ignoring_orchestrator_suffix"]);
    for case in want["cases"].as_array().expect("a list") {
        let found = by_file[case["file"].as_str().expect("a file")];
        assert_eq!(text(found, "hansard.annotation.agent"), case["mistake_agent"].as_str());
        assert_eq!(json!(number(found, "hansard.annotation.step")), case["mistake_step"]);
        assert_eq!(content(found, "reason").map(String::from_utf8_lossy).as_deref(), case["mistake_reason"].as_str());
        assert_eq!(found.task.as_deref(), case["question_ID"].as_str());
    }
    println!(
        "who-and-when: {} runs, {} steps, {exact} speakers are the blamed agent, {plain} without suffix",
        culprits.len(),
        steps(&drafts)
    );
}

#[test]
fn runs_of_who_and_when_are_rebuilt() {
    let Some(folder) = shared(SET) else { return };
    each_entry(&folder.join("who-and-when.tar.gz"), &mut |name, bytes| {
        let drafts = from_memory("who-and-when", name, &bytes);
        let run = drafts.iter().find_map(|i| content(&i.draft, "run")).expect("the rest of the file");
        let records: Vec<&[u8]> = drafts.iter().filter_map(|i| content(&i.draft, "record")).collect();
        assert!(rebuild(run, "history", &records).as_deref() == Some(&bytes[..]), "{name} is rebuilt byte for byte");
        assert!(
            content(&drafts[0].draft, "run").is_none(),
            "{name}: what begins the run does not give the answer away"
        );
    });
}

fn categories(roots: &[&Draft]) -> Value {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    roots
        .iter()
        .filter_map(|d| text(d, "hansard.annotation.category"))
        .for_each(|c| *counts.entry(c).or_default() += 1);
    json!(counts)
}

#[test]
fn every_annotation_of_agentrx_points_at_its_step() {
    let Some(folder) = shared(SET) else { return };
    let expected = expected(&folder);
    for (name, set) in [("agentrx-magentic", "agentrx_magentic"), ("agentrx-tau-retail", "agentrx_tau")] {
        let want = &expected[set];
        let drafts = all("agentrx", &[folder.join(name)]);
        drafts.iter().for_each(|i| assert_sealable(&i.draft));
        assert_apart(&drafts);
        let known = by_id(&drafts);
        let (failures, roots) = (annotations(&drafts, "failure"), annotations(&drafts, "root_cause"));
        assert_eq!(json!(roots.len()), want["annotated"], "{name}");
        assert_eq!(json!(failures.len()), want["failures"], "{name}");
        assert_eq!(categories(&roots), want["root_cause_categories"], "{name}");
        let blind: Vec<_> = failures.iter().filter(|d| !known.contains_key(d.causes[0].id.as_str())).collect();
        assert!(blind.is_empty(), "{name}: annotations without a step: {blind:?}");
        let mut found: BTreeSet<(String, i64, String)> = BTreeSet::new();
        for root in &roots {
            let run = root.session.as_deref().expect("a session").rsplit('/').next().expect("a name").to_owned();
            let agent = text(root, "hansard.annotation.agent").expect("an agent").to_owned();
            found.insert((run, number(root, "hansard.annotation.step"), agent));
        }
        for case in want["root_causes"].as_array().expect("a list") {
            let run = case.get("trajectory_id").or_else(|| case.get("task_id")).expect("a run");
            let run = run.as_str().map_or_else(|| run.to_string(), ToOwned::to_owned);
            let case = (
                run,
                case["step_number"].as_i64().expect("a step"),
                case["agent"].as_str().expect("an agent").to_owned(),
            );
            assert!(found.contains(&case), "{name}: {case:?}");
        }
        let starts: BTreeSet<&str> =
            drafts.iter().filter(|i| i.draft.kind == kind::SESSION_START).map(|i| i.session_key.as_str()).collect();
        if name == "agentrx-magentic" {
            // Two of the archive's files are no trajectories.
            assert_eq!(starts.len(), want["trajectories"].as_u64().expect("a count") as usize - 2, "{name}");
        } else {
            let passed: BTreeSet<&str> = drafts
                .iter()
                .filter(|i| text(&i.draft, "gen_ai.evaluation.score.label") == Some("pass"))
                .map(|i| i.session_key.as_str())
                .collect();
            assert_eq!(json!(passed.len()), want["reward_1"], "{name}");
            let speakers: BTreeSet<&str> = drafts
                .iter()
                .filter(|i| i.draft.attributes.contains_key("hansard.role"))
                .filter_map(|i| i.draft.agent.as_deref())
                .collect();
            assert_eq!(speakers, BTreeSet::from(["Assistant", "User", "system", "tool"]));
        }
        println!("{name}: {} runs, {} failures, {} root causes", starts.len(), failures.len(), roots.len());
    }
}

#[test]
fn ids_do_not_depend_on_where_the_data_lie() {
    let Some(folder) = shared(SET) else { return };
    let packed: HashSet<String> =
        ids(&all("who-and-when", &[folder.join("who-and-when.tar.gz")])).into_iter().collect();
    each_entry(&folder.join("who-and-when.tar.gz"), &mut |name, bytes| {
        let moved = from_memory("who-and-when", &format!("other/{}", name.rsplit('/').next().expect("a name")), &bytes);
        assert!(ids(&moved).iter().all(|id| packed.contains(id)), "{name}");
    });
}

#[test]
fn damaged_runs_are_rejects_and_odd_ones_are_kept() {
    let torn = br#"{"history": [{"content": "a", "role": "human"}], "mistake_ag"#;
    let drafts = from_memory("who-and-when", "h/1.json", torn);
    assert!(drafts.len() == 1 && is_reject(&drafts[0].draft));
    assert_eq!(content(&drafts[0].draft, "record"), Some(&torn[..]));
    let odd = json!({"history": [{"content": "a", "role": "human"}, 7], "question_ID": "q", "mistake_agent": "A",
                     "mistake_step": "99", "mistake_reason": "r"});
    let drafts = from_memory("who-and-when", "h/1.json", odd.to_string().as_bytes());
    assert_eq!(drafts.iter().filter(|i| is_reject(&i.draft)).count(), 1);
    let culprit = annotations(&drafts, "culprit")[0];
    assert!(culprit.causes.is_empty() && number(culprit, "hansard.annotation.step") == 99, "no step is invented");
    let torn = br#"[{"role": "human", "content": "a"},"#;
    let drafts = from_memory("agentrx", "m/1.json", torn);
    assert!(drafts.len() == 1 && is_reject(&drafts[0].draft));
    assert!(from_memory("agentrx", "m/empty.json", b"").is_empty());
}
