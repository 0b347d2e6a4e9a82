//! What the Delta statistics of a file state, in a form in which two texts can be compared.
//!
//! Guarantee: two statistics that bound the same values are equal here however they are written: order of members,
//! spelling of a time. A text that is no JSON states nothing. Pure.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A bound or count by its place in the statistics, e.g. `maxValues.time`.
pub(super) type Stated = BTreeMap<String, Value>;

/// Reads statistics; times become microseconds since 1970, nulls state nothing.
pub(super) fn stated(stats: Option<&str>) -> Stated {
    let parsed: Option<Map<String, Value>> = stats.and_then(|text| serde_json::from_str(text).ok());
    let mut out = Stated::new();
    take("", &parsed.unwrap_or_default(), &mut out);
    out
}

/// Whether everything that `found` states is what `own` states too. Readers may leave out what they have no use for.
pub(super) fn within(found: &Stated, own: &Stated) -> bool {
    found.iter().all(|(name, value)| own.get(name) == Some(value))
}

fn take(prefix: &str, members: &Map<String, Value>, out: &mut Stated) {
    for (name, value) in members {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Null => {}
            Value::Object(inner) => take(&name, inner, out),
            other => {
                out.insert(name, plain(other));
            }
        }
    }
}

fn plain(value: &Value) -> Value {
    let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    time.map_or_else(|| value.clone(), |time| time.as_microsecond().into())
}

#[cfg(test)]
mod tests {
    use super::{stated, within};

    #[test]
    fn spelling_and_order_do_not_count_and_bounds_do() {
        let own = r#"{"numRecords":3,"minValues":{"leaf":1,"time":"2026-03-01T10:00:00.5Z"},"nullCount":{}}"#;
        let same = r#"{"minValues":{"time":"2026-03-01T10:00:00.500000Z","leaf":1,"id":null},"numRecords":3}"#;
        assert_eq!(stated(Some(own)), stated(Some(same)));
        let later = stated(Some(&own.replace("10:00:00.5Z", "10:00:01Z")));
        assert_ne!(stated(Some(own)), later);
        assert!(!within(&later, &stated(Some(own))));
        let fewer = stated(Some(r#"{"numRecords":3}"#));
        assert!(within(&fewer, &stated(Some(own))) && !within(&stated(Some(own)), &fewer));
        assert!(stated(Some("not JSON")).is_empty() && stated(None).is_empty());
    }
}
