//! Records a replayed run: a session of its own, whose events name with `replays` what they give out again.
//!
//! Guarantee: an exchange is signed and durable in the producer's own state before its answer is given out; what the log
//! has not got yet is sent at the end, or with the next replay. The gateway's key signs, because this program saw it.

use super::super::Context;
use super::super::init::{GATEWAY_KEY, Record, open_or_make, own_key};
use super::super::settle::settle;
use super::drafts::{Drafts, Session};
use crate::failure::{Failure, Result};
use async_trait::async_trait;
use ingest::env::Env;
use ingest::producer::{Config, Producer, Repeats, StreamSpec};
use replay::serve::{Served, Sink};
use schemas::draft::Draft;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a producer that is closed may still send.
const FLUSH_MAX: Duration = Duration::from_secs(30);

/// Where replays are recorded; `None` inside when nothing is.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    producer: Option<Producer>,
    record: Arc<Record>,
    env: Env,
}

impl Recorder {
    /// Opens the producer.
    pub(super) async fn open(context: Context<'_>, records: bool) -> Result<Self> {
        let record = open_or_make(context).await?;
        let producer = match records {
            true => {
                let config = Config::new(context.settings.home.state("replay"), record.identity.tenant.clone());
                let key = own_key(context, GATEWAY_KEY)?;
                Some(Producer::open(config, key, Arc::clone(&record.log), context.env.clone()).await?)
            }
            false => None,
        };
        Ok(Self { producer, record: Arc::new(record), env: context.env.clone() })
    }

    /// Begins a session.
    pub(super) async fn begin(&self, session: Session) -> Result<Arc<Tape>> {
        let drafts = Drafts::new(session, self.env.clone());
        let tape = Tape { recorder: self.clone(), state: Mutex::new((drafts, Vec::new())) };
        let first = tape.draft(Drafts::start);
        tape.put(first).await.map_err(Failure::new)?;
        Ok(Arc::new(tape))
    }

    /// Stages events, one after the other.
    pub(super) async fn put(&self, drafts: Vec<Draft>) -> std::result::Result<(), String> {
        let (Some(producer), Some(first)) = (&self.producer, drafts.first()) else { return Ok(()) };
        let name = producer.stream_name(first.session.as_deref().unwrap_or("replays"));
        let stream = StreamSpec { partition_key: name.clone(), name };
        let staged = producer.stage(Arc::new(vec![(stream, drafts)]), Repeats::Skip).await;
        let staged = staged.map_err(|error| format!("it could not be recorded: {error}"))?;
        let refused = staged.refused().next().map(|(_, _, error)| error.to_string());
        refused.map_or(Ok(()), |error| Err(format!("it could not be recorded: {error}")))
    }

    /// Sends what is left and commits it.
    pub(super) async fn finish(&self, context: Context<'_>) -> Result<()> {
        let Some(producer) = &self.producer else { return Ok(()) };
        producer.close(FLUSH_MAX).await;
        settle(context, &self.record, None).await.map(|_| ())
    }
}

/// One replayed run while it is being recorded.
#[derive(Debug)]
pub(super) struct Tape {
    recorder: Recorder,
    /// Drafts, and what was served.
    state: Mutex<(Drafts, Vec<Served>)>,
}

impl Tape {
    fn draft<T>(&self, make: impl FnOnce(&mut Drafts) -> T) -> T {
        make(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    async fn put(&self, drafts: Vec<Draft>) -> std::result::Result<(), String> {
        self.recorder.put(drafts).await
    }

    /// Ends the session; gives its id, the id of its first event, and what was served.
    pub(super) async fn end(&self, counts: serde_json::Value) -> Result<(String, String, Vec<Served>)> {
        let last = self.draft(|drafts| drafts.end(&counts));
        self.put(last).await.map_err(Failure::new)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, first) = (state.0.session().to_owned(), state.0.first().to_owned());
        Ok((session, first, std::mem::take(&mut state.1)))
    }
}

#[async_trait]
impl Sink for Tape {
    async fn served(&self, served: Served) -> std::result::Result<(), String> {
        let drafts = self.draft(|drafts| drafts.exchange(&served));
        self.put(drafts).await?;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.push(served);
        Ok(())
    }
}
