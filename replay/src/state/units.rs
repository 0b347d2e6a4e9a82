//! The unit cells of one event: what it alone says about the state.
//!
//! Guarantee: a pure function of the event; the state of any set of events is the join of their units. Kinds that say
//! nothing about the state count in the sums of tenant, session and agent, and no more.

use super::cells::{
    Agent, Approval, Budget, Call, CallBalance, Cell, Config, Credential, Decision, Digests, FileCell, Grant, Hex32,
    Issue, Last, Mark, Memory, Pause, Policy, Request, Session, Stated, Stop, Tally, Totals, Use, Write,
};
use super::event::StateEvent;
use super::key::{Class, Key, clipped};
use super::limits::REQUESTS_MAX;
use super::{names, traffic};
use schemas::kind;

/// Kinds of importers, which the format does not name.
pub(crate) const FILE_WRITE: &str = "file.write";
pub(crate) const FILE_DELETE: &str = "file.delete";

/// Receives the units of an event.
pub(super) struct Units<'a> {
    pub(super) event: &'a StateEvent,
    pub(super) each: &'a mut dyn FnMut(Key, Cell),
}

impl Units<'_> {
    /// A unit under a key of the event's tenant.
    pub(super) fn put(&mut self, class: Class, parts: &[&str], cell: impl Into<Cell>) {
        let mut all = vec![&*self.event.tenant];
        all.extend_from_slice(parts);
        (self.each)(Key::new(class, &all), cell.into());
    }

    fn by(&self) -> Box<str> {
        text(self.event.actor())
    }
}

/// A text as cells keep it.
pub(super) fn text(text: &str) -> Box<str> {
    clipped(text).into()
}

fn option(value: Option<&str>) -> Option<Box<str>> {
    value.map(text)
}

/// Hands every unit of the event to `each`.
pub(crate) fn units(event: &StateEvent, each: &mut dyn FnMut(Key, Cell)) {
    let mut out = Units { event, each };
    sums(&mut out);
    match &*event.kind {
        kind::TOOL_CALL => call(&mut out),
        kind::TOOL_RESULT => result(&mut out),
        kind::MEMORY_WRITE | kind::MEMORY_DELETE | FILE_WRITE | FILE_DELETE => write(&mut out),
        kind::MEMORY_GRANT => grant(&mut out),
        kind::CONFIG_CHANGED => config(&mut out),
        kind::POLICY_VERDICT => policy(&mut out),
        kind::APPROVAL_REQUESTED => requested(&mut out),
        kind::APPROVAL_GRANTED => decided(&mut out, true),
        kind::APPROVAL_DENIED => decided(&mut out, false),
        kind::BUDGET_WARNING | kind::BUDGET_THROTTLED | kind::BUDGET_KILLED => budget(&mut out),
        _ => {}
    }
    stop(&mut out);
    credential(&mut out);
    traffic::observe(&mut out);
}

fn sums(out: &mut Units<'_>) {
    let (event, stamp, tally) = (out.event, out.event.stamp(), Tally::of(out.event));
    let at = Some(stamp.clone());
    out.put(Class::Totals, &[], Totals { sums: tally.clone(), first: at.clone(), last: at.clone() });
    let last =
        |within: Option<&str>| Some(Last { stamp: stamp.clone(), kind: text(&event.kind), within: option(within) });
    if let Some(session) = event.session.as_deref() {
        let when = |is: bool| at.clone().filter(|_| is);
        let cell = Session {
            sums: tally.clone(),
            first: at.clone(),
            last: last(Some(event.actor())),
            started: when(&*event.kind == kind::SESSION_START),
            ended: when(&*event.kind == kind::SESSION_END),
        };
        out.put(Class::Session, &[session], cell);
    }
    if let Some(agent) = event.agent.as_deref() {
        let version = event.agent_version.as_deref();
        let mut digests = event.agent_digests.clone();
        digests.iter_mut().for_each(|(name, digest)| (*name, *digest) = (text(name), text(digest)));
        let digests = (!digests.is_empty()).then(|| Digests { stamp: stamp.clone(), digests });
        let version = version.map(|version| Stated { stamp: stamp.clone(), text: text(version) });
        out.put(Class::Agent, &[agent], Agent { sums: tally, last: last(event.session.as_deref()), version, digests });
    }
}

fn call(out: &mut Units<'_>) {
    let (event, id) = (out.event, out.event.id.to_string());
    let call = Call { stamp: event.stamp(), agent: out.by(), tool: option(event.text(names::TOOL)) };
    put_call(out, &id, CallBalance { call: Some(call), ..CallBalance::default() });
}

fn result(out: &mut Units<'_>) {
    match out.event.last_cause(&["responds_to"]).map(ToString::to_string) {
        Some(call) => put_call(out, &call, CallBalance { results: 1, ..CallBalance::default() }),
        None if out.event.text(names::TOOL_CALL_ID).is_some() => {
            let loose = Some(out.event.stamp());
            put_call(out, "", CallBalance { loose, ..CallBalance::default() });
        }
        None => {}
    }
}

fn put_call(out: &mut Units<'_>, call: &str, cell: CallBalance) {
    let session = out.event.session.as_deref().unwrap_or_default();
    let call_id = out.event.text(names::TOOL_CALL_ID).unwrap_or_default();
    out.put(Class::Call, &[session, call_id, call], cell);
}

fn write(out: &mut Units<'_>) {
    let event = out.event;
    let Some(key) = event.memory_key() else { return };
    let (version, value) = (event.version(), event.value());
    let write = Write {
        version,
        stamp: event.stamp(),
        deleted: matches!(&*event.kind, kind::MEMORY_DELETE | FILE_DELETE),
        value: value.map(|content| Hex32(content.commitment)),
        size: value.map_or(0, |content| content.size),
        label: option(event.text(names::MEMORY_VERSION).filter(|_| version.is_none())),
        agent: out.by(),
        session: option(event.session.as_deref()),
        attested: text(&event.attested),
    };
    let store = event.text(names::MEMORY_STORE).unwrap_or_default();
    if matches!(&*event.kind, FILE_WRITE | FILE_DELETE) {
        out.put(Class::File, &[store, key], FileCell(Memory::of(write)));
    } else {
        out.put(Class::Memory, &[store, key], Memory::of(write));
    }
}

fn grant(out: &mut Units<'_>) {
    let event = out.event;
    let Some(store) = event.text(names::MEMORY_STORE) else { return };
    for reader in event.texts(names::GRANT_READER) {
        let expires_us = event.time(names::GRANT_EXPIRES);
        let revoked = event.flag(names::GRANT_REVOKED) == Some(true);
        let by = out.by();
        out.put(Class::Grant, &[store, reader], Grant { stamp: event.stamp(), expires_us, revoked, by });
    }
}

fn config(out: &mut Units<'_>) {
    let event = out.event;
    let Some(name) = event.text(names::CONFIG_NAME) else { return };
    let (what, within) = name.split_once('/').map_or((name, None), |(what, agent)| (what, Some(agent)));
    let target = event.text(names::CONFIG_TARGET).or(within).unwrap_or_default();
    let value = event.value().map(|content| Hex32(content.commitment));
    let version = event.text(names::CONFIG_VERSION).map(text);
    let version = version.or_else(|| event.number(names::CONFIG_VERSION).map(|number| number.to_string().into()));
    let by = out.by();
    out.put(Class::Config, &[what, target], Config { stamp: event.stamp(), by, version, value });
}

fn policy(out: &mut Units<'_>) {
    let event = out.event;
    let Some(name) = event.text(names::POLICY_NAME) else { return };
    let (version, verdict) = (option(event.text(names::POLICY_VERSION)), option(event.text(names::VERDICT)));
    let agent = out.by();
    out.put(Class::Policy, &[name], Policy { stamp: event.stamp(), version, verdict, agent });
}

/// The digest of an approval, in the one spelling that is compared.
pub(crate) fn approval_digest(event: &StateEvent) -> Option<Box<str>> {
    event.text(names::APPROVAL_DIGEST).map(|digest| text(&digest.to_ascii_lowercase()))
}

fn requested(out: &mut Units<'_>) {
    let (event, id) = (out.event, out.event.id.to_string());
    let request = Request {
        stamp: event.stamp(),
        by: event.text(names::APPROVAL_ASKER).map_or_else(|| out.by(), text),
        digest: approval_digest(event),
        session: option(event.session.as_deref()),
    };
    out.put(Class::Approval, &[&id, ""], Approval { request: Some(request), decision: None });
}

fn decided(out: &mut Units<'_>, granted: bool) {
    let event = out.event;
    let by = event.text(names::APPROVAL_APPROVER).map_or_else(|| out.by(), text);
    let decision = Decision { stamp: event.stamp(), granted, by, digest: approval_digest(event) };
    let named = event.causes.iter().filter(|cause| &*cause.relation == "responds_to").take(REQUESTS_MAX);
    let requests: Vec<String> = named.map(|cause| cause.id.to_string()).collect();
    let cell = Approval { request: None, decision: Some(decision) };
    if requests.is_empty() {
        let digest = approval_digest(event).unwrap_or_default();
        out.put(Class::Approval, &["", &digest], cell.clone());
    }
    requests.iter().for_each(|request| out.put(Class::Approval, &[request, ""], cell.clone()));
}

fn budget(out: &mut Units<'_>) {
    let event = out.event;
    let agent = event.text(names::TARGET_AGENT).unwrap_or(event.actor());
    let session = event.text(names::TARGET_SESSION).unwrap_or_default();
    let name = event.text(names::BUDGET_NAME).unwrap_or_default();
    let stated = |name: &str| match event.attributes.get(name) {
        Some(serde_json::Value::Number(number)) => Some(text(&number.to_string())),
        _ => option(event.text(name)),
    };
    let cell = Budget {
        stamp: event.stamp(),
        kind: text(&event.kind),
        limit: stated(names::BUDGET_LIMIT),
        used: stated(names::BUDGET_USED),
        unit: stated(names::BUDGET_UNIT),
        by: out.by(),
    };
    out.put(Class::Budget, &[agent, session, name], cell);
}

fn stop(out: &mut Units<'_>) {
    let event = out.event;
    let target = event.text(names::TARGET_AGENT);
    let agent = target.unwrap_or(event.actor());
    let session = event.text(names::TARGET_SESSION).unwrap_or_default();
    let mark = Mark { stamp: event.stamp(), kind: text(&event.kind), by: out.by() };
    match &*event.kind {
        kind::AGENT_KILLED | kind::BUDGET_KILLED => {
            out.put(Class::Stop, &[agent, session], Stop { killed: Some(mark), ..Stop::default() });
        }
        kind::AGENT_RESUMED => {
            let itself = target.map_or(&*event.attested == "self", |agent| agent == event.actor());
            if !itself {
                out.put(Class::Stop, &[agent, ""], Stop { resumed: Some(mark), ..Stop::default() });
            }
        }
        kind::BUDGET_THROTTLED => {
            let seconds = event.number(names::COOLDOWN_SECONDS).and_then(|s| i64::try_from(s).ok());
            let until_us = seconds.map(|s| event.at_us().saturating_add(s.saturating_mul(1_000_000)));
            let pause = Pause { stamp: event.stamp(), until_us, by: out.by() };
            out.put(Class::Stop, &[agent, session], Stop { paused: Some(pause), ..Stop::default() });
        }
        _ => {}
    }
}

fn credential(out: &mut Units<'_>) {
    let event = out.event;
    let Some(id) = event.text(names::CREDENTIAL_ID) else { return };
    let act = Use { stamp: event.stamp(), agent: out.by() };
    let cell = match &*event.kind {
        kind::CREDENTIAL_ISSUED => Credential { issued: Some(issue(out)), ..Credential::default() },
        kind::CREDENTIAL_REVOKED => Credential { revoked: Some(act), ..Credential::default() },
        _ => Credential { used: Some(act), uses: 1, ..Credential::default() },
    };
    out.put(Class::Credential, &[id], cell);
}

fn issue(out: &Units<'_>) -> Issue {
    let event = out.event;
    Issue {
        stamp: event.stamp(),
        expires_us: event.time(names::CREDENTIAL_EXPIRES),
        scope: event.texts(names::CREDENTIAL_SCOPE).into_iter().map(text).collect(),
        holder: option(event.text(names::CREDENTIAL_HOLDER)),
        task: option(event.task.as_deref().or(event.session.as_deref())),
        by: out.by(),
    }
}
