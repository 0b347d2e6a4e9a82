//! JSON in one canonical form, so that key order, white space and the spelling of whole numbers do not tell two
//! requests apart.
//!
//! Guarantee: two values are equal up to those three exactly when their canonical texts are equal.

use serde_json::{Map, Number, Value};

/// Whole floats up to here are written as integers: all of them are exact.
const WHOLE_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// The canonical text of a value.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// The canonical text of arguments that stand in a string: nothing is no arguments, and what is no JSON stays itself.
pub(super) fn canonical_text(text: &str) -> String {
    if text.trim().is_empty() {
        return "{}".to_owned();
    }
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| canonical(&value))
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => object(map, out),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Number(number) => out.push_str(&written(number)),
        other => out.push_str(&other.to_string()),
    }
}

fn object(map: &Map<String, Value>, out: &mut String) {
    let mut members: Vec<(&String, &Value)> = map.iter().collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn written(number: &Number) -> String {
    match number.as_f64() {
        // Whole, and within the bound of exact integers.
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < WHOLE_FLOAT_MAX => {
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}

/// A member that is a text.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// A member that is an array.
pub(super) fn array<'a>(value: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    value.get(name).and_then(Value::as_array)
}

/// A member that is a count.
pub(super) fn count(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

/// Takes members of these names out of objects at every depth.
pub(super) fn without(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !names.contains(&name.as_str()));
            map.values_mut().for_each(|value| without(value, names));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| without(value, names)),
        _ => {}
    }
}

/// Applies `change` to every text in a value; says whether one changed.
pub(super) fn each_text(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) -> bool {
    match value {
        Value::String(text) => match change(text) {
            Some(changed) => {
                *text = changed;
                true
            }
            None => false,
        },
        // Every text is to be changed, so that none is passed over once one was.
        Value::Array(values) => {
            values.iter_mut().map(|value| each_text(value, change)).filter(|changed| *changed).count() > 0
        }
        Value::Object(map) => {
            map.values_mut().map(|value| each_text(value, change)).filter(|changed| *changed).count() > 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical, canonical_text};
    use serde_json::json;

    #[test]
    fn order_space_and_whole_floats_do_not_matter() {
        assert_eq!(canonical(&json!({"b": 1.0, "a": [1.5, "x"]})), r#"{"a":[1.5,"x"],"b":1}"#);
        assert_eq!(canonical_text(r#" { "b" : 2 , "a":-3.0 } "#), r#"{"a":-3,"b":2}"#);
        assert_eq!(canonical_text("not json"), "not json");
    }
}
