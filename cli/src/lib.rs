//! The binary `hansard`: composes the roles of the other crates and talks to people and programs.
//!
//! Guarantee: only this crate reads the clock, the environment and the operating system's randomness, and only this
//! crate prints. Results go to stdout, everything else to stderr. Typed arguments ([`args`]) become a resolved plan
//! ([`plan`]), which [`run`] carries out. Exit codes: 0 done, 1 the answer is no, 2 it did not work ([`failure`]).

pub mod args;
pub mod commands;
pub mod config;
pub mod console;
pub mod demo;
pub mod failure;
pub mod home;
pub mod opened;
pub mod plan;
pub mod real_env;
pub mod run;
pub mod serve;
pub mod settings;
mod shown;
