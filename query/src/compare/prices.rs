//! What a model call costs, by a dated and versioned price table.
//!
//! The file is TOML; `prices.toml` beside this one is an example and explains each field. A price holds for the models
//! that match its pattern and the calls in its time; of several the most exact pattern wins, then the latest start.
//! Prices are kept as whole nano-units of the currency per million tokens, costs as whole units of 10^-15, so that sums
//! do not depend on their order.
//!
//! Guarantee: a call has a cost only when a price holds for its model at its time; a call without one is counted under
//! its model's name ([`Tally`]), never taken as free. A file that is wrong is refused with line, field, what was
//! expected and what was found; at most [`PRICE_FILE_BYTES_MAX`] bytes and [`PRICES_MAX`] prices are read.

use thiserror::Error;

mod load;
mod sql;
mod tally;
#[cfg(test)]
mod tests;

pub use tally::{Tallied, Tally};

/// Largest price file in bytes.
pub const PRICE_FILE_BYTES_MAX: usize = 1 << 20;
/// Prices in one file.
pub const PRICES_MAX: usize = 4_096;
/// Models whose price is remembered, and models without a price that are named; those after them are counted together.
pub const MODELS_MAX: usize = 4_096;
/// Highest price, in units of the currency per million tokens.
pub const PRICE_MAX: f64 = 1_000_000.0;

/// The price table that stands in for one of your own.
const EXAMPLE: &str = include_str!("prices.toml");
/// Nano-units in a unit of the currency.
const NANO: f64 = 1e9;
/// Smallest parts of a cost (10^-15) in a unit of the currency.
const PARTS: f64 = 1e15;

/// Why a price file was refused.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("price table, line {line}: {field}: {detail}")]
pub struct PriceError {
    /// Line, from 1.
    pub line: usize,
    /// The field, `price[3].input`.
    pub field: String,
    /// What was expected and what was found.
    pub detail: String,
}

/// One price, in nano-units of the currency per million tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Price {
    pattern: Vec<char>,
    exactness: usize,
    /// Microseconds since 1970: from, and until (not included).
    from: i64,
    until: i64,
    input: u64,
    cached_read: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
    reasoning_in_output: bool,
}

/// A price table.
#[derive(Debug, Clone)]
pub struct PriceTable {
    version: String,
    currency: String,
    as_of: String,
    example: bool,
    prices: Vec<Price>,
}

/// Tokens of one call. `input` holds all of them, those from and to a cache included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the input.
    pub input: u64,
    /// Of these, read from a cache.
    pub cached_read: u64,
    /// Of these, written to a cache.
    pub cache_write: u64,
    /// Tokens of the output.
    pub output: u64,
    /// Tokens of reasoning.
    pub reasoning: u64,
}

/// A cost, exact: 10^-15 of a unit of the currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u128);

impl Cost {
    /// In units of the currency.
    #[must_use]
    pub fn units(self) -> f64 {
        self.0 as f64 / PARTS
    }

    /// Together with another.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Price {
    fn cost(&self, usage: &Usage) -> Cost {
        let fresh = usage.input.saturating_sub(usage.cached_read).saturating_sub(usage.cache_write);
        let spoken = if self.reasoning_in_output { usage.output.saturating_sub(usage.reasoning) } else { usage.output };
        let terms = [
            (fresh, self.input),
            (usage.cached_read, self.cached_read),
            (usage.cache_write, self.cache_write),
            (spoken, self.output),
            (usage.reasoning, self.reasoning),
        ];
        // Nano-units per million tokens: the product is in units of 10^-15.
        Cost(terms.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum())
    }
}

impl PriceTable {
    /// Reads a price table.
    ///
    /// # Errors
    /// [`PriceError`] names line and field.
    pub fn from_toml(text: &str) -> Result<Self, PriceError> {
        load::table(text)
    }

    /// The table that comes with the program: public list prices as an example.
    ///
    /// # Errors
    /// Never with the file that is built in; a test reads it.
    pub fn example() -> Result<Self, PriceError> {
        Self::from_toml(EXAMPLE)
    }

    /// Version, as reports name it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Currency.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The day for which the table was made.
    #[must_use]
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// Whether it calls itself an example.
    #[must_use]
    pub fn is_example(&self) -> bool {
        self.example
    }

    /// What a call at `time_us` (microseconds since 1970) costs; `None` when no price holds. A call without a time
    /// takes the latest price.
    #[must_use]
    pub fn cost(&self, model: &str, time_us: Option<i64>, usage: &Usage) -> Option<Cost> {
        Some(self.price(&lower(model), time_us)?.cost(usage))
    }

    fn price(&self, model: &[char], time_us: Option<i64>) -> Option<&Price> {
        let at = |price: &&Price| time_us.is_none_or(|time| price.from <= time && time < price.until);
        let holding = self.prices.iter().filter(at).filter(|price| matches(&price.pattern, model));
        holding.max_by_key(|price| (price.exactness, price.from))
    }

    /// A tally of calls by this table.
    #[must_use]
    pub fn tally(&self) -> Tally<'_> {
        Tally::new(self)
    }
}

fn lower(model: &str) -> Vec<char> {
    model.chars().flat_map(char::to_lowercase).collect()
}

/// Whether `model` matches `pattern` as a whole; time is at most pattern times model.
fn matches(pattern: &[char], model: &[char]) -> bool {
    let (mut p, mut m) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(found) = model.get(m) {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, m));
            }
            Some(wanted) if *wanted == '?' || wanted == found => {
                p += 1;
                m += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    p = after;
                    m = from + 1;
                    star = Some((after, m));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
