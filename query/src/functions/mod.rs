//! SQL functions of our own.
//!
//! - `json_get(value, path)` -> text: a member of a JSON text or binary, e.g. `json_get(header, '$.data.task')`
//! - `content_bytes(contents, name)` -> binary and `content_text(contents, name)` -> text: the first content of that
//!   name within an event's own `contents` list, as it stands in the row (references are resolved by the table
//!   `contents`, not here)
//! - `hex(binary)` -> text, `utf8(binary)` -> text, null where it is not valid UTF-8
//!
//! Guarantee: pure functions; a value that cannot be read is null, a call with other types is refused at planning.

mod binary;
mod content;
mod json;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

pub use json::get as json_get;

/// Registers all of them.
pub(crate) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::from(json::JsonGet::new()));
    context.register_udf(ScalarUDF::from(content::ContentOf::bytes()));
    context.register_udf(ScalarUDF::from(content::ContentOf::text()));
    context.register_udf(ScalarUDF::from(binary::BinaryText::hex()));
    context.register_udf(ScalarUDF::from(binary::BinaryText::utf8()));
}
