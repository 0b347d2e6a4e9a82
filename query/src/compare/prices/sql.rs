//! The price table as SQL, so that costs of many calls are computed where the calls are read.
//!
//! Guarantee: the same price holds as in [`PriceTable::cost`]; a call that no price holds for has the cost null. Costs are
//! doubles here: sums depend on their order in the last digits.

use super::{Price, PriceTable, lower, matches};

impl PriceTable {
    /// Whether any price matches `model`, whatever the time.
    #[must_use]
    pub fn knows(&self, model: &str) -> bool {
        let model = lower(model);
        self.prices.iter().any(|price| matches(&price.pattern, &model))
    }

    /// The cost of an event with the columns of `events`, for these models.
    #[must_use]
    pub fn sql(&self, models: &[String]) -> String {
        let cases: String = models.iter().map(|model| self.cases(model)).collect();
        if cases.is_empty() { "CAST(NULL AS double)".to_owned() } else { format!("CASE{cases} END") }
    }

    fn cases(&self, model: &str) -> String {
        let name = lower(model);
        let mut holding: Vec<(usize, &Price)> =
            self.prices.iter().enumerate().filter(|(_, price)| matches(&price.pattern, &name)).collect();
        holding.sort_by_key(|(at, price)| std::cmp::Reverse((price.exactness, price.from, *at)));
        let quoted = model.replace('\'', "''");
        let case = |(_, price): &(usize, &Price)| {
            let time = match (price.from, price.until) {
                (i64::MIN, i64::MAX) => String::new(),
                (from, i64::MAX) => format!(" AND (time IS NULL OR CAST(time AS bigint) >= {from})"),
                (from, until) => format!(
                    " AND (time IS NULL OR (CAST(time AS bigint) >= {from} AND CAST(time AS bigint) < {until}))"
                ),
            };
            format!(" WHEN model = '{quoted}'{time} THEN {}", price.sql())
        };
        holding.iter().map(case).collect()
    }
}

impl Price {
    fn sql(&self) -> String {
        let fresh =
            "greatest(coalesce(input_tokens, 0) - coalesce(cached_tokens, 0) - coalesce(cache_write_tokens, 0), 0)";
        let spoken = if self.reasoning_in_output {
            "greatest(coalesce(output_tokens, 0) - coalesce(reasoning_tokens, 0), 0)"
        } else {
            "coalesce(output_tokens, 0)"
        };
        let terms = [
            (fresh, self.input),
            ("coalesce(cached_tokens, 0)", self.cached_read),
            ("coalesce(cache_write_tokens, 0)", self.cache_write),
            (spoken, self.output),
            ("coalesce(reasoning_tokens, 0)", self.reasoning),
        ];
        // Nano-units per million tokens: the product is in units of 10^-15.
        let sum: Vec<String> = terms.iter().map(|(tokens, price)| format!("{tokens} * {price}e-15")).collect();
        format!("({})", sum.join(" + "))
    }
}
