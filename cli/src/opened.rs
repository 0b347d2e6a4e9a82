//! Opens what the settings name: log, storage, table, query engine.
//!
//! Guarantee: a reader changes nothing of a record, and a record that does not carry the pins of this machine is refused,
//! because it is another one. What is missing is said with the step that makes it.

use crate::failure::{Doing, Failure, Result};
use crate::settings::{LogPlace, Settings};
use crate::shown;
use ingest::env::Env;
use ingest::log::Log;
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::log::kafka::{KafkaLog, KafkaOptions};
use query::{Engine, QueryService, Runtime};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::error::StoreError;
use store::location::Storage;
use store::snapshot::{Snapshot, StoreIdentity};

/// How long a one-off question waits for a Kafka cluster, only to say how far the table is behind it.
const LAG_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long a version of the table is taken for the newest by a command that follows it.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);

/// Opens an existing log.
///
/// # Errors
/// When it is missing, unreachable or not usable.
pub async fn log(settings: &Settings, env: &Env) -> Result<Arc<dyn Log>> {
    match &settings.log {
        LogPlace::Embedded(dir) => {
            let (dir, entropy) = (dir.clone(), Arc::clone(&env.entropy));
            let open = move || EmbeddedLog::open(&dir, EmbeddedOptions::default(), &*entropy);
            Ok(Arc::new(tokio::task::spawn_blocking(open).await??))
        }
        LogPlace::Kafka(url) => Ok(Arc::new(KafkaLog::connect(KafkaOptions::parse(url)?).await?)),
    }
}

/// Opens the storage, which is made when it is a folder that does not exist.
///
/// # Errors
/// When the URL or an option of it is not usable.
pub fn storage(settings: &Settings) -> Result<Storage> {
    Storage::open(&settings.store, &settings.s3).doing(format!("opening the store {}", settings.store))
}

/// The newest version of the table, or `None` when there is none yet.
///
/// # Errors
/// When it cannot be read, or is another record than this machine's.
pub async fn snapshot_if_any(settings: &Settings) -> Result<Option<Snapshot>> {
    if is_missing_folder(&settings.store) {
        return Ok(None);
    }
    match Snapshot::load(&storage(settings)?, None).await {
        Ok(snapshot) => check_pins(settings, &snapshot.identity).map(|()| Some(snapshot)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The newest version of the table.
///
/// # Errors
/// As [`snapshot_if_any`], and when there is none.
pub async fn snapshot(settings: &Settings) -> Result<Snapshot> {
    snapshot_if_any(settings).await?.ok_or_else(|| {
        Failure::new(format!("there is no record at {}", settings.store)).hint(format!(
            "name another with --data or HANSARD_DATA (in force: {}), or begin one: `hansard demo`, `hansard import FORMAT PATH`, `hansard init`",
            settings.data
        ))
    })
}

fn is_missing_folder(store: &str) -> bool {
    let path = store.strip_prefix("file://").unwrap_or(store);
    !path.contains("://") && !std::path::Path::new(path).join(store::layout::TABLE).exists()
}

/// Refuses a record that is not the one that this machine knows.
fn check_pins(settings: &Settings, identity: &StoreIdentity) -> Result<()> {
    let pins = settings.pins();
    let pairs = [
        ("registry key", &pins.registry_key, &identity.registry_key),
        ("log key", &pins.log_key, &identity.log_key),
        ("log id", &pins.log_id, &identity.log_id),
        ("origin", &pins.origin, &identity.origin),
        ("tenant", &pins.tenant, &identity.tenant),
    ];
    for (what, pinned, found) in pairs {
        if pinned.as_ref().is_some_and(|pinned| pinned != found) {
            let pinned = pinned.as_deref().unwrap_or_default();
            let message = format!(
                "the record at {} is not the one that this machine knows: its {what} is {found}, pinned is {pinned}",
                settings.store
            );
            let hint = format!("check --store and --data; pins stand in {}", settings.config_file.display());
            return Err(Failure::new(message).hint(hint));
        }
    }
    Ok(())
}

/// The query engine over the newest version, which knows how far the table is behind the log where the log answers.
///
/// # Errors
/// As [`snapshot`].
pub async fn engine(settings: &Settings, env: &Env) -> Result<Engine> {
    let snapshot = snapshot(settings).await?;
    let runtime = runtime(settings, &snapshot.storage)?;
    let mut engine = Engine::open(Arc::new(snapshot), &runtime).await?;
    if !settings.committed
        && let Some(stretches) = shown::by_server(settings, engine.snapshot()).await
    {
        engine = engine.with_stretches(stretches);
    }
    Ok(match next_offsets(settings, env).await {
        Some(next) => engine.with_log_next(next),
        None => engine,
    })
}

/// An engine that follows the table.
///
/// # Errors
/// When there is no record, or it is another than this machine's.
pub async fn following(settings: &Settings) -> Result<QueryService> {
    let snapshot = snapshot(settings).await?;
    let runtime = runtime(settings, &snapshot.storage)?;
    Ok(QueryService::new(snapshot.storage, runtime, FOLLOW_EVERY, None))
}

/// The folder for what queries put aside: the home where there is one, else the system's temporary folder, because a
/// reader of a remote store leaves no folder behind.
fn spill(settings: &Settings) -> Option<std::path::PathBuf> {
    let dir = if settings.home.dir().exists() { settings.home.spill() } else { std::env::temp_dir() };
    std::fs::create_dir_all(&dir).is_ok().then_some(dir)
}

/// A query runtime for `storage`.
///
/// # Errors
/// When the spill folder cannot be used.
pub fn runtime(settings: &Settings, storage: &Storage) -> Result<Runtime> {
    let runtime = Runtime::new(storage, settings.limits, spill(settings))?;
    Ok(match settings.policy()? {
        Some(policy) => runtime.with_untrusted(policy.untrusted),
        None => runtime,
    })
}

/// The log's next offsets by partition, or `None` when the log does not answer in time.
pub async fn next_offsets(settings: &Settings, env: &Env) -> Option<BTreeMap<u32, u64>> {
    if let LogPlace::Embedded(dir) = &settings.log
        && !dir.exists()
    {
        return None;
    }
    let ask = async {
        let log = log(settings, env).await.ok()?;
        next_of(&*log).await.ok()
    };
    tokio::time::timeout(LAG_WAIT_MAX, ask).await.ok().flatten()
}

/// The next offset of each partition.
///
/// # Errors
/// When the log does not answer.
pub async fn next_of(log: &dyn Log) -> Result<BTreeMap<u32, u64>> {
    let mut next = BTreeMap::new();
    for partition in 0..log.partitions() {
        next.insert(partition, log.offsets(partition).await?.next);
    }
    Ok(next)
}
