//! Bytes in, durable log records out: the log in its two forms, the producer that signs, the receivers and importers.
//!
//! Guarantee: the log is the only hand-over to the store. Nothing here reads the wall clock, the environment or the
//! operating system's randomness by itself; the caller passes them in ([`env`]).

pub mod env;
pub mod http;
pub mod import;
pub mod import_run;
pub mod log;
pub mod producer;
