//! The integration tests of `ingest`, in one binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod http_batches;
mod http_events;
mod http_support;
mod import_agentdojo;
mod import_claude_code;
mod import_claude_line;
mod import_failures;
mod import_fuzz;
mod import_native;
mod import_openclaw;
mod import_openclaw_damage;
mod import_openclaw_links;
mod import_openclaw_support;
mod import_run_driver;
mod import_source;
mod import_support;
mod import_tau_bench;
mod log_broker;
mod log_child;
mod log_embedded;
mod log_kafka;
mod log_memory;
mod log_speed;
mod producer_batching;
mod producer_crash;
mod producer_rules;
mod producer_support;
