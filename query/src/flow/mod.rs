//! Lineage of data and orders: which untrusted text an act follows, where its values come from, and what a text did.
//!
//! Two kinds of influence are kept apart. A value that stands in a tool's result shows where *data* came from; the
//! *origin* of an act is an untrusted text that reads like an order and that the act does. Guarantee: everything here
//! is a pure function of the events it is given; nothing reads a store, a clock or the environment, no ground truth
//! enters, and every bound that is hit is named in the answer. What is found is inferred and never merged with stated
//! causes.

mod acts;
mod arguments;
pub mod atoms;
mod climb;
pub mod down;
pub mod edge;
pub mod event;
mod feats;
mod features;
mod idents;
mod inputs;
mod lexicon;
pub mod limits;
pub mod links;
mod mapped;
mod matching;
mod numbers;
pub mod orders;
mod plain;
mod record;
mod second;
mod segments;
pub mod session;
mod source;
mod store;
pub mod stored;
mod taint;
#[cfg(test)]
mod tests;
pub mod text;
pub mod up;
mod view;
mod walk;
mod want;
pub mod why;
mod wrappers;

pub use arguments::unwrapped;
pub use down::{Down, Grade, down};
pub use edge::{ControlEdge, How, Span};
pub use event::{FlowEvent, FlowKind};
pub use links::{LinkError, Links, Loaded, Place};
pub use session::SessionFlow;
pub use up::{Up, up};
pub use why::{Grounds, why};
