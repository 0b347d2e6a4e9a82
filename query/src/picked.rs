//! Contents of rows that were read by their place.
//!
//! Guarantee: gives what the table `contents` gives, but only where all bytes stand in the row; where one was sent by
//! reference, lies in a blob or is erased, it says so, and the caller asks the table.

use arrow::array::{Array, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::Int64Type;

/// Paths of the fields that are read.
pub(crate) const CONTENT_FIELDS: [&str; 5] = [
    "contents.list.element.name",
    "contents.list.element.media_type",
    "contents.list.element.size",
    "contents.list.element.salt",
    "contents.list.element.bytes",
];

/// One content of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picked<'a> {
    pub(crate) name: &'a str,
    pub(crate) media_type: Option<&'a str>,
    pub(crate) size: Option<i64>,
    pub(crate) salt: Option<&'a [u8]>,
    /// `None`: they do not stand here.
    pub(crate) bytes: Option<&'a [u8]>,
}

/// The contents of `row`, in order; `None` when the batch does not hold them.
pub(crate) fn contents(batch: &RecordBatch, row: usize) -> Option<Vec<Picked<'_>>> {
    let lists = batch.column_by_name("contents")?.as_list_opt::<i32>()?;
    if lists.is_null(row) {
        return Some(Vec::new());
    }
    let elements: &StructArray = lists.values().as_struct_opt()?;
    let texts = |name: &str| -> Option<&StringArray> { elements.column_by_name(name)?.as_string_opt() };
    let bytes = |name: &str| -> Option<&BinaryArray> { elements.column_by_name(name)?.as_binary_opt() };
    let (names, types, salts, bodies) = (texts("name")?, texts("media_type")?, bytes("salt")?, bytes("bytes")?);
    let sizes: &Int64Array = elements.column_by_name("size")?.as_primitive_opt::<Int64Type>()?;
    let (from, to) = (lists.value_offsets()[row] as usize, lists.value_offsets()[row + 1] as usize);
    let one = |i: usize| Picked {
        name: if names.is_valid(i) { names.value(i) } else { "" },
        media_type: types.is_valid(i).then(|| types.value(i)),
        size: sizes.is_valid(i).then(|| sizes.value(i)),
        salt: salts.is_valid(i).then(|| salts.value(i)),
        bytes: bodies.is_valid(i).then(|| bodies.value(i)),
    };
    Some((from..to).map(one).collect())
}
