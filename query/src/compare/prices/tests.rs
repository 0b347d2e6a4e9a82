//! Tests of price tables.

use super::{PriceTable, Usage};

/// Microseconds of a day, `2026-01-31`.
fn day(text: &str) -> Option<i64> {
    Some(format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

const HEAD: &str = "version = \"v\"\ncurrency = \"EUR\"\nas_of = \"2026-01-01\"\n";

fn table(prices: &str) -> PriceTable {
    PriceTable::from_toml(&format!("{HEAD}{prices}")).unwrap()
}

fn refused(text: &str) -> String {
    PriceTable::from_toml(text).unwrap_err().to_string()
}

#[test]
fn the_example_is_read_and_says_what_it_is() {
    let table = PriceTable::example().unwrap();
    assert!(table.is_example() && table.currency() == "USD" && table.version().contains(table.as_of()));
    let usage = Usage { input: 1_000_000, cached_read: 400_000, output: 100_000, ..Usage::default() };
    let cost = table.cost("gpt-4o-2024-08-06", day("2025-01-01"), &usage).unwrap();
    assert_eq!(cost.units(), 0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10.0);
    assert_eq!(table.cost("Claude-3-5-Sonnet-20241022", None, &usage).unwrap().units(), 1.8 + 0.12 + 1.5);
    assert_eq!(table.cost("gpt-4o", day("2024-01-01"), &usage), None);
    assert_eq!(table.cost("some-local-model", None, &usage), None);
}

#[test]
fn the_price_of_its_time_and_the_most_exact_pattern() {
    let table = table(
        "[[price]]\nmodel = \"m*\"\nvalid_from = \"2025-01-01\"\ninput = 1\noutput = 1\n\
         [[price]]\nmodel = \"m*\"\nvalid_from = 2026-01-01\ninput = 2\noutput = 2\n\
         [[price]]\nmodel = \"m-1\"\nvalid_from = \"2025-01-01\"\nvalid_until = \"2025-06-01T12:00:00Z\"\ninput = 9\noutput = 9\n",
    );
    let one = Usage { input: 1_000_000, ..Usage::default() };
    let cost = |model: &str, time: &str| table.cost(model, day(time), &one).map(|cost| cost.units());
    assert_eq!(cost("m-2", "2025-12-31"), Some(1.0));
    assert_eq!(cost("m-2", "2026-01-01"), Some(2.0));
    assert_eq!(cost("m-1", "2025-06-01"), Some(9.0));
    assert_eq!(cost("m-1", "2025-06-02"), Some(1.0));
    assert_eq!(cost("m-1", "2024-06-02"), None);
    assert_eq!(table.cost("m-2", None, &one).map(|cost| cost.units()), Some(2.0));
}

#[test]
fn every_sort_of_token_has_its_price() {
    let prices = "[[price]]\nmodel = \"m\"\nvalid_from = \"2025-01-01\"\ninput = 1\ncached_read = 10\ncache_write = 100\noutput = 1_000\nreasoning = 10_000\n";
    let million = 1_000_000;
    let usage = Usage {
        input: 6 * million,
        cached_read: 2 * million,
        cache_write: 3 * million,
        output: 5 * million,
        reasoning: 4 * million,
    };
    assert_eq!(table(prices).cost("m", None, &usage).unwrap().units(), 1.0 + 20.0 + 300.0 + 1_000.0 + 40_000.0);
    let apart = table(&format!("{prices}reasoning_in_output = false\n"));
    assert_eq!(apart.cost("m", None, &usage).unwrap().units(), 1.0 + 20.0 + 300.0 + 5_000.0 + 40_000.0);
}

#[test]
fn what_has_no_price_is_counted_by_name() {
    let table = table("[[price]]\nmodel = \"m\"\nvalid_from = \"2025-01-01\"\ninput = 0.1\noutput = 0.2\n");
    let mut tally = table.tally();
    for _ in 0..1_000 {
        tally.add("m", None, &Usage { input: 1, output: 1, ..Usage::default() });
        tally.add("x", None, &Usage::default());
    }
    tally.add("y", day("2026-01-01"), &Usage::default());
    let tallied = tally.finish();
    assert_eq!((tallied.priced_calls, tallied.unpriced_calls, tallied.unpriced_models["x"]), (1_000, 1_001, 1_000));
    assert_eq!(tallied.cost, 0.0003);
}

#[test]
fn what_is_wrong_is_named_with_line_and_field() {
    let price = "[[price]]\nmodel = \"m\"\nvalid_from = \"2025-01-01\"\n";
    let cases = [
        (format!("{HEAD}{price}input = -1\noutput = 1"), "line 7: price[1].input: expected a number from 0"),
        (format!("{HEAD}{price}input = \"1\"\noutput = 1"), "line 7: price[1].input: expected a number"),
        (format!("{HEAD}{price}input = nan\noutput = 1"), "line 7: price[1].input: expected a number"),
        (
            format!("{HEAD}{price}input = 1\n"),
            "line 4: price[1].output: expected a number from 0 to 1000000, found nothing",
        ),
        (format!("{HEAD}{price}input = 1\noutput = 1\ninptu = 3"), "price[1].inptu: unknown field, known are model"),
        (format!("{HEAD}{price}input = 1\noutput = 1\nvalid_until = \"2024-01-01\""), "line 9: price[1].valid_until"),
        (
            format!("{HEAD}[[price]]\nmodel = \"m\"\nvalid_from = \"soon\""),
            "line 6: price[1].valid_from: expected a date",
        ),
        (HEAD.to_owned(), "price: expected at least one [[price]]"),
        ("version = \"v\"\ncurrency = 7".into(), "as_of: expected"),
        ("version = ".into(), "line 1: file: is no TOML"),
        (format!("{HEAD}price = 3"), "price: expected at least one [[price]]"),
        (" ".repeat(2 << 20), "line 1: file: expected at most"),
    ];
    for (text, expected) in cases {
        let found = refused(&text);
        assert!(found.contains(expected), "{found:?} does not say {expected:?}");
    }
}
