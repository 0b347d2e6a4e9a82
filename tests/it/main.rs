//! Hansard as a person meets it: the binary, real transcripts, real brokers, other people's readers, kill -9.

mod attribution;
mod crash;
mod flow;
mod import;
mod lineage;
mod oracles;
mod origins;
mod planted;
mod producer_python;
mod proofs;
mod s3;
