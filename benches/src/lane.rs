//! One stream: an agent that speaks in sessions, and signs what it says in batches, as a producer does.
//!
//! Guarantee: the batches of a lane continue each other and pass every check of `schemas::check`; they depend on seed and
//! lane number alone. Headers are written by the same code as a producer's (`Draft::seal`).

use crate::error::{Doing, Result};
use crate::measured::{PROFILES, Profile, Sizes};
use crate::rng::Rng;
use crate::words::{Memory, Words};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use schemas::digest::header_digest;
use schemas::draft::{Draft, DraftCause, DraftContent, Seal};
use schemas::record::{Content, Event, Form, SignedBatch};
use schemas::tlog::{Checkpoint, CompactRange, NoteSigner, leaf_hash};
use schemas::{id, kind};
use serde_json::{Map, Value};

/// Tenant of all generated events.
pub const TENANT: &str = "bench";
/// What the source of every generated event begins with; the keys are registered for it.
pub const SOURCE_PREFIX: &str = "agent://bench.example/";
/// Keys that the lanes share.
pub const KEYS: usize = 8;
/// Real bodies are shortened by this, so that header and contents together average the 1 KiB that the bars speak of.
const BODY_SCALE: f64 = 0.25;
/// First time of the events: 2026-01-05T08:00:00Z, in microseconds.
const TIME_FROM_US: u64 = 1_767_600_000_000_000;
/// Share of causes whose header digest the speaker knows and names.
const CAUSE_WITH_LEAF: f64 = 0.25;

const MODELS: [&str; 4] = ["claude-opus-4-5", "claude-sonnet-4-5", "gpt-4o-2024-05-13", "gemini-2.0-flash-001"];
const PROVIDERS: [&str; 4] = ["anthropic", "anthropic", "openai", "gcp.gemini"];
const TOOLS: [&str; 12] = [
    "Read",
    "Edit",
    "Bash",
    "Grep",
    "Write",
    "TodoWrite",
    "get_user_details",
    "get_order_details",
    "send_email",
    "search_calendar",
    "get_transactions",
    "update_reservation",
];

/// The secret key of a number.
#[must_use]
pub fn key(seed: u64, number: usize) -> SigningKey {
    SigningKey::from_bytes(&Rng::new(seed, &format!("key {number}")).bytes())
}

/// An event that others may name as their cause.
#[derive(Debug, Clone)]
struct Spoken {
    id: String,
    digest: [u8; 32],
}

/// What the next event of a session depends on.
#[derive(Debug, Default)]
struct Session {
    id: String,
    trace: String,
    task: String,
    left: usize,
    context_tokens: usize,
    last: Option<Spoken>,
    answer: Option<Spoken>,
    result: Option<Spoken>,
    /// A call that waits for its result: tool and call id.
    open: Option<(Spoken, &'static str, String)>,
}

/// See the module.
#[derive(Debug)]
pub struct Lane {
    name: String,
    source: String,
    agent: String,
    profile: &'static Profile,
    model: usize,
    signer: NoteSigner,
    public: Bytes,
    words: Words,
    memory: Memory,
    rng: Rng,
    now_us: u64,
    range: CompactRange,
    session: Session,
}

impl Lane {
    /// The lane of a number.
    ///
    /// # Errors
    /// Never for the names made here.
    pub fn new(seed: u64, number: usize, words: Words) -> Result<Self> {
        let profile = &PROFILES[number % PROFILES.len()];
        let agent = format!("{}-{number}", profile.name);
        let name = format!("bench.example/{agent}");
        let key = key(seed, number % KEYS);
        let public = Bytes::copy_from_slice(key.verifying_key().as_bytes());
        let signer = NoteSigner::new(&name, key).doing("naming a stream")?;
        let mut rng = Rng::new(seed, &name);
        let now_us = TIME_FROM_US + rng.below(60_000_000) as u64;
        Ok(Self {
            source: format!("{SOURCE_PREFIX}{agent}"),
            model: rng.below(MODELS.len()),
            name,
            agent,
            profile,
            signer,
            public,
            words,
            memory: Memory::default(),
            rng,
            now_us,
            range: CompactRange::new(),
            session: Session::default(),
        })
    }

    /// The next batch of `events` events.
    ///
    /// # Errors
    /// When the format refuses what was generated: a bug of the generator.
    pub fn batch(&mut self, events: usize) -> Result<SignedBatch> {
        let (size_before, frontier_before) = (self.range.size(), self.range.to_bytes());
        let events = (0..events).map(|_| self.event()).collect::<Result<Vec<_>>>()?;
        let checkpoint =
            Checkpoint::new(&self.name, self.range.size(), self.range.root()).doing("making a checkpoint")?;
        let note = checkpoint.sign(&self.signer).doing("signing a checkpoint")?;
        Ok(SignedBatch {
            version: 1,
            checkpoint: note.to_bytes().into(),
            signer: self.public.clone(),
            size_before,
            frontier_before: frontier_before.into(),
            events,
            partition_key: self.name.clone(),
        })
    }

    fn event(&mut self) -> Result<Event> {
        if self.session.left == 0 {
            self.begin_session();
        }
        self.session.left -= 1;
        self.now_us += self.rng.range(2_000, 4_000_000) as u64;
        let next = if self.session.open.is_some() { kind::TOOL_RESULT } else { self.draw_kind() };
        let draft = match next {
            kind::MESSAGE => self.message(),
            kind::MODEL_CALL => self.answer(),
            kind::TOOL_CALL => self.call(),
            _ => self.result(),
        };
        self.seal(draft)
    }

    fn begin_session(&mut self) {
        let mean = self.profile.session_records as f64;
        // Exponential lengths around the measured mean.
        let length = -mean * (1.0 - self.rng.unit()).ln();
        self.session = Session {
            id: uuid::Builder::from_random_bytes(self.rng.bytes()).into_uuid().to_string(),
            trace: self.rng.hex::<16>(),
            task: format!("{}/task-{}", self.profile.name, self.rng.below(500)),
            left: (length as usize).max(2),
            context_tokens: self.rng.range(300, 20_000),
            ..Session::default()
        };
    }

    fn draw_kind(&mut self) -> &'static str {
        let p = self.profile;
        let dice = self.rng.unit() * (p.messages + p.answers + p.calls);
        match dice {
            d if self.session.last.is_none() || d < p.messages => kind::MESSAGE,
            d if self.session.answer.is_none() || d < p.messages + p.answers => kind::MODEL_CALL,
            _ => kind::TOOL_CALL,
        }
    }

    fn message(&mut self) -> Draft {
        let text = self.text(self.profile.message_bytes);
        let mut draft = self.draft(kind::MESSAGE);
        draft.attributes = attributes([("hansard.role", "user".into())]);
        draft.causes = self.causes([(self.session.last.clone(), "responds_to")]);
        draft.contents = vec![DraftContent::text("text", text)];
        draft
    }

    fn answer(&mut self) -> Draft {
        let text = self.text(self.profile.answer_bytes);
        let output = text.len() / 4 + 1;
        self.session.context_tokens += output;
        let input = self.session.context_tokens;
        let cached = input - self.rng.below(input / 10 + 1);
        let mut draft = self.draft(kind::MODEL_CALL);
        draft.attributes = attributes([
            ("gen_ai.operation.name", "chat".into()),
            ("gen_ai.provider.name", PROVIDERS[self.model].into()),
            ("gen_ai.response.model", MODELS[self.model].into()),
            ("gen_ai.response.id", format!("msg_{}", self.rng.hex::<12>()).into()),
            ("gen_ai.usage.input_tokens", input.into()),
            ("gen_ai.usage.output_tokens", output.into()),
            ("gen_ai.usage.cache_read.input_tokens", cached.into()),
        ]);
        let used = self.session.result.take();
        draft.causes = self.causes([(self.session.last.clone(), "responds_to"), (used, "used")]);
        draft.contents = vec![DraftContent::text("output", text)];
        draft
    }

    fn call(&mut self) -> Draft {
        let bytes = self.profile.call_bytes.at(self.rng.unit());
        let arguments = self.arguments(bytes);
        let tool = TOOLS[self.rng.below(TOOLS.len())];
        let call_id = format!("toolu_{}", self.rng.hex::<12>());
        let mut draft = self.draft(kind::TOOL_CALL);
        draft.attributes = tool_attributes(tool, &call_id);
        draft.causes = self.causes([(self.session.answer.clone(), "responds_to")]);
        draft.contents = vec![DraftContent::new("arguments", "application/json", arguments.into_bytes())];
        // Id and digest follow when the header is written.
        self.session.open = Some((Spoken { id: String::new(), digest: [0; 32] }, tool, call_id));
        draft
    }

    fn result(&mut self) -> Draft {
        let text = self.text(self.profile.result_bytes);
        self.session.context_tokens += text.len() / 4;
        let mut draft = self.draft(kind::TOOL_RESULT);
        if let Some((call, tool, call_id)) = self.session.open.take() {
            draft.attributes = tool_attributes(tool, &call_id);
            draft.causes = self.causes([(Some(call), "responds_to")]);
        }
        if self.rng.chance(0.04) {
            draft.attributes.insert("error.type".into(), "tool_error".into());
        }
        draft.contents = vec![DraftContent::text("result", text)];
        draft
    }

    fn draft(&mut self, kind: &str) -> Draft {
        let time = schemas::header::Time(i64::try_from(self.now_us).unwrap_or_default()).to_rfc3339();
        Draft {
            id: id::live(self.now_us / 1_000, self.rng.bytes()),
            source: self.source.clone(),
            kind: kind.to_owned(),
            time: Some(time),
            session: Some(self.session.id.clone()),
            agent: Some(self.agent.clone()),
            agent_version: Some("2.1.4".to_owned()),
            task: Some(self.session.task.clone()),
            trace_id: Some(self.session.trace.clone()),
            span_id: Some(self.rng.hex::<8>()),
            ..Draft::default()
        }
    }

    fn text(&mut self, sizes: Sizes) -> String {
        let bytes = (sizes.at(self.rng.unit()) as f64 * BODY_SCALE) as usize;
        self.words.text(&mut self.rng, &mut self.memory, bytes)
    }

    /// A JSON object of about `bytes` bytes.
    fn arguments(&mut self, bytes: usize) -> String {
        let mut members = Map::new();
        if bytes > 16 {
            let name = self.words.word(&mut self.rng).to_owned();
            let value = self.words.text(&mut self.rng, &mut self.memory, bytes - name.len().min(bytes - 8) - 6);
            members.insert(name, value.into());
        }
        Value::Object(members).to_string()
    }

    fn causes<const N: usize>(&mut self, of: [(Option<Spoken>, &str); N]) -> Vec<DraftCause> {
        let mut causes = Vec::with_capacity(N);
        for (spoken, relation) in of {
            if let Some(spoken) = spoken {
                let leaf = self.rng.chance(CAUSE_WITH_LEAF).then_some(spoken.digest);
                causes.push(DraftCause { id: spoken.id, relation: relation.to_owned(), leaf });
            }
        }
        causes
    }

    /// Writes the header, grows the stream's tree, and remembers the event as a possible cause.
    fn seal(&mut self, draft: Draft) -> Result<Event> {
        let seals: Vec<Seal> = draft.contents.iter().map(|c| Seal::new(self.rng.bytes(), &c.bytes)).collect();
        let header = draft.seal(&self.name, TENANT, self.rng.bytes(), &seals).doing("writing a header")?;
        let digest = header_digest(&header);
        self.range.append(leaf_hash(&digest));
        let contents = draft.contents.into_iter().zip(&seals).map(|(content, seal)| Content {
            form: Form::Inline as i32,
            salt: Bytes::copy_from_slice(&seal.salt),
            data: content.bytes,
        });
        let contents = contents.collect();
        let spoken = Spoken { id: draft.id, digest };
        match draft.kind.as_str() {
            kind::MODEL_CALL => self.session.answer = Some(spoken.clone()),
            kind::TOOL_RESULT => self.session.result = Some(spoken.clone()),
            _ => {}
        }
        if let Some((call, ..)) = self.session.open.as_mut() {
            *call = spoken.clone();
        }
        self.session.last = Some(spoken);
        Ok(Event { header: header.into(), contents })
    }
}

fn attributes<const N: usize>(of: [(&str, Value); N]) -> Map<String, Value> {
    of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn tool_attributes(tool: &str, call_id: &str) -> Map<String, Value> {
    attributes([
        ("gen_ai.operation.name", "execute_tool".into()),
        ("gen_ai.tool.name", tool.into()),
        ("gen_ai.tool.call.id", call_id.into()),
    ])
}
