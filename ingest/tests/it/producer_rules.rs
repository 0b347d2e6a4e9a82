//! What a producer signs and what it refuses: references, parts, limits, bounds, key files.

use crate::producer_support::{Fault, FaultyLog, History, config, draft, key, open, open_with, spec};
use bytes::Bytes;
use ingest::env::Seeded;
use ingest::producer::config::BATCH_BYTES_MAX;
use ingest::producer::{BatchLimits, DraftError, OutboxLimits, Outcome, ProducerError, Receipt, Repeats, key_file};
use proptest::prelude::*;
use schemas::draft::{Draft, DraftContent};
use schemas::limits::LOG_RECORD_BYTES_MAX;
use schemas::partition::partition_of;
use schemas::record::Form;
use std::sync::Arc;
use std::time::Duration;

fn receipt(outcome: &Outcome) -> &Receipt {
    match outcome {
        Outcome::Acknowledged(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn receipts_say_where_events_stand() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let producer = open(&dir.path().join("state"), Arc::<FaultyLog>::clone(&log), 1).await;
    let drafts = |from: usize| (from..from + 300).map(|n| draft(&format!("e{n}"), "text")).collect::<Vec<_>>();
    let groups = vec![(spec("a"), drafts(0)), (spec("b"), vec![draft("x", "text")]), (spec("a"), drafts(300))];
    let outcomes = producer.submit(groups).await.unwrap();
    assert_eq!(outcomes.iter().map(Vec::len).collect::<Vec<_>>(), [300, 1, 300]);
    let history = History::read(log.as_ref()).await;
    for outcome in outcomes.iter().flatten() {
        let receipt = receipt(outcome);
        let seen = &history.streams[receipt.stream.as_ref()][receipt.stream_index as usize];
        assert_eq!(seen.header.id, receipt.id);
        let key = receipt.stream.strip_prefix("test/").unwrap();
        assert_eq!(receipt.position.partition, partition_of(key.as_bytes(), 3));
    }
    let mut sizes = history.batch_events.clone();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 44, 44, 256, 256], "batches of 256, and the rest of each group");
    assert_eq!(log.calls.lock().unwrap().as_slice(), [5], "all records of a call go in one append");
}

#[tokio::test]
async fn repeated_contents_travel_once() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let log = Arc::new(FaultyLog::new(&[]));
    let long = "history of the conversation ".repeat(20);
    let two = |id: &str| {
        let mut event = draft(id, &long);
        event.contents.push(DraftContent::text("again", long.as_str()));
        event.contents.push(DraftContent::text("short", "yes"));
        event
    };
    let producer = open(&state, Arc::<FaultyLog>::clone(&log), 1).await;
    producer.submit(vec![(spec("a"), vec![two("1"), two("2")]), (spec("b"), vec![two("3")])]).await.unwrap();
    producer.submit(vec![(spec("a"), vec![two("4")])]).await.unwrap();
    producer.close(Duration::from_secs(1)).await;
    // A restart forgets what may be referred to; it costs bytes, nothing else.
    let producer = open(&state, Arc::<FaultyLog>::clone(&log), 2).await;
    producer.submit(vec![(spec("a"), vec![two("5")])]).await.unwrap();
    let history = History::read(log.as_ref()).await;
    let forms = |stream: &str| -> Vec<Vec<Form>> {
        history.streams[stream].iter().map(|e| e.contents.iter().map(|c| c.0).collect()).collect()
    };
    use Form::{Inline, Reference};
    let first = vec![Inline, Reference, Inline];
    let later = vec![Reference, Reference, Inline];
    assert_eq!(forms("test/a"), [first.clone(), later.clone(), later, first.clone()]);
    assert_eq!(forms("test/b"), [first], "streams do not share");
    assert!(history.streams["test/a"].iter().all(|e| e.contents[0].1 == long.as_bytes()));
}

#[tokio::test]
async fn large_contents_travel_as_parts() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let producer = open(&dir.path().join("state"), Arc::<FaultyLog>::clone(&log), 1).await;
    let bytes = |size: usize, salt: u8| Bytes::from((0..size).map(|n| (n % 251) as u8 ^ salt).collect::<Vec<u8>>());
    let sizes: [&[usize]; 5] =
        [&[1_300_000], &[524_288], &[524_289], &[400_000, 300_000, 290_000, 280_000], &[0, 1_048_576]];
    let mut drafts = Vec::new();
    for (n, sizes) in sizes.iter().enumerate() {
        let mut event = draft(&format!("e{n}"), "");
        event.contents = sizes
            .iter()
            .enumerate()
            .map(|(m, size)| {
                DraftContent::new(format!("c{m}"), "application/octet-stream", bytes(*size, (n * 8 + m) as u8))
            })
            .collect();
        drafts.push(event);
    }
    producer.submit(vec![(spec("a"), drafts.clone())]).await.unwrap();
    let history = History::read(log.as_ref()).await;
    assert!(history.record_bytes.iter().all(|bytes| *bytes <= LOG_RECORD_BYTES_MAX));
    let seen = &history.streams["test/a"];
    for (event, draft) in seen.iter().zip(&drafts) {
        let sent: Vec<&Bytes> = draft.contents.iter().map(|c| &c.bytes).collect();
        assert_eq!(event.contents.iter().map(|c| &c.1).collect::<Vec<_>>(), sent);
    }
    let forms: Vec<Vec<Form>> = seen.iter().map(|e| e.contents.iter().map(|c| c.0).collect()).collect();
    use Form::{Inline, Parts};
    assert_eq!(forms[0], [Parts]);
    assert_eq!(forms[1], [Inline], "half a MiB fits a record");
    assert_eq!(forms[2], [Parts]);
    assert_eq!(forms[3], [Parts, Inline, Inline, Inline], "what does not fit together gives up its largest");
    assert_eq!(forms[4], [Inline, Parts]);
}

#[tokio::test]
async fn a_draft_that_breaks_a_limit_harms_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let mut config = config(&dir.path().join("state"));
    config.content_bytes_max = 1_000;
    let producer = open_with(config, Arc::<FaultyLog>::clone(&log), 1).await.unwrap();
    // What a refused draft carried was not sent, so that nothing may refer to it.
    let long = "l".repeat(500);
    let mut wide = draft("wide", &long);
    wide.attributes.insert("x".to_owned(), "y".repeat(70_000).into());
    let mut many = draft("many", "text");
    many.contents = (0..1_025).map(|n| DraftContent::text(n.to_string(), "")).collect();
    let bad = [wide, many, draft("big", &"z".repeat(1_001)), draft("", "no id")];
    let mut drafts = vec![draft("ok0", "text")];
    for (n, bad) in bad.into_iter().enumerate() {
        drafts.extend([bad, draft(&format!("ok{}", n + 1), &long)]);
    }
    let outcomes = producer.submit(vec![(spec("a"), drafts)]).await.unwrap();
    let refusals: Vec<String> = outcomes[0]
        .iter()
        .filter_map(|o| match o {
            Outcome::Refused(error) => Some(error.to_string()),
            _ => None,
        })
        .collect();
    assert!(matches!(outcomes[0][3], Outcome::Refused(DraftError::TooMany { found: 1_025, .. })));
    assert_eq!(refusals.len(), 4);
    assert!(refusals[0].contains("at most 65536"), "{}", refusals[0]);
    assert!(refusals[2].contains("content input has 1001 bytes, at most 1000"), "{}", refusals[2]);
    assert!(refusals[3].contains("id"), "{}", refusals[3]);
    let history = History::read(log.as_ref()).await;
    assert_eq!(history.ids("test/a"), ["ok0", "ok1", "ok2", "ok3", "ok4"]);
}

#[tokio::test]
async fn a_full_outbox_refuses_and_an_outage_ends() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    *log.then.lock().unwrap() = Fault::Before;
    let mut config = config(&dir.path().join("state"));
    config.outbox = OutboxLimits { records_max: 3, bytes_max: 1_000_000 };
    config.ack_wait = Duration::from_millis(30);
    let producer = open_with(config, Arc::<FaultyLog>::clone(&log), 1).await.unwrap();
    for n in 0..3 {
        let result = producer.submit(vec![(spec("a"), vec![draft(&n.to_string(), "text")])]).await;
        let Err(ProducerError::Unconfirmed { detail, .. }) = result else { panic!("{result:?}") };
        assert!(detail.contains("told to fail"), "{detail}");
    }
    let result = producer.submit(vec![(spec("a"), vec![draft("3", "text")])]).await;
    assert!(matches!(result, Err(ProducerError::Busy { records: 3, .. })), "{result:?}");
    assert_eq!(producer.status().records, 3);
    *log.then.lock().unwrap() = Fault::None;
    producer.close(Duration::from_secs(5)).await;
    let history = History::read(log.as_ref()).await;
    assert_eq!(history.ids("test/a"), ["0", "1", "2"], "what was refused was not signed, the rest was sent in order");
}

#[tokio::test]
async fn a_stream_keeps_its_partition_key() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let producer = open(&dir.path().join("state"), Arc::<FaultyLog>::clone(&log), 1).await;
    producer.submit(vec![(spec("a"), vec![draft("1", "text")])]).await.unwrap();
    let mut moved = spec("a");
    moved.partition_key = "other".to_owned();
    // The whole call is refused: nothing of it was signed, in either stream, and nothing may refer to its contents.
    let long = "l".repeat(500);
    let groups = vec![(spec("b"), vec![draft("2", &long)]), (moved, vec![draft("3", "text")])];
    let result = producer.submit(groups).await;
    assert!(matches!(result, Err(ProducerError::PartitionKey { .. })), "{result:?}");
    producer.submit(vec![(spec("b"), vec![draft("5", &long)])]).await.unwrap();
    let mut nameless = spec("a");
    nameless.name = "a name with spaces".to_owned();
    let result = producer.submit(vec![(nameless, vec![draft("4", "text")])]).await;
    assert!(matches!(result, Err(ProducerError::Stream { .. })), "{result:?}");
    producer.close(Duration::from_secs(1)).await;
    let history = History::read(log.as_ref()).await;
    assert_eq!((history.ids("test/a"), history.ids("test/b")), (vec!["1".to_owned()], vec!["5".to_owned()]));
}

#[tokio::test]
async fn the_ledger_skips_what_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let log = Arc::new(FaultyLog::new(&[]));
    let send = async |seed, drafts: Vec<Draft>| {
        let producer = open(&state, Arc::<FaultyLog>::clone(&log), seed).await;
        let staged = producer.stage(Arc::new(vec![(spec("a"), drafts)]), Repeats::Skip).await.unwrap();
        let outcomes = staged.wait().await.unwrap();
        producer.close(Duration::from_secs(1)).await;
        outcomes.into_iter().flatten().map(|o| matches!(o, Outcome::Acknowledged(_))).collect::<Vec<_>>()
    };
    let mut moved = draft("1", "text");
    moved.origin = Some("elsewhere:7".to_owned());
    assert_eq!(send(1, vec![draft("1", "text"), draft("1", "text"), draft("", "bad")]).await, [true, false, false]);
    assert_eq!(send(2, vec![draft("1", "text"), draft("2", "text"), moved]).await, [false, true, false]);
    // What was refused is not in the ledger: under a higher limit it is sent.
    let mut strict = config(&state);
    strict.content_bytes_max = 4;
    let producer = open_with(strict, Arc::<FaultyLog>::clone(&log), 4).await.unwrap();
    let staged = producer.stage(Arc::new(vec![(spec("a"), vec![draft("3", "longer")])]), Repeats::Skip).await.unwrap();
    assert_eq!((staged.signed(), staged.refused().count()), (0, 1));
    producer.close(Duration::from_secs(1)).await;
    assert_eq!(send(5, vec![draft("3", "longer")]).await, [true]);
    // Other bytes under the same id are another record, which the store keeps beside the first.
    assert_eq!(send(3, vec![draft("1", "rewritten")]).await, [true]);
    assert_eq!(History::read(log.as_ref()).await.ids("test/a"), ["1", "2", "3", "1"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn batches_keep_their_limits(
        sizes in prop::collection::vec(prop_oneof![4 => 0usize..3_000, 1 => 0usize..1_200_000], 1..60),
        events_max in 1usize..70,
        bytes_max in prop_oneof![1usize..20_000, Just(BATCH_BYTES_MAX)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let log = Arc::new(FaultyLog::new(&[]));
            let mut config = config(&dir.path().join("state"));
            config.batch = BatchLimits { events_max, bytes_max };
            let producer = open_with(config, Arc::<FaultyLog>::clone(&log), 1).await.unwrap();
            let drafts: Vec<Draft> = sizes
                .iter()
                .enumerate()
                .map(|(n, size)| draft(&format!("e{n}"), &format!("{n} {}", "c".repeat(*size))))
                .collect();
            let ids: Vec<String> = drafts.iter().map(|d| d.id.clone()).collect();
            producer.submit(vec![(spec("a"), drafts)]).await.unwrap();
            let history = History::read(log.as_ref()).await;
            assert_eq!(history.ids("test/a"), ids);
            assert!(history.batch_events.iter().all(|n| *n <= events_max));
            assert!(history.record_bytes.iter().all(|bytes| *bytes <= LOG_RECORD_BYTES_MAX));
            producer.close(Duration::ZERO).await;
        });
    }
}

#[test]
fn key_files_are_private_final_and_readable_by_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    key_file::write(&path, &key()).unwrap();
    assert_eq!(key_file::read(&path).unwrap().to_bytes(), key().to_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let error = key_file::write(&path, &key()).unwrap_err();
    assert!(error.to_string().contains("is not overwritten"), "{error}");
    std::fs::write(dir.path().join("bad"), "not a key").unwrap();
    let error = key_file::read(&dir.path().join("bad")).unwrap_err();
    assert!(error.to_string().contains("openssl genpkey"), "{error}");
    let openssl =
        std::process::Command::new("openssl").args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(&path).output();
    // The suite names openssl among what it needs; a machine without it fails here and says so.
    let output = openssl.expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.ends_with(key().verifying_key().as_bytes()));
    let made = dir.path().join("made.pem");
    let status = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&made)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(key_file::read(&made).unwrap().verifying_key().as_bytes().len(), 32);
}

#[tokio::test]
async fn settings_out_of_range_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir.path().join("state"));
    config.batch.events_max = 0;
    let log = Arc::new(FaultyLog::new(&[]));
    let error = ingest::producer::Producer::open(config, key(), log, Seeded::env(1)).await.unwrap_err();
    assert!(error.to_string().contains("batch.events_max: expected 1 to 4096, found 0"), "{error}");
}
