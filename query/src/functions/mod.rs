//! SQL functions of our own.
//!
//! - `json_get(value, path)` -> text: a member of a JSON text or binary, e.g. `json_get(header, '$.data.task')`
//! - `content_bytes(contents, name)` -> binary and `content_text(contents, name)` -> text: the first content of that
//!   name within an event's own `contents` list, as it stands in the row (references are resolved by the table
//!   `contents`, not here)
//! - `blake3(binary)` -> binary: the digest under which equal bytes are found
//! - `hex(binary)` -> text, `utf8(binary)` -> text, null where it is not valid UTF-8
//!
//! Guarantee: pure functions; a value that cannot be read is null, a call with other types is refused at planning.
//! Functions of the engine whose result is as large as a number in the query says ([`UNBOUNDED`]) are not there.

mod binary;
mod content;
mod digest;
mod json;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

pub use json::get as json_get;

/// Functions that are taken away, under all their names: their result is as large as a number in the query says, and it
/// is made at once, before any limit of a query can see it (`repeat('a', 2000000000)` takes gigabytes). The tables
/// `range(...)` and `generate_series(...)` stay: they give their rows batch by batch.
pub(crate) const UNBOUNDED: &[&str] = &[
    "repeat",
    "lpad",
    "rpad",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "range",
    "generate_series",
];

/// Registers our own and takes away the [`UNBOUNDED`].
pub(crate) fn register(context: &SessionContext) {
    // A name that stands for another one goes with it; to take it away once more does nothing.
    UNBOUNDED.iter().for_each(|name| context.deregister_udf(name));
    context.register_udf(ScalarUDF::from(json::JsonGet::new()));
    context.register_udf(ScalarUDF::from(content::ContentOf::bytes()));
    context.register_udf(ScalarUDF::from(content::ContentOf::text()));
    context.register_udf(ScalarUDF::from(binary::BinaryText::hex()));
    context.register_udf(ScalarUDF::from(binary::BinaryText::utf8()));
    context.register_udf(ScalarUDF::from(digest::Blake3::new()));
}
