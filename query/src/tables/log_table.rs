//! The rows of some classes of one snapshot, as a DataFusion table over its Parquet files.
//!
//! Guarantee: reads exactly the files of the pinned snapshot; files whose partition values or Delta statistics rule
//! out a filter are not opened. Text and bytes come as `Utf8` and `Binary`, as they stand in the files and in
//! `schemas::columns`, never as view types. A question that carries rows of the tail sees them after those of the files. A file that is gone or damaged fails the query; nothing is skipped.

use crate::fresh::Fresh;
use crate::limits::{CONTENT_BATCH_ROWS, PRUNING_VALUES_MAX};
use crate::runtime::table_url;
use crate::tables::stats;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, ScalarValue, Statistics, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableProvider;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};
use std::sync::Arc;
use store::snapshot::Snapshot;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LogTable {
    schema: TableSchema,
    files: Arc<Vec<PartitionedFile>>,
    classes: Arc<[RowClass]>,
}

impl LogTable {
    /// The rows of `classes`, with the columns of `file_schema` (a part of the file's) and the partition columns.
    pub(crate) fn new(snapshot: &Snapshot, classes: &[RowClass], file_schema: SchemaRef) -> Self {
        let partition_columns = vec![
            Arc::new(Field::new(LOG_PARTITION, DataType::Int32, true)),
            Arc::new(Field::new(ROW_CLASS, DataType::Utf8, true)),
        ];
        let files = snapshot
            .files
            .iter()
            .filter(|file| classes.contains(&file.class))
            .map(|file| stats::partitioned_file(file, &file_schema))
            .collect();
        let schema = TableSchema::builder(file_schema).with_table_partition_cols(partition_columns).build();
        Self { schema, files: Arc::new(files), classes: classes.into() }
    }

    /// A scan of the columns `projection`, pruned by `filters`. With `evaluate` the filters are also applied to rows
    /// while reading, which is only wanted where no optimizer rule will push them down.
    pub(crate) fn plan(&self, state: &dyn Session, scan: &Scan<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        let predicate = self.predicate(state, scan.filters)?;
        let fresh = match state.config().get_extension::<Fresh>() {
            Some(fresh) => {
                fresh.plan(self.schema.table_schema(), &self.classes, scan.projection, predicate.as_ref())?
            }
            None => None,
        };
        match fresh {
            None => self.committed(state, scan, predicate),
            // Beside rows in memory the optimizer pushes no filter down, so that it is given to the reader here.
            Some(fresh) => {
                let committed = self.committed(state, &Scan { evaluate: true, ..*scan }, predicate)?;
                UnionExec::try_new(vec![committed, fresh])
            }
        }
    }

    fn committed(
        &self,
        state: &dyn Session,
        scan: &Scan<'_>,
        predicate: Option<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = match &predicate {
            Some(predicate) => self.prune(predicate)?,
            None => self.files.as_ref().clone(),
        };
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(self.schema.table_schema(), scan.projection)?)));
        }
        let env = state.runtime_env();
        let mut options = TableParquetOptions::default();
        options.global = state.config().options().execution.parquet.clone();
        let cache = env.cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(env.object_store(table_url())?, cache);
        let mut source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        if let Some(predicate) = predicate.filter(|_| scan.evaluate) {
            source = source.with_predicate(predicate);
        }
        let statistics = self.statistics(&files);
        let groups = FileGroup::new(files).split_files(state.config().target_partitions().max(1));
        let config = FileScanConfigBuilder::new(table_url(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(scan.projection.cloned())?
            .with_limit(scan.limit)
            .with_batch_size(self.reads_contents(scan.projection).then_some(CONTENT_BATCH_ROWS))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn predicate(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(filter) = conjunction(filters.to_vec()) else { return Ok(None) };
        let schema = DFSchema::try_from(Arc::clone(self.schema.table_schema()))?;
        state.create_physical_expr(filter, &schema).map(Some)
    }

    /// The files that may hold rows for `predicate`.
    fn prune(&self, predicate: &Arc<dyn PhysicalExpr>) -> Result<Vec<PartitionedFile>> {
        let schema = self.schema.table_schema();
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(schema))
            .with_max_in_list_size(PRUNING_VALUES_MAX)
            .build(Arc::clone(predicate));
        let Some(pruning) = pruning.filter(|_| !self.files.is_empty()) else {
            return Ok(self.files.as_ref().clone());
        };
        let known = self.files.iter().map(|f| f.statistics.clone().unwrap_or_else(|| self.unknown())).collect();
        let keep = pruning.prune(&PrunableStatistics::new(known, Arc::clone(schema)))?;
        Ok(self.files.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file.clone()).collect())
    }

    fn unknown(&self) -> Arc<Statistics> {
        Arc::new(Statistics::new_unknown(self.schema.table_schema()))
    }

    /// Rows are known exactly where every file says them; columns are left open, so that no answer comes from them.
    fn statistics(&self, files: &[PartitionedFile]) -> Statistics {
        let rows = files.iter().map(|f| f.statistics.as_ref().map_or(Precision::Absent, |s| s.num_rows));
        let rows = rows.fold(Precision::Exact(0), |sum, rows| sum.add(&rows));
        let bytes = files.iter().map(|f| usize::try_from(f.object_meta.size).unwrap_or(usize::MAX)).sum();
        let mut statistics = Statistics::new_unknown(self.schema.table_schema());
        statistics.num_rows = rows;
        statistics.total_byte_size = Precision::Inexact(bytes);
        statistics
    }

    fn reads_contents(&self, projection: Option<&Vec<usize>>) -> bool {
        let index = self.schema.table_schema().index_of("contents").ok();
        index.is_some_and(|index| projection.is_none_or(|p| p.contains(&index)))
    }
}

/// What a scan of a [`LogTable`] wants.
#[derive(Debug, Default)]
pub(crate) struct Scan<'a> {
    pub(crate) projection: Option<&'a Vec<usize>>,
    pub(crate) filters: &'a [Expr],
    pub(crate) limit: Option<usize>,
    pub(crate) evaluate: bool,
}

#[async_trait]
impl TableProvider for LogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The optimizer pushes the filter that stays above into the scan, so it is not given to the reader here.
        self.plan(state, &Scan { projection, filters, limit, evaluate: false })
    }
}

/// The whole schema of a file, or with the contents' bytes left out.
pub(crate) fn file_schema(contents: ContentLeaves) -> SchemaRef {
    let full = schemas::columns::file_schema();
    let fields: Vec<Field> = full
        .fields()
        .iter()
        .map(|field| match contents {
            ContentLeaves::Described if field.name() == "contents" => without_bytes(field),
            _ => field.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// Which leaves of the `contents` column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentLeaves {
    /// All.
    All,
    /// Everything but salt and bytes.
    Described,
}

fn without_bytes(contents: &Field) -> Field {
    let DataType::List(element) = contents.data_type() else { return contents.clone() };
    let DataType::Struct(fields) = element.data_type() else { return contents.clone() };
    let kept = fields.iter().filter(|f| f.name() != "bytes" && f.name() != "salt").map(Arc::clone).collect();
    let element = element.as_ref().clone().with_data_type(DataType::Struct(kept));
    contents.clone().with_data_type(DataType::List(Arc::new(element)))
}

/// A partition value as DataFusion wants it.
pub(crate) fn partition_values(partition: u32, class: RowClass) -> Vec<ScalarValue> {
    let partition = i32::try_from(partition).unwrap_or(i32::MAX);
    vec![ScalarValue::Int32(Some(partition)), ScalarValue::Utf8(Some(class.as_str().to_owned()))]
}
