//! Reads a price table.
//!
//! Guarantee: every field is checked, unknown fields are refused, and what is wrong is named with its line and field;
//! see the module above.

use super::{NANO, PRICE_FILE_BYTES_MAX, PRICE_MAX, PRICES_MAX, Price, PriceError, PriceTable};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longest text of a field in bytes.
const TEXT_BYTES_MAX: usize = 512;
const TOP: &[&str] = &["version", "currency", "as_of", "example", "price"];
const FIELDS: &[&str] = &[
    "model",
    "source",
    "valid_from",
    "valid_until",
    "input",
    "cached_read",
    "cache_write",
    "output",
    "reasoning",
    "reasoning_in_output",
];

type Result<T> = std::result::Result<T, PriceError>;

/// One table of the file: its path, and where it begins.
struct Reader<'a, 't> {
    text: &'a str,
    table: &'a DeTable<'t>,
    path: String,
    start: usize,
}

pub(super) fn table(text: &str) -> Result<PriceTable> {
    if text.len() > PRICE_FILE_BYTES_MAX {
        let detail = format!("expected at most {PRICE_FILE_BYTES_MAX} bytes, found {}", text.len());
        return Err(PriceError { line: 1, field: "file".into(), detail });
    }
    let document = DeTable::parse(text).map_err(|error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        PriceError { line, field: "file".into(), detail: format!("is no TOML: {}", error.message().trim()) }
    })?;
    let top = Reader { text, table: document.get_ref(), path: String::new(), start: 0 };
    top.only(TOP)?;
    let as_of = top.text("as_of")?;
    top.date("as_of")?;
    Ok(PriceTable {
        version: top.text("version")?,
        currency: top.text("currency")?,
        as_of,
        example: top.flag("example", false)?,
        prices: top.prices()?,
    })
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

impl<'a, 't> Reader<'a, 't> {
    fn fail<T>(&self, name: &str, detail: String) -> Result<T> {
        let at = self.table.get(name).map_or(self.start, |value| value.span().start);
        let field = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Err(PriceError { line: line_at(self.text, at), field, detail })
    }

    fn only(&self, known: &[&str]) -> Result<()> {
        for name in self.table.keys() {
            if !known.contains(&name.get_ref().as_ref()) {
                return self.fail(name.get_ref(), format!("unknown field, known are {}", known.join(", ")));
            }
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&'a DeValue<'t>> {
        self.table.get(name).map(Spanned::get_ref)
    }

    fn text(&self, name: &str) -> Result<String> {
        match self.value(name) {
            Some(DeValue::String(text)) if !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX => {
                Ok(text.to_string())
            }
            found => self.fail(name, format!("expected 1 to {TEXT_BYTES_MAX} bytes of text, found {}", shown(found))),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.value(name) {
            None => Ok(default),
            Some(DeValue::Boolean(flag)) => Ok(*flag),
            found => self.fail(name, format!("expected true or false, found {}", shown(found))),
        }
    }

    /// A day (its beginning in UTC) or a point in time, as microseconds since 1970.
    fn date(&self, name: &str) -> Result<i64> {
        let text = match self.value(name) {
            Some(DeValue::String(text)) => text.to_string(),
            Some(DeValue::Datetime(time)) => time.to_string(),
            found => return self.fail(name, format!("expected a date like 2026-01-31, found {}", shown(found))),
        };
        let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10)?;
            day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        });
        match time {
            Some(time) => Ok(time.as_microsecond()),
            None => self.fail(name, format!("expected a date like 2026-01-31 or a time in RFC 3339, found {text:?}")),
        }
    }

    /// An amount per million tokens, in nano-units; `None` where it is not given.
    fn amount(&self, name: &str) -> Result<Option<u64>> {
        let found = self.value(name);
        let amount = match found {
            None => return Ok(None),
            Some(DeValue::Float(number)) => number.as_str().replace('_', "").parse::<f64>().ok(),
            Some(DeValue::Integer(number)) if number.radix() == 10 => {
                number.as_str().replace('_', "").parse::<f64>().ok()
            }
            Some(_) => None,
        };
        match amount.filter(|amount| (0.0..=PRICE_MAX).contains(amount)) {
            // In range, so the cast neither cuts nor wraps.
            Some(amount) => Ok(Some((amount * NANO).round() as u64)),
            None => self.fail(name, format!("expected a number from 0 to {PRICE_MAX}, found {}", shown(found))),
        }
    }

    fn needed(&self, name: &str) -> Result<u64> {
        match self.amount(name)? {
            Some(amount) => Ok(amount),
            None => self.fail(name, format!("expected a number from 0 to {PRICE_MAX}, found nothing")),
        }
    }

    fn prices(&self) -> Result<Vec<Price>> {
        let Some(DeValue::Array(all)) = self.value("price") else {
            return self.fail("price", "expected at least one [[price]], found none".into());
        };
        if all.is_empty() || all.len() > PRICES_MAX {
            return self.fail("price", format!("expected 1 to {PRICES_MAX} prices, found {}", all.len()));
        }
        let one = |(i, value): (usize, &'a Spanned<DeValue<'t>>)| {
            let DeValue::Table(table) = value.get_ref() else {
                return self
                    .fail("price", format!("expected [[price]] tables, found {}", shown(Some(value.get_ref()))));
            };
            let path = format!("price[{}]", i + 1);
            Reader { text: self.text, table, path, start: value.span().start }.price()
        };
        all.iter().enumerate().map(one).collect()
    }

    fn price(&self) -> Result<Price> {
        self.only(FIELDS)?;
        let pattern = super::lower(&self.text("model")?);
        if self.value("source").is_some() {
            self.text("source")?;
        }
        let from = self.date("valid_from")?;
        let until = if self.value("valid_until").is_some() { self.date("valid_until")? } else { i64::MAX };
        if until <= from {
            return self.fail("valid_until", "expected a time after valid_from".into());
        }
        let (input, output) = (self.needed("input")?, self.needed("output")?);
        Ok(Price {
            exactness: pattern.iter().filter(|c| !matches!(c, '*' | '?')).count(),
            pattern,
            from,
            until,
            input,
            cached_read: self.amount("cached_read")?.unwrap_or(input),
            cache_write: self.amount("cache_write")?.unwrap_or(input),
            output,
            reasoning: self.amount("reasoning")?.unwrap_or(output),
            reasoning_in_output: self.flag("reasoning_in_output", true)?,
        })
    }
}

/// A value as errors show it.
fn shown(value: Option<&DeValue<'_>>) -> String {
    match value {
        None => "nothing".into(),
        Some(DeValue::String(text)) => format!("{:?}", text.chars().take(60).collect::<String>()),
        Some(DeValue::Integer(number)) => number.as_str().to_owned(),
        Some(DeValue::Float(number)) => number.as_str().to_owned(),
        Some(DeValue::Boolean(flag)) => flag.to_string(),
        Some(DeValue::Datetime(time)) => time.to_string(),
        Some(DeValue::Array(_)) => "a list".into(),
        Some(DeValue::Table(_)) => "a table".into(),
    }
}
