//! The built binary as people and programs meet it: settings, exit codes, one JSON document, the story of the demo,
//! imports, keys, and the life of a server.

mod answers;
mod demo;
mod exit_codes;
mod import;
mod init;
mod keys;
mod program;
mod serve;
mod settings;
mod sql;
