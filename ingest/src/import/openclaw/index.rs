//! What one session has to know of others: keys, spawns, messages between sessions, writes by path, final answers.
//!
//! Guarantee: filled by a first pass over all files, so that it does not matter in which order they come; filling it
//! twice changes nothing. Only names, times and ids are kept, a few hundred bytes for each tool call, write and answer,
//! no contents: memory does not grow with the bytes of the transcripts. Answers about the past look at what happened
//! before a given moment only, so that a longer copy of the data does not change what was linked. Cannot fail.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A moment (milliseconds since 1970) and an event.
type Moment = (i64, String);

/// A call of `sessions_spawn`.
#[derive(Debug, Clone)]
pub(super) struct Spawn {
    pub(super) call: String,
    pub(super) time: i64,
    /// Session of the parent.
    pub(super) parent: String,
}

/// A call of `sessions_send`.
#[derive(Debug, Clone)]
struct Sent {
    target: String,
    /// The beginning of the message, to tell two of them apart.
    text: String,
}

/// What the store says of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) status: Option<String>,
    /// Event of the store's entry.
    pub(super) event: String,
}

/// Sessions of one installation.
#[derive(Debug, Default)]
pub(super) struct Index {
    keys: HashMap<String, String>,
    sessions: HashMap<String, BTreeSet<String>>,
    stored: HashMap<String, Stored>,
    locks: HashMap<String, String>,
    spawns: HashMap<String, Spawn>,
    children: HashMap<String, BTreeSet<String>>,
    sent: HashMap<String, BTreeMap<Moment, Sent>>,
    writes: HashMap<String, BTreeSet<Moment>>,
    answers: HashMap<String, BTreeSet<Moment>>,
    wakes: HashMap<String, HashSet<String>>,
    calls: HashMap<[u8; 32], String>,
    counted: HashMap<String, String>,
    runs: HashMap<String, String>,
}

impl Index {
    /// The session with this id belongs to this key.
    pub(super) fn name(&mut self, session: &str, key: &str) {
        self.keys.insert(session.to_owned(), key.to_owned());
        self.sessions.entry(key.to_owned()).or_default().insert(session.to_owned());
    }

    pub(super) fn key(&self, session: &str) -> Option<&str> {
        self.keys.get(session).map(String::as_str)
    }

    /// The one session that a key names; `None` when it named several (a reset) or none.
    pub(super) fn session(&self, key: &str) -> Option<&str> {
        let sessions = self.sessions.get(key)?;
        sessions.first().filter(|_| sessions.len() == 1).map(String::as_str)
    }

    /// The run belongs to this session.
    pub(super) fn ran(&mut self, run: &str, session: &str) {
        self.runs.entry(run.to_owned()).or_insert_with(|| session.to_owned());
    }

    pub(super) fn session_of_run(&self, run: &str) -> Option<&str> {
        self.runs.get(run).map(String::as_str)
    }

    pub(super) fn store(&mut self, session: &str, stored: Stored) {
        self.stored.insert(session.to_owned(), stored);
    }

    pub(super) fn stored(&self, session: &str) -> Option<&Stored> {
        self.stored.get(session)
    }

    pub(super) fn lock(&mut self, session: &str, event: String) {
        self.locks.insert(session.to_owned(), event);
    }

    pub(super) fn locked(&self, session: &str) -> Option<&str> {
        self.locks.get(session).map(String::as_str)
    }

    pub(super) fn spawned(&mut self, child: &str, spawn: Spawn) {
        self.children.entry(spawn.parent.clone()).or_default().insert(child.to_owned());
        self.spawns.entry(child.to_owned()).or_insert(spawn);
    }

    pub(super) fn spawn_of(&self, child: &str) -> Option<&Spawn> {
        self.spawns.get(child)
    }

    pub(super) fn send(&mut self, from: &str, moment: Moment, target: &str, text: String) {
        let sent = Sent { target: target.to_owned(), text };
        self.sent.entry(from.to_owned()).or_default().insert(moment, sent);
    }

    /// The call that sent a message: the last before `time` whose text it holds, else the last to that key.
    pub(super) fn sender(&self, from: &str, to: Option<&str>, message: &str, time: i64) -> Option<&str> {
        let sent = self.sent.get(from)?;
        let earlier = || sent.range(..(time + 1, String::new())).rev();
        let to_here = |sent: &Sent| to.is_none_or(|key| key == sent.target);
        let holds = |sent: &Sent| !sent.text.is_empty() && message.contains(&sent.text);
        earlier()
            .find(|(_, sent)| to_here(sent) && holds(sent))
            .or_else(|| earlier().find(|(_, sent)| holds(sent)))
            .or_else(|| earlier().find(|(_, sent)| to_here(sent)))
            .map(|((_, call), _)| call.as_str())
    }

    pub(super) fn wrote(&mut self, path: &str, moment: Moment) {
        self.writes.entry(path.to_owned()).or_default().insert(moment);
    }

    /// The last write of a file up to a moment, but not `own`.
    pub(super) fn last_write(&self, path: &str, time: i64, own: &str) -> Option<&str> {
        let earlier = self.writes.get(path)?.range(..(time + 1, String::new()));
        earlier.rev().find(|(_, event)| event != own).map(|(_, event)| event.as_str())
    }

    pub(super) fn answered(&mut self, session: &str, moment: Moment) {
        self.answers.entry(session.to_owned()).or_default().insert(moment);
    }

    /// The last final answer of the sessions of a key up to a moment, with its time.
    pub(super) fn answer(&self, key: &str, time: i64) -> Option<(i64, &str)> {
        let sessions = self.sessions.get(key)?.iter();
        let last = |session: &String| self.answers.get(session)?.range(..(time + 1, String::new())).next_back();
        sessions.filter_map(last).max().map(|(time, event)| (*time, event.as_str()))
    }

    /// Sub-agents of a session that had answered by then, the earliest answer first: key and answer.
    pub(super) fn finished_children(&self, parent: &str, time: i64) -> Vec<(String, String)> {
        let own = self.children.get(parent).into_iter().flatten();
        let mut found: Vec<(i64, String, String)> = own
            .filter_map(|key| self.answer(key, time).map(|(at, event)| (at, key.clone(), event.to_owned())))
            .collect();
        found.sort();
        found.into_iter().map(|(_, key, event)| (key, event)).collect()
    }

    /// Notes that a session went on without anybody's message, at this event; gives how often it did.
    pub(super) fn woke(&mut self, session: &str, event: &str) -> usize {
        let wakes = self.wakes.entry(session.to_owned()).or_default();
        wakes.insert(event.to_owned());
        wakes.len()
    }

    /// A tool call by the hash under which the audit ledger names it.
    pub(super) fn called(&mut self, call: &str, event: String) {
        self.calls.entry(Sha256::digest(call.as_bytes()).into()).or_insert(event);
    }

    /// The call that `sha256:<hex>` or a plain id names.
    pub(super) fn call(&self, named: &str) -> Option<&str> {
        let mut hash = [0; 32];
        match named.strip_prefix("sha256:") {
            Some(hex) => hex::decode_to_slice(hex, &mut hash).ok()?,
            None => hash = Sha256::digest(named.as_bytes()).into(),
        }
        self.calls.get(&hash).map(String::as_str)
    }

    /// Whether the usage of a model's answer counts at this event: it does at the first one that carries it.
    pub(super) fn counts(&mut self, response: &str, event: &str) -> bool {
        self.counted.entry(response.to_owned()).or_insert_with(|| event.to_owned()) == event
    }
}
