//! The operator behind `contents`: explodes events, filters, then resolves references and loads blobs.
//!
//! Guarantee: filters on described columns are applied before any bytes are fetched. Counts what it could not show
//! under [`MISSING`] and [`NOT_LOADED`]. Fails when storage or a file fails, never on an absent content.

use crate::limits::BLOB_SQL_BYTES_MAX;
use crate::tables::explode::{Exploded, SentContent};
use crate::tables::references::{Known, References};
use arrow::array::{
    ArrayRef, AsArray, BinaryBuilder, BinaryViewBuilder, BooleanBuilder, RecordBatch, StringViewBuilder,
};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, ReplaceChildrenOptions,
};
use futures::StreamExt;
use std::sync::Arc;

/// Metric: contents that were wanted and are not there.
pub(super) const MISSING: &str = "contents_missing";
/// Metric: contents that were wanted and are too large for SQL.
pub(super) const NOT_LOADED: &str = "contents_not_loaded";
/// Columns for which bytes must be read.
pub(super) const BYTE_COLUMNS: &[&str] = &["bytes", "text", "salt", "commitment", "referred"];

/// What a scan of `contents` gives.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) schema: SchemaRef,
    pub(super) described: SchemaRef,
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
    pub(super) needs_bytes: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct ContentsExec {
    input: Arc<dyn ExecutionPlan>,
    shape: Shape,
    references: Arc<References>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ContentsExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, shape: Shape, references: Arc<References>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&shape.schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, shape, references, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for ContentsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContentsExec: bytes={}", self.shape.needs_bytes)?;
        if let Some(filter) = &self.shape.filter {
            write!(f, ", filter={filter}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ContentsExec {
    fn name(&self) -> &'static str {
        "ContentsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        match &self.shape.filter {
            Some(filter) => f(filter),
            None => Ok(TreeNodeRecursion::Continue),
        }
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.shape.clone(), Arc::clone(&self.references)))),
            _ => internal_err!("ContentsExec has exactly one input"),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let recompute = datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let worker = Worker {
            shape: self.shape.clone(),
            references: Arc::clone(&self.references),
            task: context,
            known: Known::default(),
            missing: MetricBuilder::new(&self.metrics).counter(MISSING, partition),
            not_loaded: MetricBuilder::new(&self.metrics).counter(NOT_LOADED, partition),
        };
        let rows = futures::stream::try_unfold((input, worker), |(mut input, mut worker)| async move {
            match input.next().await {
                None => Ok(None),
                Some(events) => {
                    let contents = worker.contents(&events?).await?;
                    Ok(Some((contents, (input, worker))))
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.shape.schema), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct Worker {
    shape: Shape,
    references: Arc<References>,
    task: Arc<TaskContext>,
    known: Known,
    missing: Count,
    not_loaded: Count,
}

impl Worker {
    async fn contents(&mut self, events: &RecordBatch) -> Result<RecordBatch> {
        let mut exploded = Exploded::new(events, &self.shape.described)?;
        if let Some(filter) = &self.shape.filter {
            let keep = filter.evaluate(&exploded.described)?.into_array(exploded.rows())?;
            exploded = exploded.filter(keep.as_boolean())?;
        }
        let opened = if self.shape.needs_bytes { Some(self.open(&exploded).await?) } else { None };
        let column = |field: &arrow::datatypes::FieldRef| -> Result<ArrayRef> {
            let name = field.name().as_str();
            match (exploded.described.column_by_name(name), &opened) {
                (_, Some(opened)) if BYTE_COLUMNS.contains(&name) => opened.column(name),
                (Some(array), _) => Ok(Arc::clone(array)),
                (None, Some(opened)) => opened.column(name),
                (None, None) => internal_err!("contents.{name} was asked for without bytes"),
            }
        };
        let columns = self.shape.schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(exploded.rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.shape.schema), columns, &options)?)
    }

    async fn open(&mut self, exploded: &Exploded) -> Result<OpenedColumns> {
        let sent = exploded.sent()?;
        self.references.resolve(&self.task, &sent, exploded.rows(), &mut self.known).await?;
        let wants = |name: &str| self.shape.schema.column_with_name(name).is_some();
        let mut out = OpenedBuilder::new(wants("bytes"), wants("text"), wants("commitment"));
        for row in 0..exploded.rows() {
            let content = sent.get(row);
            let source = if content.is_reference() { self.known.get(&content.key()) } else { None };
            out.push_commitment(&content);
            let salt = content.salt.or(source.map(|s| s.salt.as_slice()));
            let bytes = content.bytes.or_else(|| source.and_then(|s| s.bytes.as_deref()));
            let blob = content.blob.or_else(|| source.and_then(|s| s.blob.as_deref()));
            match (bytes, blob) {
                (Some(bytes), _) => out.push(Some(bytes), salt, source.is_some()),
                (None, Some(_)) if content.size > BLOB_SQL_BYTES_MAX => {
                    self.not_loaded.add(1);
                    out.push(None, salt, source.is_some());
                }
                (None, Some(blob)) if out.wanted() => {
                    let bytes = self.references.blob(blob).await?;
                    self.missing.add(usize::from(bytes.is_none()));
                    out.push(bytes.as_deref(), salt, source.is_some());
                }
                (None, blob) => {
                    self.missing.add(usize::from(blob.is_none()));
                    out.push(None, salt, source.is_some());
                }
            }
        }
        Ok(out.finish())
    }
}

struct OpenedBuilder {
    bytes: Option<BinaryViewBuilder>,
    text: Option<StringViewBuilder>,
    commitment: Option<BinaryBuilder>,
    salt: BinaryBuilder,
    referred: BooleanBuilder,
}

impl OpenedBuilder {
    fn new(bytes: bool, text: bool, commitment: bool) -> Self {
        Self {
            bytes: bytes.then(BinaryViewBuilder::new),
            text: text.then(StringViewBuilder::new),
            commitment: commitment.then(BinaryBuilder::new),
            salt: BinaryBuilder::new(),
            referred: BooleanBuilder::new(),
        }
    }

    fn wanted(&self) -> bool {
        self.bytes.is_some() || self.text.is_some()
    }

    fn push_commitment(&mut self, content: &SentContent<'_>) {
        if let Some(builder) = &mut self.commitment {
            builder.append_option(content.commitment());
        }
    }

    fn push(&mut self, bytes: Option<&[u8]>, salt: Option<&[u8]>, referred: bool) {
        if let Some(builder) = &mut self.bytes {
            builder.append_option(bytes);
        }
        if let Some(builder) = &mut self.text {
            builder.append_option(bytes.and_then(|b| std::str::from_utf8(b).ok()));
        }
        self.salt.append_option(salt);
        self.referred.append_value(referred);
    }

    fn finish(mut self) -> OpenedColumns {
        OpenedColumns {
            bytes: self.bytes.map(|mut b| Arc::new(b.finish()) as ArrayRef),
            text: self.text.map(|mut b| Arc::new(b.finish()) as ArrayRef),
            commitment: self.commitment.map(|mut b| Arc::new(b.finish()) as ArrayRef),
            salt: Arc::new(self.salt.finish()),
            referred: Arc::new(self.referred.finish()),
        }
    }
}

struct OpenedColumns {
    bytes: Option<ArrayRef>,
    text: Option<ArrayRef>,
    commitment: Option<ArrayRef>,
    salt: ArrayRef,
    referred: ArrayRef,
}

impl OpenedColumns {
    fn column(&self, name: &str) -> Result<ArrayRef> {
        let array = match name {
            "bytes" => self.bytes.as_ref(),
            "text" => self.text.as_ref(),
            "commitment" => self.commitment.as_ref(),
            "salt" => Some(&self.salt),
            "referred" => Some(&self.referred),
            _ => None,
        };
        array.map_or_else(|| internal_err!("contents has no column {name}"), |a| Ok(Arc::clone(a)))
    }
}
