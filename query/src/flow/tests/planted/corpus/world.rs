//! A corpus while it is written: sessions, and what happens in them.
//!
//! Guarantee: one event a second over all sessions; between the steps of the story, sessions that have nothing to do with
//! it go on. Reads and writes are told as an importer does (a call, its result, and a fact with the key) or, in
//! every other corpus, as a producer of its own (one event that holds the value). Deterministic.

use super::change::Change;
use super::rng::Rng;
use super::{Body, Corpus, Event, Truth, words};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A session by its number.
pub(super) type Desk = usize;

/// What a session is about to do next.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) session: String,
    agent: String,
    /// What came in since the last answer.
    pub(super) news: Vec<String>,
    /// The last answer.
    answered: Option<String>,
    /// Whether it is apart from the story.
    bystander: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: Rng,
    seed: u64,
    pub(super) native: bool,
    pub(super) desks: Vec<State>,
    events: Vec<Event>,
    pub(super) keys_held: BTreeSet<String>,
    pub(super) keys_mended: BTreeSet<String>,
    pub(super) secrets_used: BTreeSet<String>,
    quiet: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let native = rng.chance(50);
        let (keys_held, keys_mended, secrets_used) = Default::default();
        let (desks, events) = (Vec::new(), Vec::new());
        let mut world = Self { rng, seed, native, desks, events, keys_held, keys_mended, secrets_used, quiet: false };
        for _ in 0..world.rng.within(2, 4) {
            let desk = world.open("clerk");
            world.desks[desk].bystander = true;
        }
        world
    }

    /// The end: the corpus.
    pub(super) fn close(self, channel: super::Channel, origin: String, text: Option<String>) -> Corpus {
        let Self { events, keys_held, keys_mended, secrets_used, .. } = self;
        Corpus { channel, origin, text, events, keys_held, keys_mended, secrets_used }
    }

    /// Opens a session: a person asks.
    pub(super) fn open(&mut self, agent: &str) -> Desk {
        let desk = self.desks.len();
        let session = format!("planted/{}/{desk}-{agent}", self.seed);
        let state = State {
            session,
            agent: format!("{agent}-{}", self.seed),
            news: Vec::new(),
            answered: None,
            bystander: false,
        };
        self.desks.push(state);
        let text = words::request(&mut self.rng);
        let id = self.add(desk, "message", Truth::Clean, |event| {
            event.attributes.insert("hansard.role".into(), "user".into());
            event.contents.push(("text", Body::Text(text)));
        });
        self.desks[desk].news.push(id);
        desk
    }

    /// A key of this corpus.
    pub(super) fn key(&mut self, name: &str) -> String {
        format!("/desk/{}/{name}-{}.md", self.seed, self.rng.code(4))
    }

    pub(super) fn add(
        &mut self,
        desk: Desk,
        kind: &'static str,
        truth: Truth,
        fill: impl FnOnce(&mut Event),
    ) -> String {
        let (number, state) = (self.events.len(), &self.desks[desk]);
        let truth = if state.bystander { Truth::Bystander } else { truth };
        let mut event = Event {
            id: format!("planted-{:06}-{number:04}", self.seed),
            session: state.session.clone(),
            agent: state.agent.clone(),
            kind,
            attributes: Map::new(),
            contents: Vec::new(),
            causes: Vec::new(),
            second: u32::try_from(number).unwrap_or(u32::MAX),
            truth,
            change: None,
        };
        fill(&mut event);
        let id = event.id.clone();
        self.events.push(event);
        id
    }

    /// Says how the poison was changed on the way to an event.
    pub(super) fn changed(&mut self, event: &str, change: Change) {
        self.events.iter_mut().filter(|e| e.id == event).for_each(|e| e.change = Some(change));
    }

    /// What the model answers.
    pub(super) fn answer(&mut self, desk: Desk, said: &str, truth: Truth) -> String {
        self.meanwhile();
        let state = &mut self.desks[desk];
        let (news, answered) = (std::mem::take(&mut state.news), state.answered.take());
        let id = self.add(desk, "model.call", truth, |event| {
            event.causes.extend(news.into_iter().map(|id| (id, "used")));
            event.causes.extend(answered.map(|id| (id, "responds_to")));
            event.contents.push(("output", Body::Text(said.to_owned())));
        });
        self.desks[desk].answered = Some(id.clone());
        id
    }

    /// A call of an answer.
    pub(super) fn call_of(&mut self, desk: Desk, answer: &str, tool: &str, arguments: Value, truth: Truth) -> String {
        let call = format!("call-{}-{}", self.seed, self.events.len());
        self.add(desk, "tool.call", truth, |event| {
            event.causes.push((answer.to_owned(), "responds_to"));
            event.attributes.insert("gen_ai.tool.name".into(), tool.into());
            event.attributes.insert("gen_ai.tool.call.id".into(), call.into());
            event.contents.push(("arguments", Body::Json(arguments)));
        })
    }

    /// An answer with one call.
    pub(super) fn call(&mut self, desk: Desk, tool: &str, arguments: Value, truth: Truth) -> String {
        let said = words::remark(&mut self.rng);
        let answer = self.answer(desk, said, truth);
        self.call_of(desk, &answer, tool, arguments, truth)
    }

    /// What a tool answered.
    pub(super) fn result(&mut self, desk: Desk, call: &str, text: &str, truth: Truth) -> String {
        let asked = self.events.iter().find(|e| e.id == call).map(|e| e.attributes.clone()).unwrap_or_default();
        let id = self.add(desk, "tool.result", truth, |event| {
            event.causes.push((call.to_owned(), "responds_to"));
            event.attributes = asked;
            event.contents.push(("result", Body::Text(text.to_owned())));
        });
        self.desks[desk].news.push(id.clone());
        id
    }

    /// Fetches a page.
    pub(super) fn page(&mut self, desk: Desk, text: &str, truth: Truth) -> String {
        let url = format!("https://{}.example/{}", self.rng.code(8), self.rng.code(5));
        let call = self.call(desk, "web_fetch", json!({"url": url}), Truth::Clean);
        self.result(desk, &call, text, truth)
    }

    /// An act with its outcome.
    pub(super) fn act(&mut self, desk: Desk, tool: &str, arguments: Value, truth: Truth) -> String {
        let call = self.call(desk, tool, arguments, truth);
        let outcome = if truth == Truth::Linked { Truth::Clean } else { truth };
        let reference = self.rng.code(6);
        self.result(desk, &call, &format!("done, reference {reference}"), outcome);
        call
    }

    /// An event of any kind with a cause.
    pub(super) fn fact(
        &mut self,
        desk: Desk,
        kind: &'static str,
        cause: (&str, &'static str),
        attributes: &[(&str, &str)],
        text: Option<&str>,
        truth: Truth,
    ) -> String {
        self.add(desk, kind, truth, |event| {
            event.causes.push((cause.0.to_owned(), cause.1));
            event.attributes.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
            event.contents.extend(text.map(|text| ("text", Body::Text(text.to_owned()))));
        })
    }

    /// What any session does that has nothing to do with the poison.
    pub(super) fn ordinary(&mut self, desk: Desk) {
        let text = words::paragraph(&mut self.rng, 1, 4);
        match self.rng.below(4) {
            0 => {
                self.page(desk, &text, Truth::Clean);
            }
            1 => {
                let key = self.key("own");
                self.write(desk, "memory.write", &key, &text, Truth::Clean);
                self.read(desk, "memory.read", &key, &text, Truth::Clean);
            }
            2 => {
                self.act(desk, "add_note", json!({"note": text}), Truth::Clean);
            }
            _ => {
                self.answer(desk, &text, Truth::Clean);
            }
        }
    }

    /// A step of a session apart, now and then.
    fn meanwhile(&mut self) {
        let apart = self.desks.iter().filter(|desk| desk.bystander).count();
        if self.quiet || apart == 0 || !self.rng.chance(30) {
            return;
        }
        self.quiet = true;
        let desk = self.rng.below(apart as u64) as usize;
        self.ordinary(desk);
        self.quiet = false;
    }
}
