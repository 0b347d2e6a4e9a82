//! The import driver: drafts from an importer to acknowledged records, resumable and without sending anything twice.
//!
//! Guarantees:
//! - Each native session is one stream (`…/<session key>`) with the session as partition key, so that the same session
//!   meets itself whoever imports it.
//! - What this producer has sent before (source, id, bytes) is skipped; the ledger that says so changes in the
//!   transaction that signs. An import that was killed or stopped is run again from the start and sends only the rest.
//! - Reading runs on a thread of its own, signing and sending behind it; between them and before the log at most
//!   [`CHUNKS_QUEUED_MAX`] + [`CHUNKS_IN_FLIGHT_MAX`] + 2 chunks are in memory.
//! - An event that breaks a limit becomes a reject with its bytes; what cannot even be that is told to [`Progress`]
//!   and counted. Nothing stops the import but its caller, a path that cannot be opened, and a producer that fails.

use crate::import::{self, Control, Format, ImportError, Imported, REJECT_KIND, Sink, Stop};
use crate::producer::{DraftError, Groups, Outcome, Producer, ProducerError, Repeats, Staged, StreamSpec};
use schemas::draft::{Draft, DraftContent};
use schemas::limits::FIELD_BYTES_MAX;
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;

/// Most events in one chunk, which is one transaction.
pub const CHUNK_EVENTS_MAX: usize = 4_096;
/// A chunk is closed when its contents have this many bytes.
pub const CHUNK_BYTES_MAX: usize = 8 * 1_048_576;
/// Most chunks between the reader and the producer.
pub const CHUNKS_QUEUED_MAX: usize = 2;
/// Most signed chunks that wait for the log.
pub const CHUNKS_IN_FLIGHT_MAX: usize = 4;
/// Most contents that a reject keeps of a draft that lists too many: so many fit a header.
const CONTENTS_KEPT_MAX: usize = 256;
/// Longest name in bytes of a content that a reject keeps, for the same reason.
const NAME_BYTES_MAX: usize = 64;
/// Pause before a full outbox is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// What an import has done so far. Figures only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Bytes read from disk, as they lie there; compare with [`import::source::total_bytes`].
    pub disk_bytes: u64,
    /// Drafts read, rejects included.
    pub read: u64,
    /// Events that the log has acknowledged.
    pub events: u64,
    /// Rejects that the log has acknowledged.
    pub rejects: u64,
    /// Drafts skipped because this producer has sent them before.
    pub skipped: u64,
    /// Drafts that could not be recorded in any form; [`Progress::refused`] named each.
    pub refused: u64,
}

/// Watches an import. Calls come from one task, after each acknowledged chunk.
pub trait Progress: Debug + Send + Sync {
    /// The figures now.
    fn done(&self, done: &Done);

    /// A draft that breaks a limit even as a reject.
    fn refused(&self, draft: &Draft, error: &DraftError);
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Final figures.
    pub done: Done,
    /// What the importer counted; absent when it was stopped.
    pub totals: Option<import::Totals>,
    /// Whether the caller stopped it; run it again to go on.
    pub stopped: bool,
}

/// Why an import ended early. What was acknowledged stays; running it again goes on.
#[derive(Debug, Error)]
pub enum ImportRunError {
    /// A path cannot be opened.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The producer failed.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// The reader ended without a word: a bug in the importer.
    #[error("the importer of {format} broke off: this is a bug, please report it with the file that it was reading")]
    Broken {
        /// Format.
        format: String,
    },
}

/// An import.
#[derive(Debug)]
pub struct ImportRun {
    /// Signs and sends; its source registration must cover `import:<format>`.
    pub producer: Producer,
    /// Watches.
    pub progress: Arc<dyn Progress>,
    /// Set it to stop after the chunk in hand.
    pub stop: Arc<AtomicBool>,
    /// Most events in one chunk; [`CHUNK_EVENTS_MAX`] unless a test wants less.
    pub chunk_events_max: usize,
}

impl ImportRun {
    /// An import through `producer`.
    #[must_use]
    pub fn new(producer: Producer, progress: Arc<dyn Progress>) -> Self {
        Self { producer, progress, stop: Arc::new(AtomicBool::new(false)), chunk_events_max: CHUNK_EVENTS_MAX }
    }

    /// Imports `paths`.
    ///
    /// # Errors
    /// [`ImportRunError`]; being stopped is not one.
    pub async fn paths(
        &self,
        format: &'static Format,
        paths: Vec<PathBuf>,
        control: Arc<Control>,
    ) -> Result<Summary, ImportRunError> {
        let reading = Arc::clone(&control);
        self.drafts(format.name, control, move |sink| import::run(format, &paths, &reading, sink)).await
    }

    /// Imports what `read` gives out; `name` is for messages.
    ///
    /// # Errors
    /// [`ImportRunError`]; being stopped is not one.
    pub async fn drafts<R>(&self, name: &str, control: Arc<Control>, read: R) -> Result<Summary, ImportRunError>
    where
        R: FnOnce(&mut Sink<'_>) -> Result<import::Totals, ImportError> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::channel(CHUNKS_QUEUED_MAX);
        let mut chunker = Chunker { sender, chunk: Chunk::default(), events_max: self.chunk_events_max.max(1) };
        let stop = Arc::clone(&self.stop);
        let reader = tokio::task::spawn_blocking(move || {
            let result = read(&mut |imported| {
                if stop.load(Ordering::SeqCst) {
                    return Err(Stop);
                }
                chunker.put(imported)
            });
            // What was read before a stop is whole events; it is sent too.
            chunker.flush().ok();
            result
        });
        let mut sending = Sending { run: self, control: &control, done: Done::default(), waiting: VecDeque::new() };
        let sent = sending.all(&mut receiver).await;
        // The reader stops at its next chunk when sending failed.
        drop(receiver);
        let read = reader.await.map_err(|_| ImportRunError::Broken { format: name.to_owned() })?;
        let done = sending.done;
        sent?;
        match read {
            Ok(totals) => Ok(Summary { done, totals: Some(totals), stopped: false }),
            Err(ImportError::Stopped(_)) => Ok(Summary { done, totals: None, stopped: true }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Drafts in the order in which they were read, grouped by session.
#[derive(Debug, Default)]
struct Chunk {
    groups: Vec<(String, Vec<Draft>)>,
    place: HashMap<String, usize>,
    events: usize,
    bytes: usize,
}

struct Chunker {
    sender: mpsc::Sender<Chunk>,
    chunk: Chunk,
    events_max: usize,
}

impl Chunker {
    fn put(&mut self, imported: Imported) -> Result<(), Stop> {
        let Imported { session_key, draft } = imported;
        let chunk = &mut self.chunk;
        chunk.events += 1;
        chunk.bytes += draft.contents.iter().map(|c| c.bytes.len()).sum::<usize>();
        let place = chunk.place.get(&session_key).copied().unwrap_or_else(|| {
            chunk.groups.push((session_key.clone(), Vec::new()));
            chunk.place.insert(session_key, chunk.groups.len() - 1);
            chunk.groups.len() - 1
        });
        chunk.groups[place].1.push(draft);
        if chunk.events >= self.events_max || chunk.bytes >= CHUNK_BYTES_MAX {
            return self.flush();
        }
        Ok(())
    }

    /// Waits for room; [`Stop`] when nobody takes chunks any more.
    fn flush(&mut self) -> Result<(), Stop> {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.events == 0 {
            return Ok(());
        }
        self.sender.blocking_send(chunk).map_err(|_| Stop)
    }
}

/// Kinds of a chunk's drafts, to count outcomes.
type Kinds = Vec<Vec<bool>>;

struct Sending<'a> {
    run: &'a ImportRun,
    control: &'a Control,
    done: Done,
    waiting: VecDeque<(Kinds, Staged)>,
}

impl Sending<'_> {
    /// Sends every chunk and waits for the log.
    async fn all(&mut self, chunks: &mut mpsc::Receiver<Chunk>) -> Result<(), ProducerError> {
        while let Some(chunk) = chunks.recv().await {
            let groups = self.groups(chunk);
            self.send(groups).await?;
            while self.waiting.len() > CHUNKS_IN_FLIGHT_MAX {
                self.settle_one().await?;
            }
        }
        while !self.waiting.is_empty() {
            self.settle_one().await?;
        }
        self.report();
        Ok(())
    }

    fn groups(&mut self, chunk: Chunk) -> Groups {
        self.done.read += chunk.events as u64;
        let name = |key: &str| self.run.producer.stream_name(key);
        let spec = |key: String| StreamSpec { name: name(&key), partition_key: key };
        chunk.groups.into_iter().map(|(key, drafts)| (spec(key), drafts)).collect()
    }

    /// Signs a chunk, and then the rejects that took the place of drafts which break a limit.
    async fn send(&mut self, groups: Groups) -> Result<(), ProducerError> {
        let groups = Arc::new(groups);
        let staged = self.stage(&groups).await?;
        let mut rejects: Groups = Vec::new();
        for (group, at, error) in staged.refused() {
            let Some((spec, draft)) = groups.get(group).and_then(|(s, d)| Some((s, d.get(at)?))) else { continue };
            rejects.push((spec.clone(), vec![reject_of(draft, error, self.run.producer.config().content_bytes_max)]));
        }
        self.waiting.push_back((kinds(&groups), staged));
        if rejects.is_empty() {
            return Ok(());
        }
        let rejects = Arc::new(rejects);
        let staged = self.stage(&rejects).await?;
        for (group, at, error) in staged.refused() {
            if let Some(draft) = rejects.get(group).and_then(|(_, drafts)| drafts.get(at)) {
                self.run.progress.refused(draft, error);
                self.done.refused += 1;
            }
        }
        self.waiting.push_back((kinds(&rejects), staged));
        Ok(())
    }

    /// Signs; waits while the outbox is full.
    async fn stage(&mut self, groups: &Arc<Groups>) -> Result<Staged, ProducerError> {
        loop {
            match self.run.producer.stage(Arc::clone(groups), Repeats::Skip).await {
                Err(ProducerError::Busy { .. }) if !self.waiting.is_empty() => self.settle_one().await?,
                Err(ProducerError::Busy { .. }) => tokio::time::sleep(BUSY_PAUSE).await,
                result => return result,
            }
        }
    }

    /// Waits for the oldest chunk and counts it.
    async fn settle_one(&mut self) -> Result<(), ProducerError> {
        let Some((kinds, staged)) = self.waiting.pop_front() else { return Ok(()) };
        let waited = self.run.producer.config().ack_wait;
        let outcomes = tokio::time::timeout(waited, staged.wait())
            .await
            .unwrap_or_else(|_| Err(self.run.producer.unconfirmed(waited)))?;
        for (outcome, is_reject) in outcomes.iter().flatten().zip(kinds.iter().flatten()) {
            match outcome {
                Outcome::Acknowledged(_) if *is_reject => self.done.rejects += 1,
                Outcome::Acknowledged(_) => self.done.events += 1,
                Outcome::AlreadySent { .. } => self.done.skipped += 1,
                // Counted when it was signed as a reject, or given up.
                Outcome::Refused(_) => {}
            }
        }
        self.report();
        Ok(())
    }

    fn report(&mut self) {
        self.done.disk_bytes = self.control.disk_bytes.load(Ordering::Relaxed);
        self.run.progress.done(&self.done);
    }
}

fn kinds(groups: &Groups) -> Kinds {
    groups.iter().map(|(_, drafts)| drafts.iter().map(|d| d.kind == REJECT_KIND).collect()).collect()
}

/// What is recorded of a draft that breaks a limit: its contents, its attributes as a content, and the reason. The id is
/// derived from the draft's, so that importing again gives the same reject.
fn reject_of(draft: &Draft, error: &DraftError, content_bytes_max: u64) -> Draft {
    let short = |text: &Option<String>| text.clone().filter(|t| t.len() <= FIELD_BYTES_MAX);
    let session = short(&draft.session);
    let source = Some(draft.source.clone()).filter(|s| !s.is_empty() && s.len() <= FIELD_BYTES_MAX);
    let mut attributes = Map::new();
    attributes.insert("hansard.reject.reason".into(), "limit".into());
    attributes.insert("hansard.reject.detail".into(), error.to_string().into());
    let said = Value::Object(draft.attributes.clone()).to_string();
    let fits = |c: &&DraftContent| c.bytes.len() as u64 <= content_bytes_max && c.name.len() <= NAME_BYTES_MAX;
    let mut contents: Vec<DraftContent> = draft.contents.iter().filter(fits).take(CONTENTS_KEPT_MAX).cloned().collect();
    contents.push(DraftContent::new("attributes", "application/json", said.into_bytes()));
    Draft {
        id: schemas::id::imported("limit", session.as_deref().unwrap_or_default(), &draft.id, 0),
        source: source.unwrap_or_else(|| "import:unknown".to_owned()),
        kind: REJECT_KIND.to_owned(),
        time: draft.time.clone(),
        session,
        attributes,
        contents,
        origin: short(&draft.origin),
        native_id: short(&draft.native_id),
        ..Draft::default()
    }
}
