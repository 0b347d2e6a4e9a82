//! Why something was done, where it came from and what came of it.
//!
//! Guarantee: a walk never follows a link twice, never goes round a cycle, and never passes a bound in silence: the
//! bound that was hit is named with the frontier that was not followed. A cause that the record does not hold is
//! listed as missing. Links are those that the record states; `basis` says how each is known.

mod cache;
mod describe;
mod edges;
mod export;
mod flow_links;
mod indexed;
mod influence;
mod render;
mod render_flow;
mod role;
mod trace;
mod walk;
mod why;

pub use describe::Node;
pub use edges::{Edge, EdgeIndex};
pub use export::Export;
pub use render::Style;
pub use render_flow::{grounds_text, influence_text, origin_text};
pub use role::Role;
pub use trace::{Direction, Link, LinkDigest, Trace, Visited};
pub use walk::{Bounds, Cut, Missing};
pub use why::{Because, Why};

pub(crate) use edges::open as open_edges;
pub(crate) use indexed::IndexedEdges;
