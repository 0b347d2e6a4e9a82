//! Hansard as a person meets it: the binary, real transcripts, real brokers, other people's readers, kill -9.

mod crash;
mod import;
mod lineage;
mod oracles;
mod producer_python;
mod proofs;
mod s3;
