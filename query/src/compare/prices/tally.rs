//! Costs of many calls.
//!
//! Guarantee: each call is in the cost or counted as one without a price, under its model's name; at most [`MODELS_MAX`]
//! models are named, the rest together.

use super::{Cost, MODELS_MAX, Price, PriceTable, Usage, lower, matches};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Costs of many calls, and the calls that have none.
#[derive(Debug, Clone)]
pub struct Tally<'a> {
    table: &'a PriceTable,
    /// The prices that match a model, so that patterns are matched once.
    known: HashMap<String, Vec<&'a Price>>,
    priced: u64,
    cost: Cost,
    unpriced: BTreeMap<String, u64>,
}

/// What a tally has come to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tallied {
    /// Version of the price table.
    pub table: String,
    /// Currency.
    pub currency: String,
    /// Whether the table is an example.
    pub example: bool,
    /// Calls with a price.
    pub priced_calls: u64,
    /// Their cost together.
    pub cost: f64,
    /// Calls without a price, which are in no cost.
    pub unpriced_calls: u64,
    /// The same by model.
    pub unpriced_models: BTreeMap<String, u64>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(table: &'a PriceTable) -> Self {
        Self { table, known: HashMap::new(), priced: 0, cost: Cost::default(), unpriced: BTreeMap::new() }
    }

    /// Adds a call; its cost, if it has one.
    pub fn add(&mut self, model: &str, time_us: Option<i64>, usage: &Usage) -> Option<Cost> {
        let cost = self.price(model, time_us).map(|price| price.cost(usage));
        match cost {
            Some(cost) => {
                self.priced += 1;
                self.cost = self.cost.plus(cost);
            }
            None => {
                let named = self.unpriced.len() < MODELS_MAX || self.unpriced.contains_key(model);
                let name = if named { model } else { "(other models)" };
                *self.unpriced.entry(name.to_owned()).or_default() += 1;
            }
        }
        cost
    }

    fn price(&mut self, model: &str, time_us: Option<i64>) -> Option<&'a Price> {
        let table = self.table;
        if !self.known.contains_key(model) && self.known.len() < MODELS_MAX {
            let name = lower(model);
            let all = table.prices.iter().filter(|price| matches(&price.pattern, &name)).collect();
            self.known.insert(model.to_owned(), all);
        }
        let Some(prices) = self.known.get(model) else { return table.price(&lower(model), time_us) };
        let at = |price: &&&Price| time_us.is_none_or(|time| price.from <= time && time < price.until);
        prices.iter().filter(at).max_by_key(|price| (price.exactness, price.from)).copied()
    }

    /// What it has come to.
    #[must_use]
    pub fn finish(self) -> Tallied {
        Tallied {
            table: self.table.version.clone(),
            currency: self.table.currency.clone(),
            example: self.table.example,
            priced_calls: self.priced,
            cost: self.cost.units(),
            unpriced_calls: self.unpriced.values().sum(),
            unpriced_models: self.unpriced,
        }
    }
}
