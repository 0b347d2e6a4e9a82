//! A second implementation of what the state means, written apart from the fold: it keeps every event in plain lists by
//! subject, forgets nothing, and answers each question by reading the list from the beginning.

use super::super::State;
use super::super::cells::credential::Life;
use super::super::cells::{Cell, Tally};
use super::super::event::StateEvent;
use super::super::key::{Class, Key};
use super::super::view::{Position, View};
use std::collections::{BTreeMap, HashMap};

const TENANT: &str = "acme";

/// Order of events, and which.
type At = (i64, String);

#[derive(Clone)]
struct Line {
    at: At,
    kind: String,
    event: StateEvent,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Oracle {
    memory: HashMap<(String, String), Vec<Line>>,
    sessions: HashMap<String, Vec<Line>>,
    agents: HashMap<String, Vec<Line>>,
    credentials: HashMap<String, Vec<Line>>,
    approvals: Vec<Line>,
    pairs: HashMap<(String, String), Vec<Line>>,
    judged: HashMap<String, Vec<At>>,
    registers: HashMap<(Class, String), Vec<Line>>,
    stops: HashMap<String, Vec<Line>>,
    tokens: (u64, u64, u64),
}

fn text(event: &StateEvent, name: &str) -> Option<String> {
    Some(event.attributes.get(name)?.as_str()?.to_owned())
}

fn version(event: &StateEvent) -> Option<u64> {
    event.attributes.get("hansard.memory.version")?.as_u64()
}

fn responds_to(event: &StateEvent) -> Option<String> {
    Some(event.causes.iter().rfind(|cause| &*cause.relation == "responds_to")?.id.to_string())
}

fn sorted(lines: &[Line]) -> Vec<&Line> {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    lines
}

impl Oracle {
    pub(crate) fn add(&mut self, event: &StateEvent) {
        let at = (event.time_us.unwrap_or(event.committed_us), event.id.to_string());
        let line = Line { at: at.clone(), kind: event.kind.to_string(), event: event.clone() };
        let agent = event.agent.as_deref().unwrap_or_default().to_owned();
        self.sessions.entry(event.session.as_deref().unwrap_or_default().to_owned()).or_default().push(line.clone());
        self.agents.entry(agent.clone()).or_default().push(line.clone());
        self.tokens.0 += 1;
        if line.kind == "model.call" {
            let count = |name: &str| event.attributes.get(name).and_then(|v| v.as_u64()).unwrap_or_default();
            self.tokens.1 += count("gen_ai.usage.input_tokens");
            self.tokens.2 += count("gen_ai.usage.output_tokens");
        }
        if let Some(id) = text(event, "hansard.credential.id") {
            self.credentials.entry(id).or_default().push(line.clone());
        }
        let target = text(event, "hansard.target.agent").unwrap_or_else(|| agent.clone());
        match line.kind.as_str() {
            "memory.write" | "memory.delete" => {
                let place = text(event, "gen_ai.memory.store.id").unwrap_or_default();
                let key = text(event, "gen_ai.memory.record.id").unwrap_or_default();
                self.memory.entry((place, key)).or_default().push(line);
            }
            "approval.requested" | "approval.granted" | "approval.denied" => self.approvals.push(line),
            // Who resumes itself is not resumed.
            "agent.resumed" if target == agent => {}
            "agent.killed" | "agent.resumed" => self.stops.entry(target).or_default().push(line),
            "budget.warning" | "budget.throttled" => {
                self.registers.entry((Class::Budget, target)).or_default().push(line);
            }
            "policy.verdict" => self.register(Class::Policy, "hansard.policy.name", line),
            "config.changed" => self.register(Class::Config, "hansard.config.name", line),
            "guardrail" => {
                for cause in &event.causes {
                    self.judged.entry(cause.id.to_string()).or_default().push(at.clone());
                }
            }
            "breaker.tripped" | "breaker.reset" => {
                let pair = (text(event, "hansard.breaker.from"), text(event, "hansard.breaker.to"));
                let pair = (pair.0.unwrap_or_default(), pair.1.unwrap_or_default());
                self.pairs.entry(pair).or_default().push(line);
            }
            "message" => {
                let other = text(event, "hansard.message.recipients").unwrap_or_default();
                if other != agent {
                    self.pairs.entry((agent.clone(), other.clone())).or_default().push(line.clone());
                    if responds_to(event).is_some() {
                        self.pairs.entry((other, agent)).or_default().push(line);
                    }
                }
            }
            _ => {}
        }
    }

    fn register(&mut self, class: Class, name: &str, line: Line) {
        let key = text(&line.event, name).unwrap_or_default();
        self.registers.entry((class, key)).or_default().push(line);
    }

    /// Everything that the event can have changed is the same here and there.
    pub(crate) fn agrees_about(&self, state: &State, event: &StateEvent, now_us: i64) {
        let view = state.view(TENANT, now_us);
        self.session(&view, event.session.as_deref().unwrap_or_default());
        let agent = event.agent.as_deref().unwrap_or_default();
        self.agent(&view, agent);
        assert_eq!(state.events(), self.tokens.0);
        let place = text(event, "gen_ai.memory.store.id").zip(text(event, "gen_ai.memory.record.id"));
        place.iter().for_each(|(store, key)| self.value(&view, store, key));
        text(event, "hansard.credential.id").iter().for_each(|id| self.credential(&view, id));
        if event.kind.starts_with("approval.") {
            self.waiting(&view);
        }
        if let Some(to) = text(event, "hansard.message.recipients") {
            self.breaker(&view, agent, &to);
            self.breaker(&view, &to, agent);
        }
        if let Some(from) = text(event, "hansard.breaker.from") {
            self.breaker(&view, &from, &text(event, "hansard.breaker.to").unwrap_or_default());
        }
        text(event, "hansard.target.agent").iter().for_each(|agent| self.stopped(&view, agent));
    }

    /// Everything is the same here and there.
    pub(crate) fn agrees(&self, state: &State, now_us: i64) {
        let view = state.view(TENANT, now_us);
        let count = |class| view.under(class, &[]).count();
        assert_eq!((count(Class::Memory), count(Class::Credential)), (self.memory.len(), self.credentials.len()));
        assert_eq!((count(Class::Session), count(Class::Agent)), (self.sessions.len(), self.agents.len()));
        assert_eq!(count(Class::Breaker), self.pairs.len());
        self.memory.keys().for_each(|(store, key)| self.value(&view, store, key));
        self.sessions.keys().for_each(|session| self.session(&view, session));
        self.agents.keys().for_each(|agent| self.agent(&view, agent));
        self.credentials.keys().for_each(|id| self.credential(&view, id));
        self.pairs.keys().for_each(|(from, to)| self.breaker(&view, from, to));
        self.stops.keys().for_each(|agent| self.stopped(&view, agent));
        self.waiting(&view);
        self.last_of_registers(state);
        let totals = match state.get(&Key::new(Class::Totals, &[TENANT])) {
            Some(Cell::Totals(totals)) => totals.sums.clone(),
            _ => Tally::default(),
        };
        assert_eq!((totals.events, totals.input_tokens, totals.output_tokens), self.tokens);
    }

    fn last_of_registers(&self, state: &State) {
        for ((class, name), lines) in &self.registers {
            let parts = match class {
                Class::Policy => vec![TENANT.to_owned(), name.clone()],
                Class::Budget => vec![TENANT.to_owned(), name.clone(), String::new(), String::new()],
                _ => {
                    let (what, agent) = name.split_once('/').unwrap();
                    vec![TENANT.to_owned(), what.to_owned(), agent.to_owned()]
                }
            };
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let stamp = state.get(&Key::new(*class, &parts)).and_then(Cell::latest).unwrap();
            assert_eq!((stamp.time_us, stamp.id.to_string()), sorted(lines).last().unwrap().at, "{class:?} {name}");
        }
    }

    fn value(&self, view: &View<'_>, store: &str, key: &str) {
        let empty = Vec::new();
        let lines = sorted(self.memory.get(&(store.to_owned(), key.to_owned())).unwrap_or(&empty));
        let mut best: Option<&Line> = None;
        for line in lines.iter().filter(|line| version(&line.event).is_some()) {
            if best.is_none_or(|best| version(&line.event) >= version(&best.event)) {
                best = Some(line);
            }
        }
        let plain = lines.iter().rfind(|line| version(&line.event).is_none());
        let last = match (best, plain) {
            (Some(best), Some(plain)) if plain.at > best.at => Some(*plain),
            (best, plain) => best.or(plain.copied()),
        };
        let expected = last.filter(|line| line.kind != "memory.delete").map(|line| {
            (line.at.1.clone(), version(&line.event), line.event.contents[0].commitment, line.event.agent.clone())
        });
        let found = view.memory(store, key).map(|write| {
            (write.stamp.id.to_string(), write.version, write.value.unwrap().0, Some(write.agent.clone()))
        });
        assert_eq!(found, expected, "memory {store} {key}");
    }

    fn session(&self, view: &View<'_>, session: &str) {
        let lines = sorted(&self.sessions[session]);
        let Some(Cell::Session(cell)) = view.cell(Class::Session, &[session]) else { panic!("no session {session}") };
        let count = |kind: &str| lines.iter().filter(|line| line.kind == kind).count() as u64;
        let expected = (lines.len() as u64, count("model.call"), count("tool.call"), count("tool.result"));
        let sums = &cell.sums;
        assert_eq!((sums.events, sums.turns, sums.tool_calls, sums.tool_results), expected, "session {session}");
        assert_eq!(cell.last.as_ref().unwrap().stamp.id.to_string(), lines.last().unwrap().at.1);
        assert_eq!(cell.first.as_ref().unwrap().id.to_string(), lines[0].at.1);
        let mut found: Vec<String> =
            view.open_calls(Some(session)).iter().map(|open| open.call.stamp.id.to_string()).collect();
        found.sort();
        assert_eq!(found, open(&lines), "open calls of {session}");
    }

    fn agent(&self, view: &View<'_>, agent: &str) {
        let lines = &self.agents[agent];
        let Some(Cell::Agent(cell)) = view.cell(Class::Agent, &[agent]) else { panic!("no agent {agent}") };
        let last = lines.iter().max_by(|a, b| a.at.cmp(&b.at)).unwrap();
        assert_eq!(
            (cell.sums.events, cell.last.as_ref().unwrap().stamp.id.to_string()),
            (lines.len() as u64, last.at.1.clone())
        );
        assert_eq!(cell.version.as_ref().unwrap().text, last.event.agent_version.clone().unwrap());
    }

    fn credential(&self, view: &View<'_>, id: &str) {
        let mut life = Life::Unknown;
        for line in sorted(&self.credentials[id]) {
            life = match line.kind.as_str() {
                "credential.issued" => {
                    let until = text(&line.event, "hansard.credential.expires");
                    let until: Option<schemas::header::Time> = until.map(|t| serde_json::from_value(t.into()).unwrap());
                    if until.is_some_and(|until| view.at_us > until.0) { Life::Expired } else { Life::Alive }
                }
                "credential.revoked" => Life::Revoked,
                _ => life,
            };
        }
        assert_eq!(view.credential(id), life, "credential {id}");
    }

    fn waiting(&self, view: &View<'_>) {
        let digest = |line: &Line| text(&line.event, "hansard.approval.digest");
        let decisions: Vec<&Line> = self.approvals.iter().filter(|line| line.kind != "approval.requested").collect();
        let named: std::collections::HashSet<String> = decisions.iter().filter_map(|d| responds_to(&d.event)).collect();
        let mut loose: HashMap<Option<String>, &At> = HashMap::new();
        for decision in decisions.iter().filter(|d| responds_to(&d.event).is_none()) {
            let last = loose.entry(digest(decision)).or_insert(&decision.at);
            *last = (*last).max(&decision.at);
        }
        let waits = |line: &&Line| {
            line.kind == "approval.requested"
                && !named.contains(&line.at.1)
                && loose.get(&digest(line)).is_none_or(|decided| **decided < line.at)
        };
        let mut expected: Vec<&String> = self.approvals.iter().filter(waits).map(|line| &line.at.1).collect();
        expected.sort();
        let found = view.pending_approvals(None);
        let mut found: Vec<String> = found.iter().map(|pending| pending.request.stamp.id.to_string()).collect();
        found.sort();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    }

    fn stopped(&self, view: &View<'_>, agent: &str) {
        let lines = self.stops.get(agent).map(|lines| sorted(lines)).unwrap_or_default();
        let last = lines.last().filter(|line| line.kind == "agent.killed").map(|line| line.at.1.clone());
        // Of several kills the last is named; a resumption lifts all before it.
        assert_eq!(view.stopped(agent, None).map(|mark| mark.stamp.id.to_string()), last, "agent {agent}");
    }

    /// The breaker by the same words as docs/policy.md, over the last 64 facts.
    fn breaker(&self, view: &View<'_>, from: &str, to: &str) {
        let empty = Vec::new();
        let lines = self.pairs.get(&(from.to_owned(), to.to_owned())).unwrap_or(&empty);
        let mut facts: BTreeMap<(At, u8), (&str, Option<String>)> = BTreeMap::new();
        for line in lines {
            let by = line.event.agent.as_deref().unwrap_or_default();
            let message = responds_to(&line.event);
            let failed = line.event.attributes.contains_key("error.type");
            let flagged = line.event.attributes.contains_key("hansard.anomaly");
            let fact = match line.kind.as_str() {
                "breaker.tripped" => ("trip", None),
                "breaker.reset" => ("reset", None),
                _ if by == from && !failed => ("sent", None),
                _ if failed => ("failure", message),
                _ if flagged => ("anomaly", message),
                _ => ("success", message),
            };
            facts.insert((line.at.clone(), 0), fact);
        }
        while facts.len() > 64 {
            facts.pop_first();
        }
        let kept: Vec<(At, &str, Option<String>)> = facts.into_iter().map(|((at, _), (w, m))| (at, w, m)).collect();
        let found = view.breaker(from, to);
        let expected = machine(&kept, &self.judged, view.at_us);
        let position = match found.position {
            Position::Closed => "closed",
            Position::Open => "open",
            Position::HalfOpen => "half",
        };
        assert_eq!((position, found.failures, found.anomalies, found.interactions), expected, "breaker {from} {to}");
    }
}

/// Calls of a session that no result closes, by definition: see `view/calls.rs`.
fn open(lines: &[&Line]) -> Vec<String> {
    let id_of = |line: &Line| text(&line.event, "gen_ai.tool.call.id").unwrap_or_default();
    let calls: Vec<&&Line> = lines.iter().filter(|line| line.kind == "tool.call").collect();
    let mut closed: Vec<String> = Vec::new();
    let mut strays: HashMap<String, u64> = HashMap::new();
    for result in lines.iter().filter(|line| line.kind == "tool.result") {
        let id = id_of(result);
        match responds_to(&result.event) {
            None if id.is_empty() => {}
            None => closed.extend(calls.iter().filter(|c| id_of(c) == id && c.at <= result.at).map(|c| c.at.1.clone())),
            Some(named) => {
                let call = calls.iter().find(|call| call.at.1 == named);
                let again = closed.contains(&format!("named {named}"));
                if call.is_some_and(|call| id_of(call) == id) && !again {
                    closed.extend([named.clone(), format!("named {named}")]);
                } else if id.is_empty() {
                    closed.extend(call.map(|_| named));
                } else {
                    *strays.entry(id).or_default() += 1;
                }
            }
        }
    }
    let mut open = Vec::new();
    for call in calls {
        if closed.contains(&call.at.1) {
            continue;
        }
        match strays.get_mut(&id_of(call)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => open.push(call.at.1.clone()),
        }
    }
    open.sort();
    open
}

fn machine(
    facts: &[(At, &str, Option<String>)],
    judged: &HashMap<String, Vec<At>>,
    now_us: i64,
) -> (&'static str, usize, usize, usize) {
    const COOLDOWN: i64 = 300_000_000;
    let mut steps: Vec<(At, u8, &str, String)> = Vec::new();
    for (at, what, _) in facts {
        steps.push((at.clone(), 0, what, at.1.clone()));
        if let ("success", Some(first)) = (*what, judged.get(&at.1).and_then(|all| all.iter().min())) {
            steps.push((first.max(at).clone(), 1, "judged", at.1.clone()));
        }
    }
    steps.sort();
    let (mut open_since, mut half) = (None::<i64>, false);
    let (mut window, mut probe) = (Vec::<(String, &str)>::new(), None::<(String, i64)>);
    for (at, _, what, id) in steps {
        let mut trip = false;
        match what {
            "trip" => trip = true,
            "reset" => (open_since, half, probe, window) = (None, false, None, Vec::new()),
            "sent" => {
                if open_since.is_some_and(|since| at.0 >= since + COOLDOWN) {
                    (open_since, half) = (None, true);
                }
                if half && probe.as_ref().is_none_or(|(_, sent)| *sent <= at.0 - COOLDOWN) {
                    probe = Some((id, at.0));
                }
            }
            "judged" => {
                if open_since.is_none()
                    && !half
                    && let Some(entry) = window.iter_mut().find(|(answer, _)| *answer == id)
                {
                    entry.1 = "anomaly";
                    trip = asks(&window);
                }
            }
            outcome => {
                let message =
                    facts.iter().find(|fact| fact.0 == at).and_then(|fact| fact.2.clone()).unwrap_or_default();
                let Some(sent) = facts.iter().find(|fact| fact.1 == "sent" && fact.0.1 == message) else { continue };
                let probing = probe.as_ref().is_some_and(|(id, _)| *id == message)
                    || open_since.is_some_and(|since| sent.0.0 >= since + COOLDOWN);
                if open_since.is_none() && !half {
                    window.push((id, outcome));
                    window = window.split_off(window.len().saturating_sub(20));
                    trip = asks(&window);
                } else if probing && outcome == "success" {
                    (open_since, half, probe, window) = (None, false, None, Vec::new());
                } else if probing {
                    trip = true;
                }
            }
        }
        if trip {
            (open_since, half, probe, window) = (Some(at.0), false, None, Vec::new());
        }
    }
    let position = match open_since {
        Some(since) if now_us < since + COOLDOWN => "open",
        Some(_) => "half",
        None if half => "half",
        None => "closed",
    };
    let count = |what| window.iter().filter(|(_, own)| *own == what).count();
    (position, count("failure"), count("anomaly"), window.len())
}

fn asks(window: &[(String, &str)]) -> bool {
    let count = |what| window.iter().filter(|(_, own)| *own == what).count();
    count("failure") >= 3 || (window.len() >= 10 && count("anomaly") * 100 >= 15 * window.len())
}
