//! The import driver: everything once, resumable at any point, stoppable, fast.

use crate::producer_support::{Fault, FaultyLog, History, config, draft, open, open_with};
use ingest::env::Seeded;
use ingest::import::{Control, ImportError, Imported, REJECT_KIND, Sink, Totals};
use ingest::import_run::{Done, ImportRun, Progress, Summary};
use ingest::log::Log;
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::producer::{DraftError, OutboxLimits, Producer};
use schemas::draft::{Draft, DraftContent};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Default)]
struct Watch {
    done: Mutex<Vec<Done>>,
    refused: Mutex<Vec<String>>,
    /// Set after this many reports.
    stop_after: Option<(usize, Arc<AtomicBool>)>,
}

impl Progress for Watch {
    fn done(&self, done: &Done) {
        let mut all = self.done.lock().unwrap();
        all.push(*done);
        if let Some((count, stop)) = &self.stop_after {
            stop.store(all.len() >= *count, Ordering::SeqCst);
        }
    }

    fn refused(&self, draft: &Draft, error: &DraftError) {
        self.refused.lock().unwrap().push(format!("{}: {error}", draft.origin.as_deref().unwrap_or("-")));
    }
}

fn imported(session: usize, n: usize) -> Imported {
    let mut draft = draft(&format!("{session}-{n}"), &format!("record {n} of session {session}"));
    draft.session = Some(format!("s{session}"));
    draft.origin = Some(format!("file{session}:{n}"));
    Imported { session_key: format!("test/s {session}"), draft }
}

/// Reads `per_session` records of each of 20 sessions, interleaved.
fn source(per_session: usize) -> impl FnOnce(&mut Sink<'_>) -> Result<Totals, ImportError> + Send + 'static {
    move |sink| {
        for n in 0..per_session {
            for session in 0..20 {
                sink(imported(session, n))?;
            }
        }
        Ok(Totals { events: 20 * per_session as u64, ..Totals::default() })
    }
}

async fn run(producer: &Producer, watch: Arc<Watch>, per_session: usize) -> Summary {
    let mut run = ImportRun::new(producer.clone(), watch);
    run.chunk_events_max = 50;
    run.drafts("test", Arc::default(), source(per_session)).await.unwrap()
}

fn unique(ids: Vec<String>) -> HashSet<String> {
    let count = ids.len();
    let ids: HashSet<String> = ids.into_iter().collect();
    assert_eq!(ids.len(), count, "an event was sent twice");
    ids
}

#[tokio::test]
async fn everything_once_whatever_is_imported_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[Fault::Busy, Fault::None, Fault::Before]));
    let state = dir.path().join("state");
    let producer = open(&state, Arc::<FaultyLog>::clone(&log), 1).await;
    let first = run(&producer, Arc::default(), 10).await;
    assert_eq!((first.done.read, first.done.events, first.done.skipped), (200, 200, 0));
    assert_eq!((first.stopped, first.totals.map(|t| t.events)), (false, Some(200)));
    let again = run(&producer, Arc::default(), 10).await;
    assert_eq!((again.done.events, again.done.skipped), (0, 200));
    producer.close(Duration::from_secs(1)).await;
    let producer = open(&state, Arc::<FaultyLog>::clone(&log), 2).await;
    let longer = run(&producer, Arc::default(), 12).await;
    assert_eq!((longer.done.events, longer.done.skipped), (40, 200), "a longer copy adds what is new");
    let history = History::read(log.as_ref()).await;
    assert_eq!(unique(history.all_ids()).len(), 240);
    assert_eq!(history.streams.len(), 20, "one stream per session");
    let name = producer.stream_name("test/s 7");
    assert_eq!(history.ids(&name), (0..12).map(|n| format!("7-{n}")).collect::<Vec<_>>(), "in the order of the source");
}

#[tokio::test]
async fn a_stopped_import_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let producer = open(&dir.path().join("state"), Arc::<FaultyLog>::clone(&log), 1).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watch = Arc::new(Watch { stop_after: Some((2, Arc::clone(&stop))), ..Watch::default() });
    let mut import = ImportRun::new(producer.clone(), Arc::<Watch>::clone(&watch));
    import.chunk_events_max = 50;
    import.stop = stop;
    let stopped = import.drafts("test", Arc::default(), source(1_000)).await.unwrap();
    assert!(stopped.stopped && stopped.totals.is_none(), "{stopped:?}");
    assert!(stopped.done.events >= 100 && stopped.done.events < 20_000, "{stopped:?}");
    assert_eq!(History::read(log.as_ref()).await.all_ids().len() as u64, stopped.done.events, "what was read was sent");
    let rest = run(&producer, Arc::default(), 1_000).await;
    assert_eq!((rest.done.events + stopped.done.events, rest.done.skipped), (20_000, stopped.done.events));
    assert_eq!(unique(History::read(log.as_ref()).await.all_ids()).len(), 20_000);
    let seen = watch.done.lock().unwrap();
    assert!(seen.windows(2).all(|w| w[0].events <= w[1].events && w[0].read <= w[1].read), "figures only grow");
}

#[tokio::test]
async fn a_killed_import_sends_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let log = Arc::new(FaultyLog::new(&[Fault::None, Fault::After]).with_images(&state, &dir.path().join("images")));
    let producer = open(&state, Arc::<FaultyLog>::clone(&log), 1).await;
    run(&producer, Arc::default(), 20).await;
    producer.close(Duration::from_secs(1)).await;
    let images = log.images.lock().unwrap().clone();
    assert!(images.len() >= 4, "{}", images.len());
    for image in images {
        let log = log.replayed(image.records).await;
        let producer = open(&image.state, Arc::<FaultyLog>::clone(&log), 2).await;
        run(&producer, Arc::default(), 20).await;
        producer.close(Duration::from_secs(1)).await;
        assert_eq!(unique(History::read(log.as_ref()).await.all_ids()).len(), 400, "{}", image.what);
    }
}

#[tokio::test]
async fn what_breaks_a_limit_is_kept_as_a_reject_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let mut config = config(&dir.path().join("state"));
    config.content_bytes_max = 100_000;
    let producer = open_with(config, Arc::<FaultyLog>::clone(&log), 1).await.unwrap();
    let watch = Arc::new(Watch::default());
    let read = |sink: &mut Sink<'_>| {
        sink(imported(0, 0))?;
        let mut wide = imported(0, 1);
        wide.draft.attributes.insert("x".to_owned(), "y".repeat(70_000).into());
        sink(wide)?;
        let mut heavy = imported(0, 2);
        heavy.draft.contents.push(DraftContent::text("heavy", "z".repeat(100_001)));
        sink(heavy)?;
        let mut hopeless = imported(0, 3);
        hopeless.draft.attributes.insert("x".to_owned(), "y".repeat(170_000).into());
        sink(hopeless)?;
        let mut damaged = imported(0, 4);
        damaged.draft.kind = REJECT_KIND.to_owned();
        sink(damaged)?;
        Ok(Totals::default())
    };
    let summary = {
        let run = ImportRun::new(producer.clone(), Arc::<Watch>::clone(&watch));
        run.drafts("test", Arc::default(), read).await.unwrap()
    };
    assert_eq!((summary.done.read, summary.done.events, summary.done.rejects, summary.done.refused), (5, 1, 3, 1));
    assert_eq!(watch.refused.lock().unwrap().len(), 1);
    assert!(watch.refused.lock().unwrap()[0].starts_with("file0:3: content attributes has"), "{watch:?}");
    let history = History::read(log.as_ref()).await;
    let stream = &history.streams[&producer.stream_name("test/s 0")];
    let rejects: Vec<_> = stream.iter().filter(|e| e.header.event_type == REJECT_KIND).collect();
    assert_eq!(rejects.len(), 3);
    let wide = rejects.iter().find(|e| e.header.data.origin.as_deref() == Some("file0:1")).unwrap();
    assert_eq!(wide.contents[0].1, "record 1 of session 0");
    assert!(wide.contents[1].1.len() > 70_000, "the attributes are kept as a content");
}

#[tokio::test]
async fn a_failing_producer_ends_the_import_and_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    *log.then.lock().unwrap() = Fault::Hang;
    let mut config = config(&dir.path().join("state"));
    config.ack_wait = Duration::from_millis(50);
    config.outbox = OutboxLimits { records_max: 40, bytes_max: 1 << 20 };
    let producer = open_with(config, log, 1).await.unwrap();
    let mut run = ImportRun::new(producer, Arc::new(Watch::default()));
    run.chunk_events_max = 50;
    let error = run.drafts("test", Arc::default(), source(100_000)).await.unwrap_err();
    assert!(error.to_string().contains("did not acknowledge"), "{error}");
}

/// 60,000 small events through the embedded log, with its fsyncs; the rate is printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_events_by_the_tens_of_thousands() {
    const EVENTS: usize = 60_000;
    let dir = tempfile::tempdir().unwrap();
    let log = embedded(dir.path());
    let producer = open(&dir.path().join("state"), Arc::clone(&log), 1).await;
    let run = ImportRun::new(producer.clone(), Arc::new(Watch::default()));
    let text = "A tool result of a usual size. ".repeat(20);
    let begun = tokio::time::Instant::now();
    let summary = run
        .drafts("test", Arc::new(Control::default()), move |sink| {
            for n in 0..EVENTS {
                let mut event = imported(n / 500, n);
                event.draft.contents[0].bytes = format!("{n} {text}").into();
                sink(event)?;
            }
            Ok(Totals::default())
        })
        .await
        .unwrap();
    let rate = EVENTS as f64 / begun.elapsed().as_secs_f64();
    println!("import driver: {rate:.0} events/s");
    assert_eq!(summary.done.events, EVENTS as u64);
    producer.close(Duration::from_secs(5)).await;
    assert_eq!(unique(History::read(log.as_ref()).await.all_ids()).len(), EVENTS);
}

fn embedded(dir: &Path) -> Arc<dyn Log> {
    let options = EmbeddedOptions { partitions: Some(4), create: true };
    Arc::new(EmbeddedLog::open(&dir.join("log"), options, Seeded::env(7).entropy.as_ref()).unwrap())
}
