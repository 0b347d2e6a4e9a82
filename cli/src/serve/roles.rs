//! The roles of a server: starting, watching and stopping them.
//!
//! Guarantee: a role starts only when everything that it needs is there. Stopping follows the events: first the
//! receiver hands over what it signed, then the compactor commits.

use crate::args::Role;
use crate::commands::init::{GATEWAY_KEY, Record, open_or_make, own_key};
use crate::commands::settle::{Own, own_compactor};
use crate::commands::{Context, indexing};
use crate::failure::{Failure, Result};
use crate::opened;
use crate::settings::Served;
use async_trait::async_trait;
use ingest::http::{Limits, Receiver};
use ingest::log::{Durability, Log};
use ingest::producer::{Config, Producer};
use query::limits::REFRESH_DEFAULT;
use query::{LogTail, QueryService};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::compactor::{Options, Status};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the receiver may still hand over to the log when the server stops.
const FLUSH_MAX: Duration = Duration::from_secs(15);
/// How long the compactor may still commit when the server stops.
const COMMIT_MAX: Duration = Duration::from_secs(20);
/// How long an answer waits for the log's offsets, which only say what the table does not have yet.
const TAIL_WAIT_MAX: Duration = Duration::from_secs(1);

/// The running roles.
#[derive(Debug)]
pub(super) struct Roles {
    watched: Watched,
    receiver: Option<Arc<Receiver>>,
    service: Option<QueryService>,
    compactor: Option<Compacting>,
}

#[derive(Debug)]
struct Compacting {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Own>>,
    indexing: JoinHandle<()>,
}

/// What health and metrics look at. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) roles: Arc<[Role]>,
    pub(super) started: Instant,
    pub(super) log: Option<Arc<dyn Log>>,
    pub(super) producer: Option<Producer>,
    pub(super) compactor: Option<Arc<Status>>,
    pub(super) service: Option<QueryService>,
}

#[derive(Debug)]
struct Tail(Arc<dyn Log>);

#[async_trait]
impl LogTail for Tail {
    async fn next_offsets(&self) -> Option<BTreeMap<u32, u64>> {
        tokio::time::timeout(TAIL_WAIT_MAX, opened::next_of(&*self.0)).await.ok()?.ok()
    }
}

impl Roles {
    /// Starts the roles that are asked for.
    ///
    /// # Errors
    /// When log, store or keys cannot be used, or another process of this home compacts.
    pub(super) async fn start(context: Context<'_>, served: &Served) -> Result<Self> {
        let writes = served.has(Role::Ingest) || served.has(Role::Compact);
        let record = if writes { Some(open_or_make(context).await?) } else { None };
        let log = match &record {
            Some(record) => Some(Arc::clone(&record.log)),
            None => opened::log(context.settings, context.env).await.ok(),
        };
        let mut watched = Watched {
            roles: served.roles.clone().into(),
            started: Instant::now(),
            log: log.clone(),
            producer: None,
            compactor: None,
            service: None,
        };
        // Questions see what is verified here before it is committed.
        let both = served.has(Role::Compact) && served.has(Role::Query);
        let rows = both.then(|| Arc::new(store::tail::Tail::default()));
        let compactor = match &record {
            Some(record) if served.has(Role::Compact) => {
                let (compacting, status) = compact(context, record, rows.clone()).await?;
                watched.compactor = Some(status);
                Some(compacting)
            }
            _ => None,
        };
        let receiver = match &record {
            Some(record) if served.has(Role::Ingest) => Some(receive(context, record).await?),
            _ => None,
        };
        watched.producer = receiver.as_ref().map(|r| r.producer().clone());
        watched.service = if served.has(Role::Query) { Some(answer(context, log, rows)?) } else { None };
        Ok(Self { service: watched.service.clone(), watched, receiver, compactor })
    }

    /// What health and metrics look at.
    pub(super) fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// The receiver, when that role runs.
    pub(super) fn receiver(&self) -> Option<Arc<Receiver>> {
        self.receiver.clone()
    }

    /// The query service, when that role runs.
    pub(super) fn service(&self) -> Option<QueryService> {
        self.service.clone()
    }

    /// What an acknowledgement means here.
    pub(super) fn durability(&self) -> Option<Durability> {
        self.watched.log.as_ref().map(|log| log.durability())
    }

    /// Refuses new events with this reason.
    pub(super) fn refuse(&self, reason: &str) {
        if let Some(receiver) = &self.receiver {
            receiver.set_unready(Some(reason.to_owned()));
        }
    }

    /// Waits until a role breaks off; for ever when none does.
    pub(super) async fn broken(&mut self) -> Failure {
        let Some(compacting) = &mut self.compactor else { return std::future::pending().await };
        let ended = (&mut compacting.task).await;
        self.compactor = None;
        match ended {
            Ok(Ok(_)) => Failure::new("the compactor ended without being told to; please report it"),
            Ok(Err(failure)) => failure,
            Err(error) => Failure::because("the compactor broke off", error),
        }
    }

    /// Stops the roles; gives the table version that the compactor reached.
    ///
    /// # Errors
    /// When the last commit failed; what it held is in the log.
    pub(super) async fn stop(self) -> Result<Option<u64>> {
        if let Some(receiver) = &self.receiver {
            receiver.producer().close(FLUSH_MAX).await;
        }
        let Some(compacting) = self.compactor else { return Ok(None) };
        // Only fails when the task has ended, which `await` then tells.
        let _ = compacting.stop.send(true);
        let mut own = compacting.task.await??;
        // What it has not written yet is written next time.
        compacting.indexing.abort();
        match tokio::time::timeout(COMMIT_MAX, own.catch_up()).await {
            Ok(done) => done.map(|totals| Some(totals.version)),
            Err(_) => {
                tracing::warn!("not everything was committed within {COMMIT_MAX:?}; the rest is in the log");
                Ok(Some(own.status().version.load(Ordering::Relaxed)))
            }
        }
    }
}

async fn compact(
    context: Context<'_>,
    record: &Record,
    tail: Option<Arc<store::tail::Tail>>,
) -> Result<(Compacting, Arc<Status>)> {
    let own = own_compactor(context, record, Options { tail, ..Options::default() }).await?.ok_or_else(|| {
        let home = context.settings.home.dir().display();
        Failure::new(format!("another process compacts the record in {home}"))
            .hint("stop it, or start this one with --roles ingest,query")
    })?;
    let status = own.status();
    let (stop, stopped) = watch::channel(false);
    let indexing = tokio::spawn(indexing::follow(record.storage.clone(), context.env.clone(), stopped.clone()));
    let task = tokio::spawn(own.run(stopped));
    Ok((Compacting { stop, task, indexing }, status))
}

async fn receive(context: Context<'_>, record: &Record) -> Result<Arc<Receiver>> {
    let limits = Limits::default();
    let mut config = Config::new(context.settings.home.state(GATEWAY_KEY), record.identity.tenant.clone());
    config.ack_wait = limits.ack_wait;
    let key = own_key(context, GATEWAY_KEY)?;
    let producer = Producer::open(config, key, Arc::clone(&record.log), context.env.clone()).await?;
    Ok(Arc::new(Receiver::new(producer, Arc::clone(&record.log), context.env.clone(), limits)))
}

fn answer(
    context: Context<'_>,
    log: Option<Arc<dyn Log>>,
    rows: Option<Arc<store::tail::Tail>>,
) -> Result<QueryService> {
    let storage = opened::storage(context.settings)?;
    let runtime = opened::runtime(context.settings, &storage)?;
    let tail = log.map(|log| Arc::new(Tail(log)) as Arc<dyn LogTail>);
    Ok(QueryService::with_rows(storage, runtime, REFRESH_DEFAULT, tail, rows))
}
