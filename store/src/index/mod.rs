//! Indexes beside the table: from ids, causes, keys of memory, credentials, calls and contents to events.
//!
//! Everything here is derived: it can be deleted and built again from the table. Indexes are immutable objects under
//! `index/`, named by a manifest that says up to which leaf of each partition they reach. Places in them are (partition,
//! leaf), which no merge of segments changes, so that a reader pinned to an older version uses a newer index and leaves
//! out what lies beyond its heads; what no index covers yet is indexed in memory by whoever asks.
//!
//! Guarantee: a look-up over a [`View`] gives what a scan of the pinned rows would give. Damage is found by checksums and
//! reported with the object's name and what to do; it never becomes a wrong answer.

mod build;
mod cache;
mod extract;
#[cfg(test)]
mod golden;
mod key;
mod manifest;
mod memory;
mod merge;
mod node;
mod nodes;
mod object;
mod postings;
mod row;
mod texts;
mod view;

pub use build::{Built, Indexer, STEP_EVENTS};
pub use cache::BlockCache;
pub use extract::needed_columns;
pub use key::{Key, Place, content_key};
pub use manifest::{Manifest, rebuild};
pub use memory::MemoryPart;
pub use node::{Node, NodeCause};
pub use row::columns_of;
pub use view::{Found, LOOKUP_PLACES_MAX, Linked, View};
