//! The benchmarks in tiny, so that none rots: every step runs once, and the digest of what was generated is printed.

use benches::generator::{self, Plan};
use benches::measured::{RATIO_ALONE, RATIO_JOINED};
use benches::rng::Rng;
use benches::words::{Memory, Words};
use benches::{bed, compaction, limits, ndjson, size, verification};
use schemas::check::check_batch;
use schemas::record::{Body, LogRecord};
use std::time::Duration;

const TINY: Plan = Plan { seed: 1, events: 2_000, batch: 256, lanes: 6 };

fn compressed(text: &[u8]) -> usize {
    zstd::bulk::compress(text, 3).expect("zstd compresses").len()
}

#[test]
fn events_are_the_same_each_time_and_pass_every_check() {
    let (mut checked, mut lines) = (0, Vec::new());
    let made = generator::run(TINY, |record| {
        let Ok(Body::Batch(batch)) = LogRecord::parse(&record.value) else { unreachable!("a batch was encoded") };
        let key = schemas::check::signer_key(&batch).expect("the signer is a key");
        let good = check_batch(&batch, &key).expect("the batch passes");
        checked += good.events.iter().filter(|e| e.parsed.is_ok()).count();
        ndjson::lines(&batch, &mut lines);
        Ok(())
    })
    .expect("the plan is made");
    println!("{} events of {:.0} bytes, digest {}", made.events, made.event_bytes_mean(), made.digest);
    assert_eq!((made.events, checked as u64), (2_000, 2_000));
    assert_eq!(generator::run(TINY, |_| Ok(())).expect("the plan is made again"), made);
    assert!((900.0..1_150.0).contains(&made.event_bytes_mean()), "about 1 KiB, found {}", made.event_bytes_mean());
    let lines: Vec<&[u8]> = lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()).collect();
    assert_eq!(lines.len() as u64, made.events + made.records);
    assert!(lines.iter().all(|l| serde_json::from_slice::<serde_json::Value>(l).is_ok()));
}

#[test]
fn text_compresses_like_the_real_one() {
    let (words, mut rng) = (Words::new(7), Rng::new(7, "test"));
    let (mut joined, mut alone, mut bytes) = (Vec::new(), 0, 0);
    for _session in 0..40 {
        let mut memory = Memory::default();
        for _record in 0..120 {
            // As the short records of Claude Code sessions: 499 bytes on average.
            let size = 60 + rng.below(880);
            let text = words.text(&mut rng, &mut memory, size);
            alone += compressed(text.as_bytes());
            bytes += text.len();
            joined.extend_from_slice(text.as_bytes());
            joined.push(b'\n');
        }
    }
    let ratios = (joined.len() as f64 / compressed(&joined) as f64, bytes as f64 / alone as f64);
    println!("joined {:.2}, alone {:.2}", ratios.0, ratios.1);
    assert!((ratios.0 / RATIO_JOINED - 1.0).abs() < 0.08, "joined: {RATIO_JOINED} was measured, found {}", ratios.0);
    assert!((ratios.1 / RATIO_ALONE - 1.0).abs() < 0.08, "alone: {RATIO_ALONE} was measured, found {}", ratios.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filled_log_is_compacted_and_measured() {
    for batch in [256, 1] {
        let dir = tempfile::tempdir().expect("a folder");
        let plan = Plan { batch, events: if batch == 1 { 300 } else { TINY.events }, ..TINY };
        let bed = bed::Bed::fill(dir.path(), plan, None).await.expect("the log is filled");
        let done = compaction::run(dir.path()).await.expect("everything is committed");
        assert_eq!(done.events, bed.note.made.events);
        assert!(done.usage.peak_mib > 1.0 && done.rate() > 0.0);
        let verified = verification::run(dir.path()).await.expect("the store is clean");
        assert_eq!(verified.events, bed.note.made.events);
        let size = size::run(dir.path()).await.expect("the store is measured");
        assert!(size.parquet > 0 && size.tiles > 0 && size.delta_log > 0 && size.ndjson > size.ndjson_zstd);
        println!("batches of {batch}: {size:?}");
    }
}

#[test]
fn limits_are_positive() {
    let dir = tempfile::tempdir().expect("a folder");
    let l = limits::measure(dir.path(), 1, limits::Time(Duration::from_millis(20))).expect("limits are measured");
    assert!(
        [l.verify_strict, l.blake3_gb, l.sha256_nodes, l.headers, l.zstd_mb, l.fsyncs, l.disk_mb]
            .iter()
            .all(|n| *n > 0.0)
    );
}
