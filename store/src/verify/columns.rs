//! The typed columns of a batch of rows against the headers of the same rows.
//!
//! Guarantee: every column that the writer fills from the header is compared with what the header says, null with
//! absent included, by a table of its own (a mistake in the writer's does not hide here); a unit test holds the table
//! to the schema. Differences name file, row and column.

use super::report::{Findings, Kind};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use schemas::columns::{ADDED_COLUMNS, file_schema};
use schemas::header::Header;

type TextOf = fn(&Header) -> Option<&str>;
type IntegerOf = fn(&Header) -> Option<i64>;

const TEXTS: &[(&str, TextOf)] = &[
    ("id", |h| Some(&h.id)),
    ("type", |h| Some(&h.event_type)),
    ("kind", |h| Some(h.kind())),
    ("source", |h| Some(&h.source)),
    ("subject", |h| h.subject.as_deref()),
    ("tenant", |h| Some(&h.data.tenant)),
    ("session", |h| h.data.session.as_deref()),
    ("agent", |h| h.data.agent.id.as_deref()),
    ("agent_version", |h| h.data.agent.version.as_deref()),
    ("variant", |h| h.data.agent.variant.as_deref()),
    ("task", |h| h.data.task.as_deref()),
    ("principal", |h| h.data.principal.as_deref()),
    ("sponsor", |h| h.data.sponsor.as_deref()),
    ("trace_id", |h| h.data.trace_id.as_deref()),
    ("span_id", |h| h.data.span_id.as_deref()),
    ("model", Header::model),
    ("tool", |h| h.data.attributes.tool.as_deref()),
    ("tool_call_id", |h| h.data.attributes.tool_call_id.as_deref()),
    ("evaluation_name", |h| h.data.attributes.evaluation_name.as_deref()),
    ("evaluation_label", |h| h.data.attributes.evaluation_label.as_deref()),
    ("error_type", |h| h.data.attributes.error_type.as_deref()),
    ("memory_store", |h| h.data.attributes.memory_store.as_deref()),
    ("resource", Header::resource),
    ("credential", |h| h.data.attributes.credential.as_deref()),
    ("approval_digest", |h| h.data.attributes.approval_digest.as_deref()),
    ("origin", |h| h.data.origin.as_deref()),
    ("native_id", |h| h.data.native_id.as_deref()),
];

const INTEGERS: &[(&str, IntegerOf)] = &[
    ("input_tokens", |h| h.data.attributes.input_tokens),
    ("output_tokens", |h| h.data.attributes.output_tokens),
    ("cached_tokens", |h| h.data.attributes.cached_tokens),
    ("cache_write_tokens", |h| h.data.attributes.cache_write_tokens),
    ("reasoning_tokens", |h| h.data.attributes.reasoning_tokens),
];

/// Columns that the checks on rows read themselves.
#[cfg(test)]
const BY_ROW: &[&str] = &[
    "stream",
    "stream_index",
    "leaf",
    "log_offset",
    "committed_at",
    "signer",
    "attested",
    "header",
    "checkpoint",
    "frontier",
    "reason",
    "detail",
    "bytes",
    "event_id",
    "contents",
];

/// What a row's typed columns must say.
#[derive(Debug)]
pub(super) enum Expected {
    /// What this header says.
    Header(Box<Header>),
    /// Nothing: the row has no header that could be read.
    Nothing,
    /// Nothing but a finding's kind.
    Finding,
    /// The row is wrong as a whole and was reported.
    Skip,
}

impl Expected {
    fn header(&self) -> Option<&Header> {
        match self {
            Self::Header(header) => Some(header),
            _ => None,
        }
    }
}

/// Where the rows of a batch stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    /// Number of the batch's first row in the file, from 0.
    pub(super) first_row: usize,
}

impl Place<'_> {
    pub(super) fn row(&self, row: usize) -> String {
        format!("{} row {}", self.file, self.first_row + row)
    }
}

/// Whether the columns of a file are those of the format; tells what is missing, of another type, or too many.
pub(super) fn check_schema(schema: &arrow::datatypes::Schema) -> Result<(), String> {
    let wanted = file_schema();
    for field in wanted.fields() {
        match schema.field_with_name(field.name()) {
            Err(_) if ADDED_COLUMNS.contains(&field.name().as_str()) => {}
            Err(_) => return Err(format!("column {} is missing", field.name())),
            Ok(found) if !same_type(found.data_type(), field.data_type()) => {
                return Err(format!(
                    "column {} is {}, expected {}",
                    field.name(),
                    found.data_type(),
                    field.data_type()
                ));
            }
            Ok(_) => {}
        }
    }
    match schema.fields().iter().find(|f| wanted.field_with_name(f.name()).is_err()) {
        Some(extra) => Err(format!("column {} is not of the format", extra.name())),
        None => Ok(()),
    }
}

fn same_type(found: &DataType, wanted: &DataType) -> bool {
    match (found, wanted) {
        (DataType::List(a), DataType::List(b)) => same_type(a.data_type(), b.data_type()),
        (DataType::Struct(a), DataType::Struct(b)) => {
            let pairs = || a.iter().zip(b.iter());
            a.len() == b.len() && pairs().all(|(a, b)| a.name() == b.name() && same_type(a.data_type(), b.data_type()))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, Some(a)), DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => {
            matches!(a.as_ref(), "UTC" | "+00:00")
        }
        (a, b) => a == b,
    }
}

/// Compares all columns; `expected` has one element per row.
pub(super) fn compare(batch: &RecordBatch, expected: &[Expected], place: Place<'_>, findings: &mut Findings) {
    let mut report = |row: usize, column: &str, found: String, wanted: String| {
        findings.problem(
            Kind::Column,
            format!("{} column {column}", place.row(row)),
            format!("header says {wanted}, the column holds {found}"),
        );
    };
    for (name, of) in TEXTS {
        let Some(array) = typed::<StringArray>(batch, name) else { continue };
        for (row, expected) in expected.iter().enumerate() {
            let wanted = expected.header().and_then(of);
            let found = array.is_valid(row).then(|| array.value(row));
            let finding = *name == "kind" && matches!(expected, Expected::Finding);
            if found != wanted && !finding && !matches!(expected, Expected::Skip) {
                report(row, name, shown(found), shown(wanted));
            }
        }
    }
    for (name, of) in INTEGERS {
        let Some(array) = typed::<Int64Array>(batch, name) else { continue };
        for (row, expected) in expected.iter().enumerate() {
            let wanted = expected.header().and_then(of);
            let found = array.is_valid(row).then(|| array.value(row));
            if found != wanted && !matches!(expected, Expected::Skip) {
                report(row, name, format!("{found:?}"), format!("{wanted:?}"));
            }
        }
    }
    compare_others(batch, expected, &mut report);
}

fn compare_others(batch: &RecordBatch, expected: &[Expected], report: &mut impl FnMut(usize, &str, String, String)) {
    let (time, score) =
        (typed::<TimestampMicrosecondArray>(batch, "time"), typed::<Float64Array>(batch, "evaluation_score"));
    let causes = batch.column_by_name("causes").and_then(|c| c.as_list_opt::<i32>());
    let (Some(time), Some(score), Some(causes)) = (time, score, causes) else { return };
    for (row, expected) in expected.iter().enumerate() {
        if matches!(expected, Expected::Skip) {
            continue;
        }
        let header = expected.header();
        let (wanted, found) = (header.and_then(|h| h.time).map(|t| t.0), time.is_valid(row).then(|| time.value(row)));
        if wanted != found {
            report(row, "time", format!("{found:?}"), format!("{wanted:?}"));
        }
        let wanted = header.and_then(|h| h.data.attributes.evaluation_score);
        let found = score.is_valid(row).then(|| score.value(row));
        if wanted.map(f64::to_bits) != found.map(f64::to_bits) {
            report(row, "evaluation_score", format!("{found:?}"), format!("{wanted:?}"));
        }
        if !same_causes(header, &causes.value(row)) {
            let wanted = header.map_or(0, |h| h.data.causes.len());
            report(row, "causes", "another list".to_owned(), format!("{wanted} causes"));
        }
    }
}

fn same_causes(header: Option<&Header>, found: &ArrayRef) -> bool {
    let wanted = header.map_or(&[][..], |h| &h.data.causes);
    if wanted.len() != found.len() {
        return false;
    }
    if wanted.is_empty() {
        return true;
    }
    let Some(columns) = found.as_struct_opt() else { return false };
    let text = |i: usize| columns.column(i).as_any().downcast_ref::<StringArray>();
    let leaves = columns.column(2).as_any().downcast_ref::<BinaryArray>();
    let (Some(ids), Some(relations), Some(leaves)) = (text(0), text(1), leaves) else { return false };
    wanted.iter().enumerate().all(|(i, cause)| {
        let leaf = cause.leaf.as_ref().and_then(|t| hex::decode(t).ok());
        let found_leaf = leaves.is_valid(i).then(|| leaves.value(i));
        ids.is_valid(i)
            && ids.value(i) == cause.id
            && relations.is_valid(i)
            && relations.value(i) == cause.relation
            && found_leaf == leaf.as_deref()
    })
}

fn typed<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a T> {
    batch.column_by_name(name).and_then(|a| a.as_any().downcast_ref::<T>())
}

/// At most a line's worth of a value.
fn shown(value: Option<&str>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(text) => format!("{:?}", text.chars().take(80).collect::<String>()),
    }
}

/// Every column of the schema, by who compares it.
#[cfg(test)]
mod tests {
    use super::{BY_ROW, INTEGERS, TEXTS, file_schema};

    #[test]
    fn every_column_is_compared() {
        let known: Vec<&str> = TEXTS
            .iter()
            .map(|(n, _)| *n)
            .chain(INTEGERS.iter().map(|(n, _)| *n))
            .chain(BY_ROW.iter().copied())
            .chain(["time", "evaluation_score", "causes"])
            .collect();
        for field in file_schema().fields() {
            assert!(known.contains(&field.name().as_str()), "nobody compares column {}", field.name());
        }
        assert_eq!(known.len(), file_schema().fields().len(), "a column is named that the schema does not have");
    }
}
