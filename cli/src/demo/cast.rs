//! Who acts in the demo: agents with keys of their own, and people and services that the gateway speaks for.

/// An actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Agent id, or the pseudonym of a person.
    pub id: &'static str,
    /// URI under which it speaks.
    pub source: &'static str,
    /// Version of the agent; people have none.
    pub version: Option<&'static str>,
    /// The model that it calls.
    pub model: Option<&'static str>,
    /// Whether it signs with a key of its own; otherwise the gateway signs what it saw.
    pub own_key: bool,
}

macro_rules! cast {
    ($($(#[doc = $doc:literal])* $name:ident = $id:literal, $kind:literal, $version:expr, $model:expr, $own:literal;)*) => {
        $( $(#[doc = $doc])* pub(super) const $name: Actor = Actor {
            id: $id, source: concat!("urn:hansard:demo:", $kind, ":", $id), version: $version, model: $model, own_key: $own,
        }; )*
        /// Everyone.
        pub(super) const CAST: &[Actor] = &[$($name),*];
    };
}

const LARGE: Option<&str> = Some("northwind-large-2");
const SMALL: Option<&str> = Some("northwind-small-2");

cast! {
    /// Splits a request into steps.
    PLANNER = "planner", "agent", Some("2.3.0"), LARGE, true;
    /// Finds documents.
    RETRIEVER = "retriever", "agent", Some("1.8.1"), SMALL, true;
    /// Decides on loans.
    DECIDER = "decider", "agent", Some("4.0.2"), LARGE, true;
    /// Reads suppliers' pages.
    SCOUT = "price-scout", "agent", Some("0.9.4"), SMALL, true;
    /// Writes quotes.
    QUOTER = "quote-writer", "agent", Some("3.1.0"), LARGE, true;
    /// Orders parts.
    BUYER = "buyer", "agent", Some("2.0.0"), LARGE, true;
    /// Reports to management; has no key of its own.
    REPORTER = "reporter", "agent", Some("1.2.0"), SMALL, false;
    /// Watches stock; has no key of its own.
    STOCK = "stock-keeper", "agent", Some("1.0.3"), SMALL, false;
    /// Takes applications at the counter.
    OFFICER = "officer-17", "person", None, None, false;
    /// Reviews decisions.
    REVIEWER = "reviewer-22", "person", None, None, false;
    /// Writes prompts.
    PROMPTER = "prompt-author-05", "person", None, None, false;
    /// Runs purchasing.
    PURCHASING = "purchasing-09", "person", None, None, false;
    /// Issues credentials.
    VAULT = "vault", "service", None, None, false;
    /// Judges by rules.
    POLICY = "policy-engine", "service", None, None, false;
}
