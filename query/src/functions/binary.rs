//! `hex(binary)` and `utf8(binary)`.
//!
//! Guarantee: `hex` is lower case and whole; `utf8` is null where the bytes are not valid UTF-8.

use arrow::array::{ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BinaryText {
    name: &'static str,
    signature: Signature,
    as_hex: bool,
}

impl BinaryText {
    pub(super) fn hex() -> Self {
        Self { name: "hex", signature: Signature::any(1, Volatility::Immutable), as_hex: true }
    }

    pub(super) fn utf8() -> Self {
        Self { name: "utf8", signature: Signature::any(1, Volatility::Immutable), as_hex: false }
    }
}

impl ScalarUDFImpl for BinaryText {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        use DataType::{Binary, BinaryView, LargeBinary, Null, Utf8, Utf8View};
        match types {
            [Binary | BinaryView | LargeBinary | Utf8 | Utf8View | Null] => Ok(Utf8),
            other => plan_err!("{} takes one binary, found {other:?}", self.name),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arrow::compute::cast(&args.args[0].to_array(args.number_rows)?, &DataType::BinaryView)?;
        let mut out = StringBuilder::new();
        for value in values.as_binary_view().iter() {
            match value {
                None => out.append_null(),
                Some(bytes) if self.as_hex => out.append_value(hex::encode(bytes)),
                Some(bytes) => out.append_option(std::str::from_utf8(bytes).ok()),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish()) as ArrayRef))
    }
}
