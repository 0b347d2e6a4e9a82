//! What bad text reached, where it came from, and what decisions stand on: `trace --down`, `trace --up` and `why` on
//! real OpenClaw sessions, against the causes that the data set's `expected.json` states. Figures: `--show-output`.
//!
//! (Origins of injected calls in AgentDojo runs: `origins.rs`.)

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tests::{Hansard, shared_data};

/// The two forms in which OpenClaw kept sessions.
const FORMS: [&str; 2] = ["jsonl-2026.7.1-2", "sqlite-2026.9.6"];
/// The calls whose effect a written file is: the call's result is the record on which the write stands.
const WRITES: &str = "select c.id, w.resource, w.session, w.native_id from events w \
    join events r on r.session = w.session and r.native_id = split_part(w.native_id, '#', 1) \
    join events c on c.session = r.session and c.tool_call_id = r.tool_call_id \
    where r.kind = 'tool.result' and c.kind = 'tool.call' and w.kind in ('file.write', 'memory.write')";
/// A record of a transcript: its session and its id.
type Record = (String, String);

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("no list {name} in {value}"))
}

/// The record on which an event stands: `ID` itself, or `ID#0` for a part of it.
fn record_of(row: &Value) -> Record {
    (text(row, "session"), text(row, "native_id").split('#').next().unwrap_or_default().to_owned())
}

/// The session of a transcript: `…/SESSION.jsonl…`, or `…sqlite#SESSION`.
fn session_of(file: &str) -> String {
    let name = file.rsplit(['/', '#']).next().unwrap_or_default();
    name.split(".jsonl").next().unwrap_or_default().to_owned()
}

fn records(places: &[Value]) -> BTreeSet<Record> {
    places.iter().map(|place| (session_of(&text(place, "file")), text(place, "record"))).collect()
}

/// One form of OpenClaw sessions, imported.
struct Sessions {
    hansard: Hansard,
    folder: PathBuf,
    expected: Value,
    /// Record and native id by event.
    events: BTreeMap<String, (Record, String)>,
    writes: Vec<Value>,
}

impl Sessions {
    fn import(shared: &Path, form: &str, dir: &Path) -> Self {
        let folder = shared.join("openclaw-sessions");
        let hansard = Hansard::new(&dir.join(form));
        let expected = std::fs::read(folder.join("expected.json")).expect("expected.json");
        let expected = serde_json::from_slice::<Value>(&expected).expect("expected.json is JSON")[form].take();
        let folder = folder.join(form);
        let _ = hansard.ok(&["import", "openclaw", &folder.display().to_string()]);
        let rows = hansard.rows("select id, native_id, session from events where source = 'import:openclaw'");
        let events = rows.iter().map(|row| (text(row, "id"), (record_of(row), text(row, "native_id")))).collect();
        let writes = hansard.rows(WRITES);
        Self { hansard, folder, expected, events, writes }
    }

    fn record(&self, event: &Value) -> Record {
        let known = event.as_str().and_then(|id| self.events.get(id));
        known.unwrap_or_else(|| panic!("{event} is no event of the import")).0.clone()
    }

    /// The event that holds a whole record.
    fn event(&self, record: &Record) -> &str {
        let found = self.events.iter().find(|(_, (own, native))| own == record && *native == record.1);
        found.unwrap_or_else(|| panic!("{record:?} was not imported")).0
    }
}

/// What is wrong of the way up again, from the call that wrote the wrong outcome.
fn check_up(form: &Sessions, chain: &Value, origin: &Record, want: &BTreeSet<Record>) -> Option<String> {
    let path = &chain["wrong_outcome"]["path"];
    let wrote = |w: &&Value| w["resource"] == *path && want.contains(&record_of(w));
    let Some(act) = form.writes.iter().find(wrote) else { return Some(format!("nothing wrote {path}")) };
    let up = form.hansard.json(&["trace", &text(act, "id"), "--up"])["origin"]["origin"].take();
    let ends = up["path"].as_array().and_then(|path| path.last()).is_some_and(|step| step["event"] == up["event"]);
    let right = up["event"] == form.event(origin) && up["likely"] == true && ends;
    (!right).then(|| format!("the origin of {path} is {up}"))
}

/// What of a poison chain is wrong; its figures are printed.
fn check_chain(form: &Sessions, chain: &Value) -> Vec<String> {
    let (name, mut wrong) = (text(chain, "name"), Vec::new());
    let mut check = |holds: bool, what: String| wrong.extend((!holds).then(|| format!("{name}: {what}")));
    let origin = records(&[chain["origin"].clone()]).pop_first().expect("one origin");
    let influenced = list(chain, "influenced");
    let (want, hidden) = (records(influenced), records(list(chain, "listed_without_the_value")));
    let down = form.hansard.json(&["trace", form.event(&origin), "--down"])["influence"].take();
    // The strongest grade of each record's events, with what shows it.
    let mut found: BTreeMap<Record, (usize, &str, String)> = BTreeMap::new();
    for effect in list(&down, "effects") {
        let grade = effect["grade"].as_str().unwrap_or_default();
        let rank = ["carried", "received", "reachable"].iter().position(|g| *g == grade).expect("a grade");
        let here = (rank, grade, text(effect, "basis"));
        let best = found.entry(form.record(&effect["event"])).or_insert_with(|| here.clone());
        *best = best.clone().min(here);
    }
    let graded =
        |grade: &str| found.iter().filter(|(_, f)| f.1 == grade).map(|(r, _)| r.clone()).collect::<BTreeSet<_>>();
    let (carried, received, reachable) = (graded("carried"), graded("received"), graded("reachable"));
    let corrections = list(&down, "corrections").iter().map(|c| form.record(&c["event"])).collect::<BTreeSet<_>>();
    let reached: BTreeSet<Record> = carried.iter().chain(&received).cloned().collect();
    let missing: Vec<_> = want.iter().filter(|r| !reached.contains(*r) && !corrections.contains(*r)).collect();
    let extra: Vec<_> = reached.difference(&want).collect();
    check(missing.is_empty(), format!("influenced and not found: {missing:?}"));
    check(hidden.is_subset(&reached), format!("without the value in their text, not all found: {hidden:?}"));
    check(extra.is_empty(), format!("carried or received and not listed: {extra:?}"));
    for acted in influenced.iter().filter(|i| i["kind"] == "memory-write" || i["kind"] == "derived") {
        let record = records(std::slice::from_ref(acted));
        check(record.is_subset(&carried), format!("{record:?} is an agent's act and not carried"));
    }
    let corrected = records(list(chain, "correction_records"));
    check(corrections == corrected, format!("corrections {corrections:?}, not {corrected:?}"));
    let copies = list(&down, "copies").iter().map(|copy| form.record(copy)).collect::<BTreeSet<_>>();
    check(copies == records(list(chain, "origin_copies")), format!("copies of the origin: {copies:?}"));
    for exposed in list(chain, "exposed_not_influenced") {
        let session = session_of(&text(exposed, "file"));
        let of = |all: &BTreeSet<Record>| all.iter().filter(|r| r.0 == session).cloned().collect::<BTreeSet<_>>();
        check(of(&carried).is_empty(), format!("{session} was only exposed, yet carries {:?}", of(&carried)));
        check(of(&received) == of(&want), format!("{session} received {:?}", of(&received)));
    }
    check(down["bounds"] == json!([]), format!("bounds {}", down["bounds"]));
    let held = &down["containment"];
    let sessions: BTreeSet<_> = want.iter().map(|r| r.0.as_str()).collect();
    check(held["sessions"] == json!(sessions), format!("sessions to review {}", held["sessions"]));
    let keeps = list(held, "keys").contains(&chain["memory_file"]);
    check(keeps == chain["corrected_by"].is_null(), format!("keys to quarantine {}", held["keys"]));
    wrong.extend(check_up(form, chain, &origin, &want).map(|what| format!("{name}: {what}")));
    let by = |basis: &str| want.iter().filter(|r| found.get(*r).is_some_and(|f| f.2 == basis)).count();
    print!("{name:22} recall {}/{}, known by", want.len() - missing.len(), want.len());
    print!(" content {}, by structure {}; precision", by("content"), by("structural"));
    for (grade, all) in [("carried", &carried), ("received", &received), ("reachable", &reachable)] {
        print!(" {grade} {}/{},", all.intersection(&want).count(), all.len());
    }
    println!(" corrections {}/{}", corrections.intersection(&corrected).count(), corrections.len());
    wrong
}

#[test]
fn openclaw_poison_is_traced_down_and_up() {
    let Some(shared) = shared_data() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut wrong = Vec::new();
    for name in FORMS {
        let form = Sessions::import(&shared, name, dir.path());
        let chains = list(&form.expected, "poison");
        assert!(!chains.is_empty(), "{name} states no chain");
        println!("{name}");
        wrong.extend(chains.iter().flat_map(|chain| check_chain(&form, chain)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `why` says that the decision of a session stands on, which must be the policy and one more file; that one.
fn check_decision(form: &Sessions, session: &str, file: &str, rules: Option<&[u64]>, said: Option<&str>) -> Value {
    let written = |w: &&Value| w["session"] == session && text(w, "resource").contains("/decisions/");
    let act = form.writes.iter().find(written).unwrap_or_else(|| panic!("{session} wrote no decision"));
    let why = form.hansard.json(&["why", &text(act, "id")])["grounds"][0].take();
    let desk = form.folder.join("workspace/credit-desk");
    let policy = std::fs::read_to_string(desk.join("policy/lending-policy.md")).expect("the policy");
    let cited: Vec<u64> = list(&why, "rules_cited").iter().filter_map(Value::as_u64).collect();
    assert_eq!((list(&why, "grounds").len(), &why["bounds"]), (2, &json!([])), "{session}: {why}");
    assert!(!cited.is_empty() && rules.is_none_or(|rules| rules == cited), "{session} cites {cited:?}, not {rules:?}");
    let ground = |place: &str| {
        assert!(desk.join(place).is_file(), "{place} is no file of the workspace");
        let found = list(&why, "grounds").iter().find(|g| text(g, "place").ends_with(place));
        let found = found.unwrap_or_else(|| panic!("{session}: {place} is not among the grounds {why}"));
        assert_eq!(form.record(&found["event"]).0, session, "{place} was read in the same session");
        found.clone()
    };
    let of_policy = ground("policy/lending-policy.md");
    let of_policy = list(&of_policy, "rules");
    assert_eq!(of_policy.iter().filter_map(|r| r["number"].as_u64()).collect::<Vec<_>>(), cited, "{session}: {why}");
    for rule in of_policy {
        let line = format!("{}. {}", rule["number"], text(rule, "text"));
        assert!(policy.lines().any(|own| own == line), "{session}: the policy has no line {line:?}");
    }
    if let Some(said) = said {
        let sql =
            format!("select count(*) from contents where event_id = '{}' and text like '%{said}%'", text(act, "id"));
        assert!(form.hansard.number(&sql) > 0, "{session}: the decision does not say {said}");
    }
    println!("{session} {} rules {cited:?}: policy/lending-policy.md, {file}", said.unwrap_or("linked"));
    ground(file)
}

#[test]
fn openclaw_loans_stand_on_policy_file_and_rule() {
    let Some(shared) = shared_data() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in FORMS {
        let form = Sessions::import(&shared, name, dir.path());
        let loan = |case: &&Value| text(case, "kind").starts_with("loan-");
        let loans: Vec<_> = list(&form.expected, "sessions").iter().filter(loan).collect();
        assert!(!loans.is_empty(), "{name} states no loan");
        for case in loans {
            let number = text(case, "key").rsplit("case-").next().unwrap_or_default().to_uppercase();
            let session = session_of(list(case, "files")[0].as_str().unwrap_or_default());
            let file = format!("applicants/{number}.json");
            let rule = text(case, "rule");
            let rules: Vec<u64> = rule.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            let ground = check_decision(&form, &session, &file, Some(&rules), case["decision"].as_str());
            assert!(!list(&ground, "values").is_empty(), "{session}: what of {file} stands in the decision");
        }
        // A decision that stands on what another session wrote names that write.
        for link in list(&form.expected, "linked_by_file") {
            let file = text(link, "path").rsplit("credit-desk/").next().unwrap_or_default().to_owned();
            let ground = check_decision(&form, &session_of(&text(&link["read"], "file")), &file, None, None);
            let writes = records(&[link["write"].clone(), link["write_result"].clone()]);
            let by = list(&ground, "written_by").iter().map(|by| form.record(&by[0])).collect::<BTreeSet<_>>();
            assert!(!by.is_empty() && by.is_subset(&writes), "{file} was written by {by:?}, not {writes:?}");
        }
    }
}
