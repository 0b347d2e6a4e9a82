//! Full text over contents: one immutable object per run of the derived index, read by ranges from any object store.
//!
//! - `TextBuilder` makes a run, `merge` joins runs without reading texts again and leaves erased contents out.
//! - `TextIndex` opens a run, `TextSearcher` searches many as one by words (`search`) and proposes altered copies of
//!   a passage (`copies`), which `best_window` and `trigram_similarity` rank exactly.
//!
//! The index is derived: when it is damaged every call says so (`Corrupt`) and it is rebuilt from the table. Answers
//! are complete or say that they are not. What words are is in `words.rs`, every bound in `limits.rs`.

mod builder;
mod cache;
mod candidates;
mod collect;
mod fault;
mod fingerprint;
mod footer;
mod hot;
pub mod limits;
mod merge;
mod normal;
mod object;
mod open;
mod pack;
mod query;
mod schema;
mod scratch;
mod search;
mod similar;
mod words;

#[cfg(test)]
mod tests;

pub use builder::{RunSpan, TextBuilder, TextLimits};
pub use cache::BlockCache;
pub use candidates::CopySearch;
pub use footer::RunFacts;
pub use merge::{Erased, merge};
pub use normal::normal_text;
pub use open::TextIndex;
pub use pack::{BuiltText, TextBody};
pub use search::{TextAnswer, TextHit, TextScope, TextSearch, TextSearcher};
pub use similar::{BestWindow, Similarity, best_window, trigram_similarity};
