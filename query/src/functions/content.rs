//! `content_bytes(contents, name)` and `content_text(contents, name)`.
//!
//! Guarantee: the first content of that name in the row's own list; null when there is none, or when its bytes are not
//! in the row (reference, blob, erased), or, for text, are not valid UTF-8.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, ListArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ContentOf {
    name: &'static str,
    signature: Signature,
    as_text: bool,
}

impl ContentOf {
    pub(super) fn bytes() -> Self {
        Self { name: "content_bytes", signature: Signature::any(2, Volatility::Immutable), as_text: false }
    }

    pub(super) fn text() -> Self {
        Self { name: "content_text", signature: Signature::any(2, Volatility::Immutable), as_text: true }
    }
}

impl ScalarUDFImpl for ContentOf {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::List(_), DataType::Utf8 | DataType::Utf8View] if self.as_text => Ok(DataType::Utf8),
            [DataType::List(_), DataType::Utf8 | DataType::Utf8View] => Ok(DataType::Binary),
            other => plan_err!("{}(contents, name) takes the contents column and a name, found {other:?}", self.name),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = args.args[0].to_array(args.number_rows)?;
        let names = arrow::compute::cast(&args.args[1].to_array(args.number_rows)?, &DataType::Utf8)?;
        let found = find(&lists, names.as_string())
            .ok_or_else(|| exec_datafusion_err!("{}: not a contents column", self.name))?;
        let array: ArrayRef = if self.as_text {
            let mut out = StringBuilder::new();
            found.iter().for_each(|b| out.append_option(b.and_then(|b| std::str::from_utf8(b).ok())));
            Arc::new(out.finish())
        } else {
            let mut out = BinaryBuilder::new();
            found.iter().for_each(|b| out.append_option(*b));
            Arc::new(out.finish())
        };
        Ok(ColumnarValue::Array(array))
    }
}

fn find<'a>(lists: &'a ArrayRef, wanted: &StringArray) -> Option<Vec<Option<&'a [u8]>>> {
    let lists: &ListArray = lists.as_list_opt()?;
    let elements = lists.values().as_struct_opt()?;
    let names: &StringArray = elements.column_by_name("name")?.as_string_opt()?;
    let bytes: &BinaryArray = elements.column_by_name("bytes")?.as_binary_opt()?;
    let first = |row: usize| -> Option<&'a [u8]> {
        if lists.is_null(row) || wanted.is_null(row) {
            return None;
        }
        let (from, to) = (lists.value_offsets()[row] as usize, lists.value_offsets()[row + 1] as usize);
        let at = (from..to).find(|i| names.is_valid(*i) && names.value(*i) == wanted.value(row))?;
        bytes.is_valid(at).then(|| bytes.value(at))
    };
    Some((0..lists.len()).map(first).collect())
}
