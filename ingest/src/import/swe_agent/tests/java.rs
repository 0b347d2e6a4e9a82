//! SWE-agent with two models on the same 91 Java issues: every figure of the data set's `expected.json`.

use super::{all, assert_whole, integer, named, number, shared, text};
use crate::import::Imported;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn of_run<'d>(drafts: &'d [Imported], run: &str) -> Vec<&'d Draft> {
    drafts.iter().map(|i| &i.draft).filter(|d| d.agent_version.as_deref() == Some(run)).collect()
}

/// Tasks by whether they were resolved.
fn resolved<'d>(own: &[&'d Draft]) -> BTreeMap<&'d str, bool> {
    let evaluations = named(own.iter().copied(), "resolved");
    evaluations
        .into_iter()
        .map(|draft| {
            let label = text(draft, "gen_ai.evaluation.score.label");
            let score = number(draft, "gen_ai.evaluation.score.value") == 1.0;
            assert_eq!(label == Some("resolved"), score);
            (draft.task.as_deref().expect("a task"), score)
        })
        .collect()
}

fn check(run: &str, want: &Value, own: &[&Draft]) {
    let of_kind = |kind: &str| own.iter().copied().filter(|d| d.kind == kind).collect::<Vec<_>>();
    let ends = of_kind(kind::SESSION_END);
    assert_eq!(json!(of_kind(kind::SESSION_START).len()), want["trajectories"], "{run}");
    assert_eq!(json!(of_kind(kind::MODEL_CALL).len()), want["trajectory_steps"], "{run}");
    let mut steps: BTreeMap<&str, i64> = BTreeMap::new();
    let calls = of_kind(kind::MODEL_CALL);
    calls.iter().for_each(|draft| *steps.entry(draft.task.as_deref().expect("a task")).or_default() += 1);
    assert_eq!(json!(steps), want["steps_per_instance"], "{run}");
    let mut exits: BTreeMap<&str, i64> = BTreeMap::new();
    for draft in named(own.iter().copied(), "submitted") {
        let label = text(draft, "gen_ai.evaluation.score.label").expect("a label");
        *exits.entry(if label == "none" { "None" } else { label }).or_default() += 1;
    }
    assert_eq!(json!(exits), want["exit_status"], "{run}");
    assert_eq!(json!(ends.iter().map(|d| integer(d, "swe_agent.api_calls")).sum::<i64>()), want["api_calls"], "{run}");
    let cost: f64 = ends.iter().map(|d| number(d, "swe_agent.cost.usd")).sum();
    assert!((cost - want["instance_cost_sum"].as_f64().expect("a cost")).abs() < 1e-4, "{run}: {cost}");
    let resolved = resolved(own);
    assert_eq!(json!(resolved.len()), want["results"]["total_instances"], "{run}");
    let names: Vec<&str> = resolved.iter().filter(|(_, yes)| **yes).map(|(task, _)| *task).collect();
    assert_eq!(json!(names), want["resolved_ids"], "{run}");
    let label = |label: &str| {
        let all = named(own.iter().copied(), "resolved");
        json!(all.into_iter().filter(|d| text(d, "gen_ai.evaluation.score.label") == Some(label)).count())
    };
    for (name, list) in [("unresolved", "unresolved_ids"), ("empty_patch", "empty_patch_ids"), ("error", "error_ids")] {
        assert_eq!(label(name), want["results"][list], "{run}: {name}");
    }
    assert_eq!(label("incomplete"), want["results"]["incomplete_ids"], "{run}");
}

#[test]
fn every_figure_of_expected_json() {
    let Some(folder) = shared() else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(folder.join("expected.json")).expect("expected.json is readable"))
            .expect("expected.json is JSON");
    let drafts = all(&[folder.join("multi-swe-java")]);
    assert_whole(&drafts.iter().map(|i| &i.draft).collect::<Vec<_>>(), 0);
    let runs = expected.as_object().expect("an object").iter().filter(|(name, _)| *name != "paired");
    for (run, want) in runs {
        let own = of_run(&drafts, run);
        check(run, want, &own);
        let models: BTreeSet<&str> = own.iter().filter_map(|d| text(d, "gen_ai.request.model")).collect();
        assert_eq!(models.into_iter().collect::<Vec<_>>(), [run.rsplit('_').next().expect("a model")]);
        assert!(own.iter().all(|d| d.agent.as_deref() == Some("swe-agent")));
    }
    let paired = &expected["paired"];
    let of = |name: &Value| resolved(&of_run(&drafts, name.as_str().expect("a name")));
    let (a, b) = (of(&paired["a"]), of(&paired["b"]));
    let pairs: Vec<(bool, bool)> = a.iter().filter_map(|(task, a)| Some((*a, *b.get(task)?))).collect();
    let count = |pair| json!(pairs.iter().filter(|p| **p == pair).count());
    assert_eq!(json!(pairs.len()), paired["instances"]);
    assert_eq!(count((true, true)), paired["both"]);
    assert_eq!(count((true, false)), paired["only_a"]);
    assert_eq!(count((false, true)), paired["only_b"]);
    assert_eq!(count((false, false)), paired["neither"]);
}

#[test]
fn a_call_has_its_result_and_the_harness_makes_none() {
    let Some(folder) = shared() else { return };
    let drafts = all(&[folder.join("multi-swe-java")]);
    let of_kind = |kind: &str| drafts.iter().map(|i| &i.draft).filter(|d| d.kind == kind).collect::<Vec<_>>();
    let (calls, results) = (of_kind(kind::TOOL_CALL), of_kind(kind::TOOL_RESULT));
    let key = |d: &&Draft| (d.session.clone(), text(d, "gen_ai.tool.call.id").map(str::to_owned));
    let by_call: BTreeSet<_> = calls.iter().map(key).collect();
    assert_eq!(by_call.len(), calls.len());
    assert_eq!(by_call, results.iter().map(key).collect());
    assert!(calls.iter().all(|d| text(d, "gen_ai.tool.name").is_some_and(|tool| !tool.starts_with("exit_cost"))));
    let stopped = of_kind(kind::MODEL_CALL).into_iter().filter(|d| text(d, "error.type") == Some("exit_cost")).count();
    assert_eq!(stopped + calls.len(), of_kind(kind::MODEL_CALL).len(), "each step is a call or the harness's end");
    println!("swe-agent: {} calls with results, {stopped} steps of the harness", calls.len());
}

#[test]
fn results_and_trajectories_may_come_in_any_order_and_apart() {
    let Some(folder) = shared() else { return };
    let run = folder.join("multi-swe-java/20240825_SWE-agent_gpt-4o-2024-05-13");
    let part = |suffix: &str| std::path::PathBuf::from(format!("{}{suffix}", run.display()));
    let sorted = |mut drafts: Vec<Imported>| {
        drafts.sort_by(|a, b| a.draft.id.cmp(&b.draft.id));
        drafts
    };
    let (trajectories, results) = (part(".trajs.tar.gz"), part(".results.json"));
    let forth = sorted(all(&[trajectories.clone(), results.clone()]));
    assert_eq!(forth, sorted(all(&[results.clone(), trajectories.clone()])));
    let mut apart = all(&[results]);
    apart.extend(all(&[trajectories]));
    assert_eq!(forth, sorted(apart));
}
