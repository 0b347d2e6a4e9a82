//! The rows of an answer, streamed or held, with what they stand on.
//!
//! Guarantee: an answer that was cut says so in its coverage. Dropping a [`RowStream`] cancels the query. Fails with
//! `Limit` when the time, memory or answer size runs out.

use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::limits::ANSWER_BYTES_MAX;
use crate::tables;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An answer that is held as a whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Columns.
    pub schema: SchemaRef,
    /// Rows.
    pub batches: Vec<RecordBatch>,
    /// What the rows stand on.
    pub coverage: Coverage,
}

impl Answer {
    /// Rows in all batches.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// An answer that arrives batch by batch.
pub struct RowStream {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
    coverage: Coverage,
    rows_left: usize,
    rows_max: usize,
    time_max: Duration,
    deadline: Instant,
}

impl std::fmt::Debug for RowStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowStream")
            .field("schema", &self.schema)
            .field("rows_left", &self.rows_left)
            .finish_non_exhaustive()
    }
}

pub(crate) struct StreamLimits {
    pub(crate) rows_max: usize,
    pub(crate) time_max: Duration,
    pub(crate) started: Instant,
}

/// `started` + `time_max`, or far away where that cannot be said.
pub(crate) fn deadline(started: Instant, time_max: Duration) -> Instant {
    started.checked_add(time_max).unwrap_or(started + Duration::from_secs(86_400))
}

impl RowStream {
    pub(crate) fn new(
        stream: SendableRecordBatchStream,
        plan: Arc<dyn ExecutionPlan>,
        coverage: Coverage,
        limits: &StreamLimits,
    ) -> Self {
        Self {
            schema: stream.schema(),
            stream,
            plan,
            coverage,
            rows_left: limits.rows_max,
            rows_max: limits.rows_max,
            time_max: limits.time_max,
            deadline: deadline(limits.started, limits.time_max),
        }
    }

    /// Columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The next rows; `None` at the end or where the row limit cuts.
    ///
    /// # Errors
    /// `Limit` when the time or memory of the query runs out; whatever reading fails with.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.coverage.rows_cut_at.is_some() {
                return Ok(None);
            }
            let next = tokio::time::timeout_at(self.deadline.into(), self.stream.next()).await;
            let batch = match next.map_err(|_| self.timed_out())? {
                None => return Ok(None),
                Some(batch) => batch?,
            };
            if batch.num_rows() == 0 {
                continue;
            }
            if batch.num_rows() > self.rows_left {
                self.coverage.rows_cut_at = Some(self.rows_max);
                let kept = batch.slice(0, self.rows_left);
                self.rows_left = 0;
                return Ok((kept.num_rows() > 0).then_some(kept));
            }
            self.rows_left -= batch.num_rows();
            return Ok(Some(batch));
        }
    }

    /// What the rows given out so far stand on.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let mut coverage = self.coverage.clone();
        tables::count_contents(self.plan.as_ref(), &mut coverage);
        coverage
    }

    /// Holds all rows.
    ///
    /// # Errors
    /// As [`RowStream::next`], and `Limit` above [`ANSWER_BYTES_MAX`].
    pub async fn collect(mut self) -> Result<Answer> {
        let (mut batches, mut bytes) = (Vec::new(), 0usize);
        while let Some(batch) = self.next().await? {
            bytes += batch.get_array_memory_size();
            if bytes > ANSWER_BYTES_MAX {
                return Err(QueryError::limit(
                    format!("size of the answer: {ANSWER_BYTES_MAX} bytes"),
                    "it is larger; select fewer columns or rows, or write it to a file with `--format parquet`",
                ));
            }
            batches.push(batch);
        }
        Ok(Answer { schema: self.schema(), batches, coverage: self.coverage() })
    }

    fn timed_out(&self) -> QueryError {
        QueryError::limit(
            format!("time of the query: {} s", self.time_max.as_secs_f64()),
            "it ran out and the query was stopped; narrow it (session, time, kind, log_partition) or raise the time limit",
        )
    }
}
