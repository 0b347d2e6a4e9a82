//! Questions to the record: SQL, transcripts, lineage and the same over HTTP, each over one pinned snapshot.
//!
//! Guarantee: nothing here writes to a store, and every answer carries a [`Coverage`]: the table version and tree size
//! that it stands on, and what it could not see. Nothing reads the wall clock or the environment. Start with
//! [`Engine::open`]; a server that follows the table holds a [`QueryService`].

pub mod answer;
pub mod compare;
pub mod context;
pub mod coverage;
pub mod error;
pub mod events;
pub mod flow;
mod fresh;
pub mod functions;
pub mod http;
pub mod limits;
pub mod lineage;
pub mod output;
mod picked;
pub mod policy;
mod readable;
mod rows;
pub mod runtime;
pub mod search;
pub mod service;
pub mod tables;
pub mod tail;
pub mod transcript;

pub use answer::{Answer, RowStream};
pub use context::Engine;
pub use coverage::Coverage;
pub use error::{QueryError, Result};
pub use limits::Limits;
pub use output::Format;
pub use runtime::Runtime;
pub use service::{LogTail, QueryService};
