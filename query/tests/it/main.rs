//! The query side over small tables that these tests write themselves: Parquet by `schemas::columns::file_schema` and a
//! hand-written Delta log, so that nothing here rests on the compactor.

mod compare;
mod contents;
mod fixture;
mod http;
mod indexed;
mod lineage;
mod output;
mod pruning;
mod read_only;
mod tables;
mod transcript;
