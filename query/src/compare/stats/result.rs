//! What a comparison says: one form for every method, so that a report and the wire have one shape.
//!
//! Guarantee: a difference is always B minus A; what is not defined for the data is `null`, never a made-up number;
//! every result names its method, why that one, and what was left out or tied.

use serde::Serialize;

/// An interval and what it covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Nominal coverage, such as 0.95.
    pub level: f64,
    /// How it was made.
    pub method: &'static str,
}

/// One test of "no difference", two-sided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Test {
    /// Name of the test and of the form of it that was used.
    pub method: &'static str,
    /// Its statistic, where it has one.
    pub statistic: Option<f64>,
    /// Probability under "no difference" of a result at least this extreme.
    pub p: f64,
}

/// One size of effect; B against A, positive where B is larger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Name.
    pub name: &'static str,
    /// `null` where it is not defined, as a ratio to zero.
    pub value: Option<f64>,
    /// Interval, where one is given.
    pub interval: Option<Interval>,
}

/// The smallest true difference that a sample of this size and spread would find most of the time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detectable {
    /// Size of the difference, in the measure's unit.
    pub difference: f64,
    /// Share of such samples that would find it.
    pub power: f64,
    /// Level of the interval that would exclude zero.
    pub level: f64,
    /// Formula.
    pub method: &'static str,
}

/// How the observations of the arms belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// One observation of each arm per task.
    Paired,
    /// Pairs, of which several belong to one task.
    PairedClustered,
    /// No pairs; every observation stands alone.
    Unpaired,
    /// No pairs; observations come in tasks, which may occur in both arms.
    UnpairedClustered,
}

/// What kind of numbers were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only 0 and 1.
    Binary,
    /// Any finite numbers.
    Numeric,
}

/// Values that were missing or not finite, and so are in no figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Missing in A only (paired) or in A (unpaired).
    pub a: usize,
    /// Missing in B only (paired) or in B (unpaired).
    pub b: usize,
    /// Pairs with neither value.
    pub both: usize,
}

impl Missing {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.a + self.b + self.both
    }
}

/// The four counts of paired binary outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PairCounts {
    /// Both succeeded.
    pub both: u64,
    /// Only A succeeded.
    pub only_a: u64,
    /// Only B succeeded.
    pub only_b: u64,
    /// Neither succeeded.
    pub neither: u64,
}

impl PairCounts {
    /// Pairs in all.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.both + self.only_a + self.only_b + self.neither
    }
}

/// One measure of A against B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// How the observations belong together.
    pub design: Design,
    /// Kind of the numbers.
    pub kind: Kind,
    /// What is estimated: "difference of rates", "difference of means", "median of differences".
    pub estimand: &'static str,
    /// Why this method and not another, in a sentence.
    pub why: String,
    /// Observations of A in the figures.
    pub n_a: usize,
    /// Observations of B in the figures.
    pub n_b: usize,
    /// Pairs in the figures; 0 when unpaired.
    pub pairs: usize,
    /// Independent units: tasks, or observations where each stands alone.
    pub clusters: usize,
    /// What was set aside.
    pub missing: Missing,
    /// Equal pairs (paired), or values that another value equals (unpaired).
    pub ties: usize,
    /// The four counts, when paired and binary.
    pub counts: Option<PairCounts>,
    /// Mean (or rate, or median) of A.
    pub value_a: f64,
    /// Mean (or rate, or median) of B.
    pub value_b: f64,
    /// B minus A.
    pub estimate: f64,
    /// Interval of the estimate.
    pub interval: Interval,
    /// The p that goes with the report.
    pub p: f64,
    /// The test that it is from.
    pub test: Test,
    /// Other tests of the same data, for the reader who wants them; they do not enter a correction.
    pub further_tests: Vec<Test>,
    /// Sizes of the effect.
    pub effects: Vec<Effect>,
    /// What this sample could have found.
    pub detectable: Option<Detectable>,
    /// What a careful reader must know.
    pub notes: Vec<String>,
}
