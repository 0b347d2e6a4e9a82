//! A conversation as items that do not depend on the API that carries it: texts, tool calls, tool results.
//!
//! Guarantee: two conversations have the same items exactly when a model would read the same: ids of calls are
//! replaced by the place of the call in its turn, results of one turn stand in the order of their calls, reasoning
//! and empty texts are left out, line ends and trailing white space are one. Where each item stood in the request
//! is kept beside.

use std::sync::Arc;

/// A result whose call is not in the last turn.
const CALL_UNKNOWN: usize = 0xffff;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    System,
    User,
    Assistant,
}

/// One item, as a request or a record gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Text { role: Role, text: String },
    Call { id: String, name: String, arguments: String },
    Result { call: String, text: String },
}

/// An item and where it stood, `messages[3].content[0]`.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) item: Item,
    pub(super) place: String,
}

impl Placed {
    pub(super) fn new(item: Item, place: String) -> Self {
        Self { item, place }
    }

    pub(super) fn text(role: Role, text: impl Into<String>, place: String) -> Self {
        Self::new(Item::Text { role, text: text.into() }, place)
    }
}

/// What an item is, for hashing and for showing differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    System,
    User,
    Assistant,
    Call,
    Result(usize),
}

/// An item in its final form.
#[derive(Debug, Clone)]
pub(super) struct Canonical {
    pub(super) kind: Kind,
    pub(super) text: Arc<str>,
    pub(super) digest: [u8; 32],
    pub(super) place: String,
}

impl Canonical {
    pub(super) fn new(kind: Kind, text: &str, place: String) -> Self {
        let (tag, turn_place) = match kind {
            Kind::System => (1, 0),
            Kind::User => (2, 0),
            Kind::Assistant => (3, 0),
            Kind::Call => (4, 0),
            Kind::Result(at) => (5, at as u64),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[tag]);
        hasher.update(&turn_place.to_le_bytes());
        hasher.update(text.as_bytes());
        Self { kind, text: text.into(), digest: *hasher.finalize().as_bytes(), place }
    }

    /// The same item with another text.
    pub(super) fn with_text(&self, text: &str) -> Self {
        Self::new(self.kind, text, self.place.clone())
    }
}

/// Brings items into their final form, one after the other. A copy of it goes on from where it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Settler {
    /// Texts and calls of the assistant since somebody else spoke.
    turn: Vec<Placed>,
    /// Ids of the calls of the last turn; `None` once they are answered.
    calls: Vec<Option<String>>,
    /// Results since the last item of another kind, with the place of their call.
    results: Vec<(usize, Placed)>,
}

impl Settler {
    /// Takes an item; hands out those that are final now.
    pub(super) fn push(&mut self, placed: Placed, out: &mut Vec<Canonical>) {
        match &placed.item {
            Item::Text { role: Role::Assistant, .. } | Item::Call { .. } => {
                self.end_results(out);
                self.turn.push(placed);
            }
            Item::Result { call, .. } => {
                self.end_turn(out);
                let at = self.answered(&call.clone());
                self.results.push((at, placed));
            }
            Item::Text { role, text } => {
                self.end_turn(out);
                self.end_results(out);
                let text = settled(text);
                if !text.is_empty() {
                    let kind = if *role == Role::System { Kind::System } else { Kind::User };
                    out.push(Canonical::new(kind, &text, placed.place));
                }
            }
        }
    }

    /// Hands out what is still held back: the conversation ends here.
    pub(super) fn finish(&mut self, out: &mut Vec<Canonical>) {
        self.end_turn(out);
        self.end_results(out);
    }

    fn answered(&mut self, id: &str) -> usize {
        let named = self.calls.iter().position(|call| call.as_deref() == Some(id) && !id.is_empty());
        let unnamed = || id.is_empty().then(|| self.calls.iter().position(Option::is_some)).flatten();
        match named.or_else(unnamed) {
            Some(at) => {
                self.calls[at] = None;
                at
            }
            None => CALL_UNKNOWN,
        }
    }

    fn end_turn(&mut self, out: &mut Vec<Canonical>) {
        if self.turn.is_empty() {
            return;
        }
        let mut said = String::new();
        let mut said_at = None;
        let mut calls = Vec::new();
        self.calls.clear();
        for placed in self.turn.drain(..) {
            match placed.item {
                Item::Text { text, .. } => {
                    said.push_str(&text);
                    said_at.get_or_insert(placed.place);
                }
                Item::Call { id, name, arguments } => {
                    calls.push(Canonical::new(Kind::Call, &format!("{name}\n{arguments}"), placed.place));
                    self.calls.push(Some(id));
                }
                Item::Result { .. } => {}
            }
        }
        let said = settled(&said);
        if !said.is_empty() {
            out.push(Canonical::new(Kind::Assistant, &said, said_at.unwrap_or_default()));
        }
        out.append(&mut calls);
    }

    fn end_results(&mut self, out: &mut Vec<Canonical>) {
        self.results.sort_by_key(|(at, _)| *at);
        for (at, placed) in self.results.drain(..) {
            if let Item::Result { text, .. } = placed.item {
                out.push(Canonical::new(Kind::Result(at), &settled(&text), placed.place));
            }
        }
    }
}

/// A text with one kind of line end and nothing behind its last word.
pub(super) fn settled(text: &str) -> String {
    let text = text.trim_end();
    if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Canonical, Item, Placed, Role, Settler};

    fn settle(items: Vec<Item>) -> Vec<[u8; 32]> {
        let (mut settler, mut out) = (Settler::default(), Vec::new());
        items.into_iter().for_each(|item| settler.push(Placed::new(item, String::new()), &mut out));
        settler.finish(&mut out);
        out.iter().map(|item: &Canonical| item.digest).collect()
    }

    fn call(id: &str, name: &str) -> Item {
        Item::Call { id: id.into(), name: name.into(), arguments: "{}".into() }
    }

    fn result(call: &str, text: &str) -> Item {
        Item::Result { call: call.into(), text: text.into() }
    }

    #[test]
    fn ids_and_the_order_of_parallel_results_do_not_matter() {
        let one = settle(vec![call("a", "x"), call("b", "y"), result("a", "1"), result("b", "2")]);
        let two = settle(vec![call("q", "x"), call("r", "y"), result("r", "2"), result("q", "1")]);
        let crossed = settle(vec![call("a", "x"), call("b", "y"), result("a", "2"), result("b", "1")]);
        assert_eq!(one, two);
        assert_ne!(one, crossed);
    }

    #[test]
    fn an_answer_in_pieces_is_the_same_answer() {
        let said = |text: &str| Item::Text { role: Role::Assistant, text: text.into() };
        assert_eq!(settle(vec![said("a"), call("1", "x"), said("b\r\n")]), settle(vec![said("ab"), call("2", "x")]));
    }

    #[test]
    fn results_without_ids_belong_to_the_calls_in_order() {
        let one = settle(vec![call("", "x"), call("", "y"), result("", "1"), result("", "2")]);
        assert_eq!(one, settle(vec![call("a", "x"), call("b", "y"), result("a", "1"), result("b", "2")]));
    }
}
