//! `json_get(value, path)`.
//!
//! Path: `$` (optional), then `.name`, `."name with anything"`, `['name']` or `[0]`. Attribute names of
//! OpenTelemetry hold dots, so at each step the longest run of dotted names that is a member wins:
//! `$.data.attributes.gen_ai.tool.name` works as it stands. Strings come as they are, everything else as JSON text,
//! JSON null and whatever is not there as SQL null. A malformed path is an error.

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use serde_json::Value;
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct JsonGet {
    signature: Signature,
}

impl JsonGet {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for JsonGet {
    fn name(&self) -> &'static str {
        "json_get"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Null, Utf8, Utf8View};
        let [value, path] = types else { return plan_err!("json_get takes a value and a path") };
        let text = |t: &DataType| matches!(t, Utf8 | LargeUtf8 | Utf8View | Null);
        if !(text(value) || matches!(value, Binary | LargeBinary | BinaryView)) || !text(path) {
            return plan_err!(
                "json_get(value, path) takes text or binary and a path as text, found {value} and {path}"
            );
        }
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let scalar_path = match &args.args[1] {
            ColumnarValue::Scalar(path) => path.try_as_str().flatten().map(Path::parse).transpose()?,
            ColumnarValue::Array(_) => None,
        };
        let paths = arrow::compute::cast(&args.args[1].to_array(rows)?, &DataType::Utf8)?;
        let values = arrow::compute::cast(&args.args[0].to_array(rows)?, &DataType::BinaryView)?;
        let (paths, values): (&arrow::array::StringArray, &arrow::array::BinaryViewArray) =
            (paths.as_string(), values.as_binary_view());
        let mut out = StringBuilder::new();
        for row in 0..values.len() {
            if values.is_null(row) || paths.is_null(row) {
                out.append_null();
                continue;
            }
            let found = match &scalar_path {
                Some(path) => path.find(values.value(row)),
                None => Path::parse(paths.value(row))?.find(values.value(row)),
            };
            out.append_option(found);
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish()) as ArrayRef))
    }
}

/// The member of `json` at `path`; see the module.
///
/// # Errors
/// A malformed path.
pub fn get(json: &[u8], path: &str) -> std::result::Result<Option<String>, String> {
    let path = Path::parse(path).map_err(|e| e.strip_backtrace())?;
    Ok(path.find(json))
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A run of names that may belong together with dots between them.
    Dotted(Vec<String>),
    Exact(String),
    Index(usize),
}

#[derive(Debug)]
struct Path(Vec<Step>);

impl Path {
    fn parse(text: &str) -> Result<Self> {
        let bad =
            || exec_datafusion_err!("json_get: path {text:?} is malformed; write e.g. $.data.task, $.a[0], $.a['b.c']");
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix("['") {
                let (name, after) = inner.split_once("']").ok_or_else(bad)?;
                steps.push(Step::Exact(name.to_owned()));
                rest = after;
            } else if let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or_else(bad)?;
                steps.push(Step::Index(index.trim().parse().map_err(|_| bad())?));
                rest = after;
            } else if let Some(inner) = rest.strip_prefix(".\"") {
                let (name, after) = inner.split_once('"').ok_or_else(bad)?;
                steps.push(Step::Exact(name.to_owned()));
                rest = after;
            } else {
                rest = dotted(rest, &mut steps).ok_or_else(bad)?;
            }
        }
        Ok(Self(steps))
    }

    fn find(&self, json: &[u8]) -> Option<String> {
        let value: Value = serde_json::from_slice(json).ok()?;
        match walk(&value, &self.0)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// Takes `.a` or a leading `a` off `rest`; joins it to a run of dotted names.
fn dotted<'a>(rest: &'a str, steps: &mut Vec<Step>) -> Option<&'a str> {
    let inner = match rest.strip_prefix('.') {
        Some(inner) => inner,
        None if steps.is_empty() => rest,
        None => return None,
    };
    let end = inner.find(['.', '[']).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    match steps.last_mut() {
        Some(Step::Dotted(names)) => names.push(name.to_owned()),
        _ => steps.push(Step::Dotted(vec![name.to_owned()])),
    }
    Some(after)
}

fn walk<'v>(value: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    match step {
        Step::Exact(name) => walk(value.get(name)?, rest),
        Step::Index(index) => walk(value.get(index)?, rest),
        Step::Dotted(names) => walk_dotted(value, names, rest),
    }
}

fn walk_dotted<'v>(value: &'v Value, names: &[String], rest: &[Step]) -> Option<&'v Value> {
    if names.is_empty() {
        return walk(value, rest);
    }
    let object = value.as_object()?;
    (1..=names.len()).rev().find_map(|taken| walk_dotted(object.get(&names[..taken].join("."))?, &names[taken..], rest))
}

#[cfg(test)]
mod tests {
    use super::get;

    #[test]
    fn paths() {
        let json =
            br#"{"a":{"gen_ai.tool.name":"ls","n":7,"x":null,"l":[{"k":"v"},true]},"b.c":{"d":1.5},"b":{"c":2}}"#;
        let cases = [
            ("$.a.gen_ai.tool.name", Some("ls")),
            ("a.n", Some("7")),
            ("$.a.x", None),
            ("$.a.missing", None),
            ("$.a.l[0].k", Some("v")),
            ("$.a.l[1]", Some("true")),
            ("$.a.l[2]", None),
            ("$['b.c'].d", Some("1.5")),
            ("$.\"b.c\".d", Some("1.5")),
            ("$.b.c.d", Some("1.5")),
            ("$.b['c']", Some("2")),
            ("$.b.c", Some(r#"{"d":1.5}"#)),
        ];
        for (path, expected) in cases {
            assert_eq!(get(json, path).unwrap().as_deref(), expected, "{path}");
        }
        for malformed in ["$.", "$[x]", "$['a", "$.a..b"] {
            assert!(get(json, malformed).is_err(), "{malformed}");
        }
        assert_eq!(get(b"not json", "$.a").unwrap(), None);
    }
}
