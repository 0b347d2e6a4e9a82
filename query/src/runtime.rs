//! What all queries of a process over one store share: metadata cache, spill directory, limits.
//!
//! Guarantee: each query gets a memory pool of its own, so that one cannot starve another; past it the query spills
//! to the spill directory or fails with a `Limit`. Fails when the spill directory cannot be used.

use crate::error::Result;
use crate::limits::{Limits, METADATA_CACHE_BYTES};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use store::index::BlockCache;
use store::location::Storage;
use store::pick::PickCache;
use store::policy::Untrusted;

/// Consumers that an out-of-memory message names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime {
    env: Arc<RuntimeEnv>,
    limits: Limits,
    index: BlockCache,
    picks: PickCache,
    untrusted: Option<Arc<Untrusted>>,
}

impl Runtime {
    /// The runtime for `storage`; without a spill directory queries fail where they would spill.
    ///
    /// # Errors
    /// [`crate::QueryError::Unavailable`] when the spill directory cannot be used.
    pub fn new(storage: &Storage, limits: Limits, spill_dir: Option<PathBuf>) -> Result<Self> {
        let mode = match spill_dir {
            Some(dir) => DiskManagerMode::Directories(vec![dir]),
            None => DiskManagerMode::Disabled,
        };
        let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(limits.spill_bytes_max);
        let env = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .with_metadata_cache_limit(METADATA_CACHE_BYTES)
            .build_arc()?;
        env.register_object_store(table_url().as_ref(), storage.table_store());
        Ok(Self { env, limits, index: BlockCache::default(), picks: PickCache::default(), untrusted: None })
    }

    /// With what a policy says is not to be trusted; without one, the defaults of `flow` hold.
    #[must_use]
    pub fn with_untrusted(self, untrusted: Untrusted) -> Self {
        Self { untrusted: Some(Arc::new(untrusted)), ..self }
    }

    pub(crate) fn untrusted(&self) -> Option<&Untrusted> {
        self.untrusted.as_deref()
    }

    /// The limits of each query.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// What is kept of indexes.
    pub(crate) fn index_cache(&self) -> &BlockCache {
        &self.index
    }

    /// What is kept of segments for single rows.
    pub(crate) fn pick_cache(&self) -> &PickCache {
        &self.picks
    }

    /// The shared environment with a memory pool of its own.
    pub(crate) fn for_one_query(&self) -> Result<Arc<RuntimeEnv>> {
        let pool = TrackConsumersPool::new(FairSpillPool::new(self.limits.memory_bytes_max), CONSUMERS_NAMED);
        Ok(RuntimeEnvBuilder::from_runtime_env(&self.env).with_memory_pool(Arc::new(pool)).build_arc()?)
    }

    pub(crate) fn env(&self) -> Arc<RuntimeEnv> {
        Arc::clone(&self.env)
    }

    /// Settings of DataFusion: read as the files are (no view types), predicates evaluated while reading.
    pub(crate) fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema("hansard", "public")
            .with_information_schema(true)
            .with_target_partitions(self.limits.parallel.max(1));
        let options = config.options_mut();
        options.sql_parser.map_string_types_to_utf8view = false;
        let parquet = &mut options.execution.parquet;
        parquet.schema_force_view_types = false;
        parquet.pushdown_filters = true;
        parquet.reorder_filters = true;
        parquet.enable_page_index = true;
        parquet.bloom_filter_on_read = true;
        config
    }
}

/// Name under which the table's objects are registered; paths below it are relative to the table's root.
pub(crate) fn table_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse("hansard://table").expect("a constant URL without a path is valid")
}
