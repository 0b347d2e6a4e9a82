//! What the machine can do at most: the primitives that the spine is made of, on all cores, without the spine.
//!
//! Guarantee: measured in the same run as the figures, over inputs of the generator's sizes, for a fixed time each.

use crate::error::{Doing, Result};
use crate::generator::{Generator, Plan};
use crate::lane;
use crate::ndjson;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use schemas::header::Header;
use schemas::record::SignedBatch;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// What the limits are called in figures, with their values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Strict Ed25519 verifications per second, all cores, over texts as long as a checkpoint.
    pub verify_strict: f64,
    /// GB/s of BLAKE3 `derive_key` over headers, all cores.
    pub blake3_gb: f64,
    /// SHA-256 tree nodes per second (65 bytes), all cores.
    pub sha256_nodes: f64,
    /// Headers parsed and checked per second, all cores.
    pub headers: f64,
    /// MB/s of zstd at level 3 over NDJSON in blocks of 1 MiB, all cores.
    pub zstd_mb: f64,
    /// fsyncs per second after appending 4 KiB each, one thread.
    pub fsyncs: f64,
    /// MB/s of writing files of 8 MiB, each with its fsync, one thread.
    pub disk_mb: f64,
}

/// How long each is measured.
#[derive(Debug, Clone, Copy)]
pub struct Time(pub Duration);

/// Measures all of them; files are written into `dir` and removed.
///
/// # Errors
/// When the disk fails.
pub fn measure(dir: &Path, seed: u64, time: Time) -> Result<Limits> {
    let sample = sample(seed)?;
    Ok(Limits {
        verify_strict: verify_strict(seed, time),
        blake3_gb: blake3_gb(&sample, time),
        sha256_nodes: sha256_nodes(time),
        headers: headers(&sample, time),
        zstd_mb: zstd_mb(&sample, time),
        fsyncs: fsyncs(dir, time)?,
        disk_mb: disk_mb(dir, time)?,
    })
}

fn sample(seed: u64) -> Result<Vec<SignedBatch>> {
    Generator::new(Plan { seed, events: 4_096, batch: 256, lanes: 16 })?.round()
}

/// Runs `work(thread, turn)` on every core until the time is over; gives the sum of what it returns, per second.
fn per_second(time: Time, work: impl Fn(usize, usize) -> u64 + Sync) -> f64 {
    let started = Instant::now();
    let one = |thread: usize| {
        let (mut done, mut turn) = (0, 0);
        while started.elapsed() < time.0 {
            // The clock is read every 16 turns at most.
            for _ in 0..16 {
                done += work(thread, turn);
                turn += 1;
            }
        }
        done
    };
    let one = &one;
    let done: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..crate::machine::cores()).map(|n| scope.spawn(move || one(n))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or(0)).sum()
    });
    done as f64 / started.elapsed().as_secs_f64()
}

fn verify_strict(seed: u64, time: Time) -> f64 {
    let signed: Vec<(VerifyingKey, String, Signature)> = (0..64)
        .map(|n| {
            let key = lane::key(seed, n % lane::KEYS);
            let text = format!(
                "bench.example/claude-code-{n}\n{}\n{}\n",
                1_000_000 + n,
                schemas::tlog::EMPTY_ROOT.to_base64()
            );
            let signature = key.sign(text.as_bytes());
            (key.verifying_key(), text, signature)
        })
        .collect();
    per_second(time, |thread, turn| {
        let (key, text, signature) = &signed[(thread * 7 + turn) % signed.len()];
        u64::from(key.verify_strict(text.as_bytes(), signature).is_ok())
    })
}

fn all_headers(sample: &[SignedBatch]) -> Vec<&[u8]> {
    sample.iter().flat_map(|b| &b.events).map(|e| e.header.as_ref()).collect()
}

fn blake3_gb(sample: &[SignedBatch], time: Time) -> f64 {
    let headers = all_headers(sample);
    let bytes = per_second(time, |thread, turn| {
        let header = headers[(thread * 501 + turn) % headers.len()];
        black_box(schemas::digest::header_digest(header));
        header.len() as u64
    });
    bytes / 1e9
}

fn sha256_nodes(time: Time) -> f64 {
    let leaf = schemas::tlog::leaf_hash(b"limit");
    per_second(time, |_, _| {
        black_box(schemas::tlog::node_hash(black_box(&leaf), &leaf));
        1
    })
}

fn headers(sample: &[SignedBatch], time: Time) -> f64 {
    let headers = all_headers(sample);
    per_second(time, |thread, turn| u64::from(Header::parse(headers[(thread * 501 + turn) % headers.len()]).is_ok()))
}

fn zstd_mb(sample: &[SignedBatch], time: Time) -> f64 {
    let mut text = Vec::new();
    sample.iter().for_each(|batch| ndjson::lines(batch, &mut text));
    let blocks: Vec<&[u8]> = text.chunks(1_048_576).collect();
    let bytes = per_second(time, |thread, turn| {
        let block = blocks[(thread + turn) % blocks.len()];
        black_box(zstd::bulk::compress(block, 3)).map_or(0, |_| block.len() as u64)
    });
    bytes / 1e6
}

fn fsyncs(dir: &Path, time: Time) -> Result<f64> {
    let path = dir.join("limit.fsync");
    let mut file = File::create(&path).doing("measuring fsync")?;
    let (started, mut done) = (Instant::now(), 0_u32);
    while started.elapsed() < time.0 {
        file.write_all(&[7; 4_096]).and_then(|()| file.sync_data()).doing("measuring fsync")?;
        done += 1;
    }
    let rate = f64::from(done) / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path).doing("measuring fsync")?;
    Ok(rate)
}

fn disk_mb(dir: &Path, time: Time) -> Result<f64> {
    let block: Vec<u8> = (0..8_388_608_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let path = dir.join("limit.disk");
    let (started, mut done) = (Instant::now(), 0.0);
    while started.elapsed() < time.0 {
        let mut file = File::create(&path).doing("measuring the disk")?;
        file.write_all(&block).and_then(|()| file.sync_all()).doing("measuring the disk")?;
        done += block.len() as f64;
    }
    let rate = done / started.elapsed().as_secs_f64() / 1e6;
    std::fs::remove_file(&path).doing("measuring the disk")?;
    Ok(rate)
}
