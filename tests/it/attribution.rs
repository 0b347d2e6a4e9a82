//! Which step made a run fail: how near `trace --up` from the outcome leads to the step that people blame, on Who&When and
//! AgentRx, beside blaming the last step, the first one, or any. A report: it asserts only that every run was answered.
//!
//! The ranking knows no annotation. The outcome is the run's last step. Its traced path is every step to which
//! `/v1/trace/EVENT?direction=up` leads. Each step of the path is asked where its values came from (`/v1/origin/EVENT`: the
//! `sources` and what acts `made`), and has one vote for each step that it leads to; most votes rank first, and of equals
//! the one nearer to the outcome. So the step ranks first whose own words most of the run stands on.
//!
//! `HANSARD_RUNS` says how many runs of each set (default 2; 1,000 for all of them, which take some minutes). The table
//! with `--show-output`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::Stdio;
use std::time::Duration;
use tests::{Guard, Hansard, free_port, http, shared_data, wait_for};

/// Runs of each set unless `HANSARD_RUNS` says otherwise.
const RUNS: usize = 2;
/// Ranks that count as found.
const FOUND: [usize; 3] = [1, 3, 5];
/// The format and the folders of `failure-attribution` that it reads.
const IMPORTS: [(&str, &[&str]); 2] =
    [("who-and-when", &["who-and-when.tar.gz"]), ("agentrx", &["agentrx-magentic", "agentrx-tau-retail"])];
const BLAMED: &str = "select session, agent, json_get(header, '$.data.attributes.hansard.annotation.agent') as blamed, \
    json_get(header, '$.data.attributes.hansard.annotation.position') as position from events where kind = 'evaluation' \
    and json_get(header, '$.data.attributes.hansard.annotation.kind') in ('culprit', 'root_cause') order by session";
const STEPS: &str = "select id, session, agent, native_id from events where kind <> 'evaluation' \
    and (native_id like 'step-%' or native_id like 'message-%')";

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// The place of a step: `step-7`, `message-7`, or `message-7#0` for a call of it.
fn place(native: &str) -> Option<usize> {
    let number = native.strip_prefix("step-").or_else(|| native.strip_prefix("message-"))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A run: its steps by place (event and agent), and the place of each event.
#[derive(Default)]
struct Run {
    steps: BTreeMap<usize, (String, String)>,
    place: BTreeMap<String, usize>,
}

/// What a way of blaming found.
#[derive(Default)]
struct Tally {
    rank_sum: f64,
    found: [f64; 3],
    agents: f64,
}

impl Tally {
    fn add(&mut self, rank: usize, agent: bool) {
        self.rank_sum += rank as f64;
        self.agents += f64::from(u8::from(agent));
        for (found, max) in self.found.iter_mut().zip(FOUND) {
            *found += f64::from(u8::from(rank <= max));
        }
    }
}

/// One set of runs.
#[derive(Default)]
struct Report {
    runs: usize,
    steps: usize,
    /// Runs whose blamed step lies on the path by links, and by values of the outcome alone.
    linked: usize,
    valued: usize,
    /// Annotated runs without the annotated step.
    left_out: usize,
    ways: BTreeMap<&'static str, Tally>,
}

impl Report {
    fn add(&mut self, run: &Run, blamed: usize, agent: &str, traced: &Traced) {
        self.runs += 1;
        self.steps += run.steps.len();
        self.linked += usize::from(traced.path.contains(&blamed));
        self.valued += usize::from(traced.of_outcome.contains(&blamed));
        let is_agent = |place: usize| run.steps.get(&place).is_some_and(|(_, own)| own == agent);
        let places: Vec<usize> = run.steps.keys().copied().collect();
        let mut by_votes = places.clone();
        by_votes.sort_by_key(|place| std::cmp::Reverse((traced.votes.get(place).copied().unwrap_or(0), *place)));
        let backwards: Vec<usize> = places.iter().rev().copied().collect();
        for (way, order) in [("trace --up", &by_votes), ("last step first", &backwards), ("first step first", &places)]
        {
            let rank = order.iter().position(|place| *place == blamed).expect("the blamed step is a step") + 1;
            self.ways.entry(way).or_default().add(rank, is_agent(order[0]));
        }
        // What blaming any step finds on average.
        let any = self.ways.entry("any step").or_default();
        let steps = places.len() as f64;
        any.rank_sum += (steps + 1.0) / 2.0;
        any.agents += places.iter().filter(|place| is_agent(**place)).count() as f64 / steps;
        for (found, max) in any.found.iter_mut().zip(FOUND) {
            *found += (max as f64 / steps).min(1.0);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs.max(1) as f64;
        write!(
            f,
            "{} runs, {:.1} steps on average; the blamed step is on the path ",
            self.runs,
            self.steps as f64 / runs
        )?;
        write!(f, "by links in {}, by the outcome's own values in {}; ", self.linked, self.valued)?;
        writeln!(f, "left out {}", self.left_out)?;
        writeln!(f, "  way                mean rank   in 1    in 3    in 5   agent")?;
        for (way, tally) in &self.ways {
            write!(f, "  {way:18} {:9.1}", tally.rank_sum / runs)?;
            for found in tally.found.iter().chain([&tally.agents]) {
                write!(f, " {:5.1} %", 100.0 * found / runs)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// What tracing a run found.
struct Traced {
    path: BTreeSet<usize>,
    of_outcome: BTreeSet<usize>,
    votes: BTreeMap<usize, usize>,
}

fn ask(port: u16, path: &str) -> Value {
    let (status, body) = http(port, "GET", path, "text/plain", b"").expect("the server answers");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("an answer is JSON")
}

/// The steps that a step's values came from first.
fn led_to(port: u16, run: &Run, event: &str) -> BTreeSet<usize> {
    let up = ask(port, &format!("/v1/origin/{event}"));
    assert_eq!(up["event"], event, "an answer is about what was asked");
    let list = |name: &str| up[name].as_array().cloned().unwrap_or_default();
    let roots = list("sources").into_iter().chain(list("made"));
    roots.filter_map(|root| run.place.get(root["event"].as_str()?).copied()).collect()
}

fn traced(port: u16, run: &Run) -> Traced {
    let (_, (outcome, _)) = run.steps.last_key_value().expect("a run has steps");
    let trace = ask(port, &format!("/v1/trace/{outcome}?direction=up&depth=1000"));
    let nodes = trace["nodes"].as_array().expect("nodes").iter();
    let path: BTreeSet<usize> = nodes.filter_map(|node| run.place.get(node["id"].as_str()?).copied()).collect();
    let mut votes = BTreeMap::new();
    for (event, _) in path.iter().filter_map(|place| run.steps.get(place)) {
        for place in led_to(port, run, event) {
            *votes.entry(place).or_default() += 1;
        }
    }
    Traced { path, of_outcome: led_to(port, run, outcome), votes }
}

fn runs_of(hansard: &Hansard) -> BTreeMap<String, Run> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for row in hansard.rows(STEPS) {
        let (id, native) = (text(&row, "id"), text(&row, "native_id"));
        let Some(place) = place(&native) else { continue };
        let run = runs.entry(text(&row, "session")).or_default();
        run.place.insert(id.clone(), place);
        if !native.contains('#') {
            run.steps.insert(place, (id, text(&row, "agent")));
        }
    }
    runs
}

#[test]
fn blamed_steps_on_the_traced_path() {
    let Some(shared) = shared_data() else { return };
    let most = std::env::var("HANSARD_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (format, places) in IMPORTS {
        let hansard = Hansard::new(&dir.path().join(format));
        let folder = shared.join("failure-attribution");
        let places: Vec<String> = places.iter().map(|place| folder.join(place).display().to_string()).collect();
        let _ = hansard.ok(&[&["import", format], &places.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
        let (runs, blamed) = (runs_of(&hansard), hansard.rows(BLAMED));
        let port = free_port();
        let mut serve = hansard.command(&["serve", "--roles", "query", "--listen", &format!("127.0.0.1:{port}")]);
        let _server = Guard(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("serve starts"));
        let ready = || http(port, "GET", "/readyz", "text/plain", b"").is_ok_and(|(status, _)| status == 200);
        wait_for("the server is ready", Duration::from_secs(60), ready);
        let mut reports: BTreeMap<String, Report> = BTreeMap::new();
        for row in &blamed {
            let session = text(row, "session");
            let set = session.split('/').next().unwrap_or_default().to_owned();
            let report = reports.entry(set).or_default();
            let position: Option<usize> = text(row, "position").parse().ok();
            let run = runs.get(&session);
            match (run, position) {
                _ if report.runs >= most => {}
                (Some(run), Some(place)) if run.steps.contains_key(&place) => {
                    report.add(run, place, &text(row, "blamed"), &traced(port, run));
                }
                _ => report.left_out += 1,
            }
        }
        assert!(!reports.is_empty(), "{format}: no run is annotated");
        for (set, report) in &reports {
            assert!(report.runs > 0, "{format} {set}: no run was answered");
            println!("{format} {set}: {report}");
        }
    }
}
