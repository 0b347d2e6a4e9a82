//! Lineage at scale: a corpus with planted lineage, and each question cold and warm, beside its bar.
//!
//! Guarantee: an answer counts only when it has the size that the corpus says; a wrong or cut one is reported as such.

pub mod ask;
pub mod fill;
pub mod fresh;
pub mod peers;
pub mod report;
pub mod spread;
pub mod suite;
pub mod target;
