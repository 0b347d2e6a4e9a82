//! How runs are paired, measured and reported, over a table written by hand.

use crate::fixture::{Builder, Row, Store};
use query::compare::Question;
use schemas::columns::RowClass;
use serde_json::{Value, json};

/// One run: version, task, trial, success, and the tokens of its one model call.
type Run = (&'static str, &'static str, u32, f64, i64);

fn store(runs: &[Run]) -> Store {
    let mut rows = Vec::new();
    for (version, task, trial, success, tokens) in runs {
        let session = format!("{version}/{task}/{trial}");
        let leaf = || rows.len() as i64;
        let base = |kind: &str, leaf: i64| {
            Row::event(&format!("e-{leaf}"), kind, leaf)
                .session(&session)
                .with("agent", "a")
                .with("agent_version", *version)
                .with("task", *task)
                .with("time", format!("2026-11-2{trial}T00:00:00Z"))
        };
        let call =
            base("model.call", leaf()).with("model", "gpt-4o").with("input_tokens", *tokens).with("output_tokens", 10);
        rows.push(call);
        let judged =
            base("evaluation", rows.len() as i64).with("evaluation_name", "success").with("evaluation_score", *success);
        rows.push(judged);
    }
    Builder::new().file(0, RowClass::Event, rows).build()
}

async fn compare(store: &Store, question: &Question) -> Value {
    let compared = store.engine().await.compare(question).await.expect("it is answered");
    serde_json::to_value(&compared).expect("it is JSON")
}

fn question() -> Question {
    Question { arms: vec!["version=1".into(), "version=2".into()], ..Question::default() }
}

fn detail<'a>(compared: &'a Value, measure: &str) -> &'a Value {
    compared["details"].as_array().unwrap().iter().find(|d| d["measure"] == measure).expect("the measure is there")
}

#[tokio::test]
async fn tasks_of_both_arms_are_pairs_and_others_are_listed() {
    let runs: Vec<Run> = vec![
        ("1", "t1", 1, 1.0, 100),
        ("1", "t2", 1, 0.0, 200),
        ("1", "t3", 1, 0.0, 300),
        ("1", "alone", 1, 1.0, 400),
        ("2", "t1", 1, 1.0, 110),
        ("2", "t2", 1, 1.0, 190),
        ("2", "t3", 1, 1.0, 330),
        ("2", "other", 1, 0.0, 1),
    ];
    let store = store(&runs);
    let compared = compare(&store, &question()).await;
    let success = detail(&compared, "success");
    assert_eq!(success["pairing"], "pairs");
    assert_eq!(success["comparison"]["counts"], json!({"both": 1, "only_a": 0, "only_b": 2, "neither": 0}));
    assert_eq!(detail(&compared, "input_tokens")["comparison"]["estimate"], 10.0);
    assert_eq!(compared["report"]["unpaired_total"], 2);
    let left: Vec<&str> =
        compared["report"]["unpaired"].as_array().unwrap().iter().map(|u| u["run"].as_str().unwrap()).collect();
    assert_eq!(left, ["1/alone/1", "2/other/1"]);
    // 100 and 110 tokens in, 10 out, at the example's price of gpt-4o.
    let cost = &detail(&compared, "cost")["comparison"];
    assert_eq!(cost["pairs"], 3);
    assert!((cost["value_a"].as_f64().unwrap() - (200.0 * 2.5 + 10.0 * 10.0) / 1e6).abs() < 1e-12, "{cost}");
    // The SQL of a figure gives the figure.
    let engine = store.engine().await;
    for measure in compared["report"]["measures"].as_array().unwrap() {
        let rows = crate::fixture::ask(&engine, measure["source"]["sql"].as_str().unwrap()).await;
        assert_eq!((&rows[0]["a"], &rows[0]["n"]), (&measure["a"], &measure["n"]), "{measure}");
    }
    let provenance = &compared["report"]["provenance"];
    assert_eq!((provenance["table_version"].as_i64(), provenance["heads"].as_array().unwrap().len()), (Some(0), 1));
}

#[tokio::test]
async fn trials_belong_to_their_task() {
    let mut runs: Vec<Run> = Vec::new();
    for (version, pass) in [("1", [1.0, 0.0]), ("2", [1.0, 1.0])] {
        for task in ["t1", "t2", "t3"] {
            runs.extend((1..=2).map(|trial| (version, task, trial, pass[trial as usize - 1], 100)));
        }
    }
    let compared = compare(&store(&runs), &question()).await;
    let success = detail(&compared, "success");
    assert_eq!((&success["pairing"], &success["comparison"]["design"]), (&json!("trials"), &json!("paired_clustered")));
    assert_eq!((&success["comparison"]["pairs"], &success["comparison"]["clusters"]), (&json!(6), &json!(3)));
    let curve = &compared["report"]["curves"][0];
    assert_eq!(
        (&curve["arm"], &curve["kind"], &curve["points"][1][1]["value"]),
        (&json!("A"), &json!("pass^k"), &json!(0.0))
    );
    // One trial more in one arm: tasks stand for their trials.
    runs.push(("2", "t1", 3, 0.0, 100));
    let compared = compare(&store(&runs), &question()).await;
    assert_eq!(detail(&compared, "success")["pairing"], "tasks");
    assert_eq!(detail(&compared, "success")["comparison"]["value_b"].as_f64(), Some((2.0 / 3.0 + 2.0) / 3.0));
}

#[tokio::test]
async fn without_common_tasks_arms_are_compared_as_they_are() {
    let runs: Vec<Run> =
        vec![("1", "a", 1, 1.0, 1), ("1", "b", 1, 0.0, 2), ("2", "c", 1, 1.0, 3), ("2", "d", 1, 1.0, 4)];
    let store = store(&runs);
    let compared = compare(&store, &question()).await;
    assert_eq!(detail(&compared, "success")["comparison"]["design"], "unpaired");
    assert_eq!(detail(&compared, "success")["comparison"]["test"]["method"], "Fisher, exact");
    assert_eq!(compared["report"]["unpaired_total"], 0);
    let own = Question {
        measures: vec!["double=sum(input_tokens) * 2".into(), "per_call=input_tokens / model_calls".into()],
        only: vec!["double".into(), "per_call".into()],
        ..question()
    };
    let compared = compare(&store, &own).await;
    assert_eq!(detail(&compared, "double")["comparison"]["estimate"], 4.0);
    assert_eq!(detail(&compared, "per_call")["comparison"]["estimate"], 2.0);
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_named() {
    let store = store(&[("1", "a", 1, 1.0, 1), ("2", "a", 1, 1.0, 3)]);
    let engine = store.engine().await;
    let refused = async |question: Question| engine.compare(&question).await.expect_err("it is refused").to_string();
    let arms = |a: &str, b: &str| Question { arms: vec![a.into(), b.into()], ..Question::default() };
    assert!(refused(arms("version=1", "vers=2")).await.contains("selection B: \"vers\""));
    assert!(refused(arms("version=1", "version=9")).await.contains("no run is in it"));
    let measure = Question { measures: vec!["x=no_such_column".into()], ..question() };
    assert!(refused(measure).await.contains("neither an aggregate over the events of a run"));
    let only = Question { only: vec!["x".into()], ..question() };
    assert!(refused(only).await.contains("there are success, cost, input_tokens"));
    let sql = arms("where:(SELECT 1) = 1; DROP TABLE events", "version=2");
    assert!(refused(sql).await.starts_with("SQL"));
}
