//! `blake3(binary)`: the digest under which equal bytes are found.
//!
//! Guarantee: 32 bytes; null for null.

use arrow::array::{ArrayRef, AsArray, BinaryBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Blake3 {
    signature: Signature,
}

impl Blake3 {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Blake3 {
    fn name(&self) -> &'static str {
        "blake3"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        use DataType::{Binary, BinaryView, LargeBinary, Null, Utf8, Utf8View};
        match types {
            [Binary | BinaryView | LargeBinary | Utf8 | Utf8View | Null] => Ok(Binary),
            other => plan_err!("blake3 takes one binary or text, found {other:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = arrow::compute::cast(&args.args[0].to_array(args.number_rows)?, &DataType::BinaryView)?;
        let mut out = BinaryBuilder::new();
        for value in values.as_binary_view().iter() {
            out.append_option(value.map(|bytes| *blake3::hash(bytes).as_bytes()));
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish()) as ArrayRef))
    }
}
