//! What the store takes on disk, beside `zstd -3` of one file of the same events as NDJSON in log order.
//!
//! Guarantee: both sides hold every header, content, salt, signature and checkpoint. The NDJSON is made again from the
//! plan, which gives the same bytes as the log has, and is compressed as the command `zstd -3` would, in one frame.

use crate::bed::Bed;
use crate::error::{Doing, Error, Result};
use crate::generator::Generator;
use crate::machine::folder_bytes;
use crate::ndjson;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc;
use store::snapshot::Snapshot;

/// Level of the yardstick.
const LEVEL: i32 = 3;
/// Rounds that wait to be compressed.
const QUEUE: usize = 4;

/// Sizes in bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Size {
    /// Live Parquet files.
    pub parquet: u64,
    /// Number of live Parquet files.
    pub files: usize,
    /// Trees: tiles and checkpoints.
    pub tiles: u64,
    /// The Delta log.
    pub delta_log: u64,
    /// The NDJSON.
    pub ndjson: u64,
    /// The NDJSON after `zstd -3`.
    pub ndjson_zstd: u64,
}

impl Size {
    /// Parquet, tiles and Delta log over the yardstick.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        (self.parquet + self.tiles + self.delta_log) as f64 / self.ndjson_zstd.max(1) as f64
    }
}

/// Measures a bed whose log was compacted.
///
/// # Errors
/// When the store or the generator fails.
pub async fn run(dir: &Path) -> Result<Size> {
    let bed = Bed::open(dir)?;
    let snapshot = Snapshot::load(&bed.storage()?, None).await.doing("reading the table")?;
    let (ndjson, ndjson_zstd) = yardstick(&bed)?;
    Ok(Size {
        parquet: snapshot.files.iter().map(|f| f.size).sum(),
        files: snapshot.files.len(),
        tiles: folder_bytes(&bed.store_dir().join("tlog")),
        delta_log: folder_bytes(&bed.store_dir().join(store::layout::TABLE).join("_delta_log")),
        ndjson,
        ndjson_zstd,
    })
}

/// Bytes of the NDJSON, before and after compression.
fn yardstick(bed: &Bed) -> Result<(u64, u64)> {
    let (sender, texts) = mpsc::sync_channel::<Vec<u8>>(QUEUE);
    std::thread::scope(|scope| {
        let compressing = scope.spawn(move || compress(texts));
        let mut generator = Generator::new(bed.note.plan)?;
        loop {
            let round = generator.round()?;
            if round.is_empty() {
                break;
            }
            let mut text = Vec::new();
            round.iter().for_each(|batch| ndjson::lines(batch, &mut text));
            sender.send(text).doing("compressing NDJSON")?;
        }
        drop(sender);
        let done = compressing.join().map_err(|_| Error::new("compressing NDJSON", "the thread ended early"))?;
        done.doing("compressing NDJSON")
    })
}

fn compress(texts: mpsc::Receiver<Vec<u8>>) -> io::Result<(u64, u64)> {
    let mut encoder = zstd::Encoder::new(Count(0), LEVEL)?;
    let mut bytes = 0;
    for text in texts {
        bytes += text.len() as u64;
        encoder.write_all(&text)?;
    }
    Ok((bytes, encoder.finish()?.0))
}

/// Counts what is written to it.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
