//! The five ways in, as stories.
//!
//! Guarantee: what a step is said to do to the poison ([`Truth`]) follows from the text that the step is given here and
//! from nothing else. Traps stand beside: a firm that the claim names comes up by itself, a legal line of a poisoned note
//! is used, an ordinary act follows, another session meets the same words by itself, a note is read after it was mended.

use super::change::{self, Change};
use super::poison::{Form, Poison};
use super::world::{Desk, World};
use super::{Channel, Corpus, Truth, words};
use serde_json::json;

/// A story: the world, the poison as far as it still stands, where it came in.
struct Story {
    world: World,
    poison: Poison,
    origin: String,
    asked: Option<String>,
}

/// Plants the poison of a channel.
pub(super) fn plant(channel: Channel, mut world: World) -> Corpus {
    let poison = Poison::new(&mut world.rng);
    let form = [Form::Order, Form::Given, Form::Whole][world.rng.below(3) as usize];
    let reader = world.open("researcher");
    if world.rng.chance(50) {
        world.ordinary(reader);
    }
    let (text, asked) = world.source(&poison, form);
    let origin = world.page(reader, &text, Truth::Clean);
    let mut story = Story { world, poison, origin, asked };
    if story.world.rng.chance(50) {
        // The same page, met by itself elsewhere: no effect of this event.
        story.world.page(0, &text, Truth::Bystander);
    }
    story.step_aside(reader);
    match channel {
        Channel::Memory => story.memory(reader),
        Channel::Message => story.message(reader),
        Channel::Tool => story.tool(reader),
        Channel::Credential => story.credential(reader),
        Channel::CrossRun => story.cross_run(reader),
    }
    let Story { world, origin, asked, .. } = story;
    world.close(channel, origin, asked)
}

impl Story {
    /// The poison changed for running text; from now on only what was kept of it travels.
    fn changed(&mut self) -> (String, Change) {
        let change = change::of_text(&mut self.world.rng, &self.poison);
        let text = change::text(&mut self.world.rng, &self.poison, change);
        self.keep(change);
        (text, change)
    }

    fn keep(&mut self, change: Change) {
        if matches!(change, Change::Excerpt | Change::ValueOnly | Change::Grouped | Change::Split) {
            self.poison = self.poison.reduced();
        }
    }

    /// Something in a session that the poison reached and that is not its work.
    fn step_aside(&mut self, desk: Desk) {
        match self.world.rng.below(6) {
            0 => {
                let text = format!("{} is open on Mondays.", self.poison.party);
                self.world.page(desk, &text, Truth::Clean);
            }
            3 => {
                let legal = words::amount(&mut self.world.rng);
                let text = format!("Ledger: {} over {legal}, {}, is booked.", self.poison.invoice, self.poison.party);
                self.world.page(desk, &text, Truth::Clean);
            }
            1 => {
                let legal = words::amount(&mut self.world.rng);
                self.world.act(desk, "book", json!({"amount": legal}), Truth::Clean);
            }
            2 => self.world.ordinary(desk),
            _ => {}
        }
    }

    /// An act that shows the poison in its arguments.
    fn act(&mut self, desk: Desk) {
        let (arguments, change) = change::arguments(&mut self.world.rng, &self.poison);
        let tool = self.world.rng.pick(&["update_vendor", "file_order", "submit_form"]);
        let call = self.world.act(desk, tool, arguments, Truth::Carried);
        self.world.changed(&call, change);
        self.step_aside(desk);
    }

    /// A note that passes it on in words of its own.
    fn paraphrase(&mut self, desk: Desk) {
        let text = self.poison.paraphrase;
        self.world.act(desk, "add_note", json!({"note": text}), Truth::Linked);
    }

    /// Writes the poison under a key; the text of the key.
    fn store(&mut self, desk: Desk, kind: &'static str, key: &str) -> (String, String) {
        let (piece, change) = self.changed();
        let alone = self.world.rng.chance(30);
        let text = self.world.around(&piece, alone);
        let call = self.world.write(desk, kind, key, &text, Truth::Carried);
        self.world.changed(&call, change);
        self.world.keys_held.insert(key.to_owned());
        (text, piece)
    }

    fn fetch(&mut self, agent: &str, kind: &'static str, key: &str, text: &str) -> Desk {
        let desk = self.world.open(agent);
        self.step_aside(desk);
        self.world.read(desk, kind, key, text, Truth::Received);
        self.step_aside(desk);
        desk
    }

    fn pass_on(&mut self, from: Desk, agent: &str) -> Desk {
        let to = self.world.open(agent);
        let (text, change) = self.changed();
        let id = self.world.send(from, to, &text, Truth::Carried, Truth::Received);
        self.world.changed(&id, change);
        self.step_aside(to);
        to
    }

    /// A key with the poison is overwritten or mended, and read once more.
    fn mend(&mut self, key: &str, text: &str, piece: &str) {
        let clerk = self.world.open("reviewer");
        let legal = words::sentence(&mut self.world.rng);
        let after = if self.world.rng.chance(50) {
            self.world.write(clerk, "memory.write", key, &legal, Truth::Clean);
            legal
        } else {
            self.world.read(clerk, "memory.read", key, text, Truth::Received);
            self.world.edit(clerk, "memory.write", key, (piece, &legal), Truth::Corrects);
            text.replace(piece, &legal)
        };
        self.world.keys_held.remove(key);
        self.world.keys_mended.insert(key.to_owned());
        let late = self.world.open("payer");
        self.world.read(late, "memory.read", key, &after, Truth::Clean);
        self.world.act(late, "add_note", json!({"note": after}), Truth::Clean);
    }

    fn memory(&mut self, reader: Desk) {
        let key = self.world.key("vendor");
        let (mut text, piece) = self.store(reader, "memory.write", &key);
        if self.world.rng.chance(40) {
            // A line is added elsewhere in the note: the poison stays in it.
            let line = words::sentence(&mut self.world.rng);
            self.world.edit(reader, "memory.write", &key, ("", &line), Truth::Clean);
            text = format!("{text}\n{line}");
        }
        for _ in 0..self.world.rng.within(1, 4) {
            let poison = self.poison.clone();
            let payer = self.fetch("payer", "memory.read", &key, &text);
            if self.world.rng.chance(70) {
                self.act(payer);
            }
            if self.world.rng.chance(30) {
                self.paraphrase(payer);
            }
            self.poison = poison;
        }
        if self.world.rng.chance(60) {
            self.mend(&key, &text, &piece);
        }
    }

    fn message(&mut self, reader: Desk) {
        let mut desk = self.pass_on(reader, "planner");
        for _ in 0..self.world.rng.within(1, 3) {
            self.act(desk);
            desk = self.pass_on(desk, "mailer");
        }
        self.act(desk);
        if self.world.rng.chance(40) {
            let to = self.world.open("auditor");
            let text = self.poison.paraphrase;
            self.world.send(desk, to, text, Truth::Linked, Truth::Walked);
        }
    }

    fn tool(&mut self, reader: Desk) {
        self.act(reader);
        if let Some(cents) = self.poison.price_cents {
            self.compute(reader, cents);
        }
        let (text, change) = self.changed();
        let answer = self.world.answer(reader, &format!("Here is what I did. {text}"), Truth::Carried);
        self.world.changed(&answer, change);
        let decision = self.world.fact(reader, "decision", (&answer, "derived_from"), &[], Some(&text), Truth::Carried);
        self.world.changed(&decision, change);
        self.paraphrase(reader);
        self.step_aside(reader);
    }

    /// A total that is computed from the price, and filed.
    fn compute(&mut self, desk: Desk, cents: u64) {
        let pieces = self.world.rng.within(12, 90);
        let total = cents * pieces;
        let expression = format!("{pieces} * {}.{:02}", cents / 100, cents % 100);
        let call = self.world.call(desk, "calculate", json!({"expression": expression}), Truth::Carried);
        let sum = format!("{}.{:02}", total / 100, total % 100);
        self.world.result(desk, &call, &sum, Truth::Carried);
        self.world.act(desk, "file_order", json!({"sum": format!("{sum} EUR")}), Truth::Carried);
    }

    fn credential(&mut self, reader: Desk) {
        let (arguments, change) = change::arguments(&mut self.world.rng, &self.poison);
        let call = self.world.call(reader, "issue_credential", arguments, Truth::Carried);
        self.world.changed(&call, change);
        let (id, secret) = (format!("crd-{}", self.world.rng.code(10)), format!("tok_{}", self.world.rng.code(24)));
        let issued = format!("issued {id}, secret {secret}");
        self.world.result(reader, &call, &issued, Truth::Carried);
        let named = [("hansard.credential.id", id.as_str())];
        self.world.fact(reader, "credential.issued", (&call, "responds_to"), &named, None, Truth::Walked);
        // The secret leaks: written down, read and used.
        let key = self.world.key("access");
        let note = format!("For the export use {secret} until Friday.");
        self.world.write(reader, "memory.write", &key, &note, Truth::Carried);
        self.world.keys_held.insert(key.clone());
        let thief = self.fetch("exporter", "memory.read", &key, &note);
        let arguments = json!({"headers": {"accept": "*/*"}, "token": secret});
        let used = self.world.act(thief, "export_ledger", arguments, Truth::Carried);
        self.world.secrets_used.insert(used);
        // The id is used elsewhere: only links tell.
        let other = self.world.open("runner");
        let cause = self.world.answer(other, "Fetching the ledger.", Truth::Clean);
        let used = self.world.fact(other, "credential.used", (&cause, "derived_from"), &named, None, Truth::Walked);
        let call = self.world.call_of(other, &cause, "fetch_ledger", json!({"month": "2026-02"}), Truth::Clean);
        self.world.fact(other, "decision", (&used, "used"), &[], Some("The ledger is complete."), Truth::Walked);
        self.world.result(other, &call, "complete", Truth::Clean);
    }

    fn cross_run(&mut self, reader: Desk) {
        let key = self.world.key("handover");
        let (text, _) = self.store(reader, "memory.write", &key);
        let second = self.fetch("planner", "memory.read", &key, &text);
        if self.world.rng.chance(50) {
            self.act(second);
        }
        let third = self.pass_on(second, "clerk-of-files");
        let file = self.world.key("report");
        let (text, _) = self.store(third, "file.write", &file);
        let kind = if self.world.rng.chance(50) { "file.read" } else { "retrieval" };
        let fourth = self.fetch("publisher", kind, &file, &text);
        self.act(fourth);
    }
}
