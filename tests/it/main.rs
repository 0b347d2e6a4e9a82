//! Hansard as a person meets it: the binary, real transcripts, real brokers, other people's readers, kill -9.

mod attribution;
mod compare;
mod crash;
mod flow;
mod fresh;
mod import;
mod lineage;
mod oracles;
mod origins;
mod planted;
mod producer_python;
mod proofs;
mod replay_serve;
mod s3;
mod state;
