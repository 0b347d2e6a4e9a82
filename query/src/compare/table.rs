//! The runs of all arms, held by column.
//!
//! Guarantee: memory is bounded by [`RUNS_MAX`]; a question that selects more fails and says so. A value that is null or
//! not finite is NaN here and counted as missing by the statistics.

use super::limits::RUNS_MAX;
use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use std::collections::HashMap;
use std::sync::Arc;

/// A text column by number: the number of each run's text, and the texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    pub(super) of_run: Vec<u32>,
    pub(super) texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// The number of a text that is not there.
pub(super) const NO_TEXT: u32 = u32::MAX;

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        let number = match text {
            None => NO_TEXT,
            Some(text) => match self.numbers.get(text) {
                Some(number) => *number,
                None => {
                    // At most RUNS_MAX texts.
                    let number = self.texts.len() as u32;
                    self.texts.push(text.to_owned());
                    self.numbers.insert(text.to_owned(), number);
                    number
                }
            },
        };
        self.of_run.push(number);
    }

    /// The text of a run; empty where there is none.
    pub(super) fn of(&self, run: u32) -> &str {
        self.texts.get(self.of_run[run as usize] as usize).map_or("", String::as_str)
    }

    /// Each text of this column together with that of another.
    pub(super) fn with(&self, other: &Self) -> Self {
        let mut both = Self::default();
        for run in 0..self.of_run.len() as u32 {
            let key = (self.of_run[run as usize] != NO_TEXT).then(|| format!("{} · {}", self.of(run), other.of(run)));
            both.push(key.as_deref());
        }
        both
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct RunTable {
    names: Vec<Arc<StringArray>>,
    /// First run of each array of names.
    starts: Vec<u32>,
    pub(super) at: Vec<i64>,
    pub(super) texts: Vec<Arc<Texts>>,
    pub(super) values: Vec<Vec<f64>>,
    /// Runs of each arm.
    pub(super) arms: Vec<Vec<u32>>,
    pub(super) coverage: Coverage,
    len: u32,
}

impl RunTable {
    /// Asks `sql`, which selects `run`, `at` (microseconds), `k0…` (texts), `m0…` (doubles) and `a0…` (booleans).
    pub(super) async fn load(engine: &Engine, sql: &str, texts: usize, values: usize, arms: usize) -> Result<Self> {
        let mut stream = engine.stream(sql, Some(usize::MAX)).await?;
        let mut table = Self {
            texts: (0..texts).map(|_| Arc::default()).collect(),
            values: vec![Vec::new(); values],
            arms: vec![Vec::new(); arms],
            ..Self::default()
        };
        while let Some(batch) = stream.next().await? {
            if table.len as usize + batch.num_rows() > RUNS_MAX {
                let detail = "more are selected; narrow the arms or give --where";
                return Err(QueryError::limit(format!("runs of a comparison: {RUNS_MAX}"), detail));
            }
            table.take(&batch)?;
        }
        table.coverage = stream.coverage();
        Ok(table)
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| QueryError::bug(format!("no column {name} in the runs")))
        };
        let names = arrow::compute::cast(column("run")?, &DataType::Utf8)?;
        self.starts.push(self.len);
        self.names.push(Arc::new(names.as_string::<i32>().clone()));
        let at = arrow::compute::cast(column("at")?, &DataType::Int64)?;
        self.at.extend(at.as_primitive::<Int64Type>().iter().map(|at| at.unwrap_or_default()));
        for (i, texts) in self.texts.iter_mut().enumerate() {
            let array = arrow::compute::cast(column(&format!("k{i}"))?, &DataType::Utf8)?;
            let texts = Arc::make_mut(texts);
            array.as_string::<i32>().iter().for_each(|text| texts.push(text));
        }
        for (i, values) in self.values.iter_mut().enumerate() {
            let array = arrow::compute::cast(column(&format!("m{i}"))?, &DataType::Float64)?;
            values.extend(array.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)));
        }
        for (i, arm) in self.arms.iter_mut().enumerate() {
            let array = column(&format!("a{i}"))?;
            let within = array.as_boolean_opt().ok_or_else(|| {
                QueryError::invalid("selection", format!("expected a condition, found {}", array.data_type()))
            })?;
            let first = self.len;
            arm.extend(
                (0..within.len())
                    .filter(|row| within.is_valid(*row) && within.value(*row))
                    .map(|row| first + row as u32),
            );
        }
        self.len += batch.num_rows() as u32;
        Ok(())
    }

    /// Name of a run.
    pub(super) fn name(&self, run: u32) -> &str {
        let chunk = self.starts.partition_point(|start| *start <= run).saturating_sub(1);
        match (self.names.get(chunk), self.starts.get(chunk)) {
            (Some(names), Some(start)) => names.value((run - start) as usize),
            _ => "",
        }
    }

    /// Runs in order of time, then of name.
    pub(super) fn in_time(&self, runs: &mut [u32]) {
        runs.sort_by(|x, y| {
            self.at[*x as usize].cmp(&self.at[*y as usize]).then_with(|| self.name(*x).cmp(self.name(*y)))
        });
    }
}
