//! Published results recomputed from imported transcripts by `hansard compare`: AgentDojo's table, tau-bench's pass^k,
//! SWE-agent's rates, and every paired p that stands beside the data.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tests::{Hansard, shared_data};

/// The runs that AgentDojo's table is made of: user tasks, and of workspace the first six injections.
const TABLE: &str = "split_part(task, '/', 2) LIKE 'user_task_%' AND (variant = 'none' OR split_part(task, '/', 1) <> 'workspace' \
     OR split_part(task, '/', 3) IN ('injection_task_0', 'injection_task_1', 'injection_task_2', 'injection_task_3', \
     'injection_task_4', 'injection_task_5'))";

const DOJO: &str = "agent=agentdojo";

fn expected(data: &Path, set: &str) -> Value {
    let text = std::fs::read_to_string(data.join(set).join("expected.json")).expect("expected.json");
    serde_json::from_str(&text).expect("expected.json is JSON")
}

fn compare(hansard: &Hansard, arms: &[String], further: &[&str]) -> Value {
    let mut args = vec!["compare"];
    args.extend(arms.iter().map(String::as_str));
    args.extend(further);
    hansard.json(&args)
}

/// Means of a measure by arm, as (runs, percent to two decimals).
fn rates(compared: &Value, measure: &str) -> Vec<(u64, String)> {
    let of = |v: &&Value| v["measure"] == measure;
    let rate =
        |v: &Value| (v["runs"].as_u64().unwrap_or(0), format!("{:.2}", 100.0 * v["mean"].as_f64().unwrap_or(f64::NAN)));
    compared["values"].as_array().expect("values").iter().filter(of).map(rate).collect()
}

fn percent(part: &Value, of: &Value) -> (u64, String) {
    let n = of.as_f64().expect("a count");
    (of.as_u64().expect("a count"), format!("{:.2}", 100.0 * part.as_f64().expect("a count") / n))
}

/// The statistics of a measure of one arm against the first.
fn detail<'a>(compared: &'a Value, arm: &str, measure: &str) -> &'a Value {
    let all = compared["details"].as_array().expect("details");
    all.iter().find(|d| d["b"] == arm && d["measure"] == measure).expect("a detail")
}

fn letter(arm: usize) -> String {
    char::from(b'A' + u8::try_from(arm).expect("few arms")).to_string()
}

/// Counts and p of a pairing against `expected`, p to 3 significant digits.
fn check_paired(found: &Value, expected: &Value) {
    let comparison = &found["comparison"];
    for name in ["both", "only_a", "only_b", "neither"] {
        assert_eq!(comparison["counts"][name], expected[name], "{name} of {expected}");
    }
    assert_eq!(comparison["test"]["method"], "McNemar, exact");
    let digits = |v: &Value| format!("{:.2e}", v.as_f64().expect("a p"));
    assert_eq!(digits(&comparison["p"]), digits(&expected["mcnemar_exact_p"]), "{expected}");
}

/// Arms of one attack: the pipelines that were tried with it, that of the first name first.
type Arms = BTreeMap<String, Vec<(String, Value)>>;

fn arms_by_attack(expected: &Value) -> Arms {
    let mut arms = Arms::new();
    for pipeline in expected["pipelines"].as_array().expect("pipelines") {
        let name = pipeline["pipeline"].as_str().expect("a name").to_owned();
        arms.entry("none".into()).or_default().push((name.clone(), pipeline["no_attack"].clone()));
        for (attack, counts) in pipeline["attacks"].as_object().expect("attacks") {
            let counts = counts.get("v1.1.2").unwrap_or(&counts["all"]);
            arms.entry(attack.clone()).or_default().push((name.clone(), counts.clone()));
        }
    }
    arms
}

fn selection(pipeline: &str, attack: &str) -> String {
    format!("{DOJO};version='{pipeline}';variant='{attack}'")
}

fn agentdojo(hansard: &Hansard, data: &Path) {
    let expected = expected(data, "agentdojo");
    let mut rows = 0;
    for (attack, mut pipelines) in arms_by_attack(&expected) {
        if let [one] = pipelines.as_slice() {
            // A comparison has two arms: the second is the same pipeline without attack.
            let (none, counts) = (one.0.clone(), Value::Null);
            pipelines.push((none, counts));
        }
        let arm = |(i, (name, counts)): (usize, &(String, Value))| {
            selection(name, if i > 0 && counts.is_null() { "none" } else { &attack })
        };
        let arms: Vec<String> = pipelines.iter().enumerate().map(arm).collect();
        let compared =
            compare(hansard, &arms, &["--where", TABLE, "--only", "utility,security", "--success", "utility"]);
        let (utility, asr) = (rates(&compared, "utility"), rates(&compared, "security"));
        for (i, (name, counts)) in pipelines.iter().enumerate().filter(|(_, (_, counts))| !counts.is_null()) {
            assert_eq!(utility[i], percent(&counts["utility_true"], &counts["n"]), "utility of {name} under {attack}");
            if attack != "none" {
                assert_eq!(asr[i], percent(&counts["security_true"], &counts["n"]), "ASR of {name} under {attack}");
            }
            rows += 1;
        }
        check_dojo_pairs(&compared, &pipelines, &attack, &expected);
    }
    assert!(rows >= 41, "all rows of the table of this half: {rows}");
}

fn check_dojo_pairs(compared: &Value, pipelines: &[(String, Value)], attack: &str, expected: &Value) {
    for pair in expected["paired"].as_array().expect("paired").iter().filter(|p| p["attack"] == attack) {
        assert_eq!(pair["a"], pipelines[0].0.as_str(), "pairs are against the first pipeline");
        let arm = pipelines.iter().position(|(name, _)| pair["b"] == name.as_str()).expect("an arm");
        check_paired(detail(compared, &letter(arm), pair["field"].as_str().expect("a field")), pair);
    }
}

fn tau_bench(hansard: &Hansard, data: &Path) {
    let expected = expected(data, "tau-bench");
    let version = |file: &str| format!("agent=tau-bench;version='{}'", file.trim_end_matches(".json"));
    let pair = &expected["paired"];
    let files = ["gpt-4o-airline.even-tasks", pair["a"].as_str().expect("A"), pair["b"].as_str().expect("B")];
    let compared = compare(hansard, &[version(files[1]), version(files[2])], &["--only", "reward"]);
    check_paired(detail(&compared, "B", "reward"), pair);
    let compared = compare(hansard, &[version(files[0]), version(files[1])], &["--only", "reward"]);
    let curves = compared["report"]["curves"].as_array().expect("curves");
    let all = curves.iter().find(|c| c["kind"] == "pass^k" && c["arm"] == "A").expect("pass^k of A");
    for (k, point) in (1..=4).zip(all["points"].as_array().expect("points")) {
        assert_eq!(point[0], k);
        let (found, wanted) = (point[1]["value"].as_f64(), expected[files[0]][format!("pass^{k}")].as_f64());
        let digits = |v: Option<f64>| format!("{:.6}", v.expect("a share"));
        assert_eq!(digits(found), digits(wanted), "pass^{k}");
    }
    assert_eq!(all["points"].as_array().map(Vec::len), Some(4));
}

fn swe_agent(hansard: &Hansard, data: &Path) {
    let expected = expected(data, "swe-agent");
    let pair = &expected["paired"];
    let names = [pair["a"].as_str().expect("A"), pair["b"].as_str().expect("B")];
    let arms = names.map(|name| format!("version='{name}'"));
    let compared = compare(hansard, &arms, &["--only", "resolved"]);
    check_paired(detail(&compared, "B", "resolved"), pair);
    for (i, rate) in rates(&compared, "resolved").into_iter().enumerate() {
        assert_eq!(rate, percent(&expected[names[i]]["results"]["resolved"], &pair["instances"]), "{}", names[i]);
    }
    // The figure's own SQL gives the figure.
    let measure = &compared["report"]["measures"][0];
    let row = &hansard.rows(measure["source"]["sql"].as_str().expect("SQL"))[0];
    assert_eq!((&row["n"], &row["a"], &row["b"]), (&pair["instances"], &measure["a"], &measure["b"]));
    assert_eq!(measure["source"]["runs"].as_array().map(Vec::len), Some(20));
    assert_eq!(measure["source"]["runs_total"], 182);
    forms(hansard, &arms, data);
}

/// Every form of a report, and what it stands on.
fn forms(hansard: &Hansard, arms: &[String; 2], _data: &Path) {
    let command = |further: &[&str]| hansard.ok(&[&["compare", &arms[0], &arms[1]], further].concat());
    let text = command(&["--segment", "split_part(task, '__', 1)"]);
    assert!(text.contains("resolved") && text.contains("McNemar, exact") && text.contains("root 0:"), "{text}");
    let csv = command(&["--format", "csv"]);
    assert!(csv.starts_with("measure,a,b,difference,low,high,p,p_adjusted"), "{csv}");
    let html = command(&["--format", "html"]);
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("Content-Security-Policy"), "the page");
    let file = hansard.data.with_file_name("report.parquet").display().to_string();
    let _ = command(&["--out", &file, "--table", "measures"]);
    assert_eq!(std::fs::read(&file).expect("the file").get(..4), Some(&b"PAR1"[..]));
    let wrong = hansard.run(&["compare", "agnt=x", &arms[1]]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no such key; keys: agent"), "{wrong:?}");
    let none = hansard.run(&["compare", "agent=nobody", &arms[1]]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
}

#[test]
fn published_tables_are_recomputed() {
    let Some(data) = shared_data() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(&dir.path().join("data"));
    let _ = hansard.ok(&["init", "--replication", "1"]);
    for set in ["swe-agent", "tau-bench", "agentdojo"] {
        let _ = hansard.ok(&["import", set, &data.join(set).display().to_string()]);
    }
    swe_agent(&hansard, &data);
    tau_bench(&hansard, &data);
    agentdojo(&hansard, &data);
}
