//! Reading single cells of record batches by column name.
//!
//! Guarantee: a null, an absent column and a column of another type all read as `None`; callers that need a column
//! select it themselves, so that its absence is a mistake that tests show.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    /// A row of a batch.
    pub(crate) fn new(batch: &'a RecordBatch, row: usize) -> Self {
        Self { batch, row }
    }
}

/// All rows of `batches`.
pub(crate) fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
}

impl<'a> Row<'a> {
    fn cell(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name).filter(|column| column.is_valid(self.row))
    }

    pub(crate) fn str(&self, name: &str) -> Option<&'a str> {
        let cell = self.cell(name)?;
        match cell.data_type() {
            DataType::Utf8 => cell.as_string_opt::<i32>().map(|c| c.value(self.row)),
            DataType::Utf8View => cell.as_string_view_opt().map(|c| c.value(self.row)),
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.str(name).map(str::to_owned)
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        let cell = self.cell(name)?;
        match cell.data_type() {
            DataType::Binary => cell.as_binary_opt::<i32>().map(|c| c.value(self.row)),
            DataType::BinaryView => cell.as_binary_view_opt().map(|c| c.value(self.row)),
            _ => None,
        }
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        let cell = self.cell(name)?;
        match cell.data_type() {
            DataType::Int64 => cell.as_primitive_opt::<Int64Type>().map(|c| c.value(self.row)),
            DataType::Int32 => cell.as_primitive_opt::<Int32Type>().map(|c| i64::from(c.value(self.row))),
            DataType::UInt64 => {
                cell.as_primitive_opt::<UInt64Type>().and_then(|c| i64::try_from(c.value(self.row)).ok())
            }
            DataType::Timestamp(..) => cell.as_primitive_opt::<TimestampMicrosecondType>().map(|c| c.value(self.row)),
            _ => None,
        }
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.cell(name)?.as_primitive_opt::<Float64Type>().map(|c| c.value(self.row))
    }

    /// A time column in RFC 3339.
    pub(crate) fn time(&self, name: &str) -> Option<String> {
        self.int(name).map(|micros| schemas::header::Time(micros).to_rfc3339())
    }
}
