//! Asks: one question in a fresh process, and many in a process that is warm.
//!
//! Guarantee: a time is that of an answer with the size that the corpus promises; the first wrong one is named. A kind is
//! given up after its time, and then says from how many answers its figures are.

use super::spread::Spread;
use super::target::{self, Kind, Target};
use crate::asks::{Asker, Found};
use crate::corpus::Manifest;
use crate::error::{Error, Result};
use crate::machine::{self, Usage};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, Instant};

/// Answers before the measured ones.
const WARM_UP: usize = 3;
/// Answers that are measured although the time is over.
const ASKED_MIN: usize = 3;
/// Events that one step towards the middle of a session skips.
const SKIP_EVENTS: usize = 10_000;

/// One question in a fresh process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Once {
    /// Milliseconds of opening table and engine.
    pub open_ms: f64,
    /// Milliseconds of the question.
    pub ask_ms: f64,
    /// What was wrong with the answer.
    pub wrong: Option<String>,
    /// Cost of the process.
    pub usage: Usage,
}

/// One kind in a warm process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Warm {
    /// The kind.
    pub kind: Kind,
    /// Times.
    pub spread: Spread,
    /// Different targets among the questions.
    pub targets: usize,
    /// What was wrong with the first wrong answer, or why none came.
    pub wrong: Option<String>,
    /// Peak memory of the process after it, in MiB.
    pub peak_mib: f64,
}

/// All kinds in a warm process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// By kind.
    pub kinds: Vec<Warm>,
    /// Cost of the process.
    pub usage: Usage,
}

/// The `number`-th question of a kind, in this process, which has asked nothing yet.
///
/// # Errors
/// When the corpus has no such question or the table cannot be opened.
pub async fn once(dir: &Path, kind: Kind, number: usize) -> Result<Once> {
    let manifest = Manifest::load(dir)?;
    let Some(target) = target::targets(&manifest, kind, number + 1).pop() else {
        return Err(Error::new("asking", format!("the corpus has nothing to ask for {}", kind.label())));
    };
    let after = match kind {
        // Where the middle lies is looked for by another process, so that this one stays cold.
        Kind::MiddlePage => middles(dir, &manifest).await?.get(number).cloned(),
        _ => None,
    };
    let opened = Instant::now();
    let asker = Asker::open(dir).await?;
    let open_ms = ms(opened);
    let asked = Instant::now();
    let found = ask(&asker, &target, after).await;
    let ask_ms = ms(asked);
    Ok(Once { open_ms, ask_ms, wrong: wrong(&target, &found), usage: machine::usage("self") })
}

/// Every kind in turn, each with up to `count` questions within `time`.
///
/// # Errors
/// When the table cannot be opened.
pub async fn warm(dir: &Path, kinds: &[Kind], count: usize, time: Duration) -> Result<Asked> {
    let manifest = Manifest::load(dir)?;
    let asker = Asker::open(dir).await?;
    let mut all = Vec::new();
    for kind in kinds {
        let targets = target::targets(&manifest, *kind, count + WARM_UP);
        let cursors = match kind {
            Kind::MiddlePage => cursors(&asker, &manifest).await?,
            _ => Vec::new(),
        };
        all.push(warm_kind(&asker, *kind, &targets, &cursors, time).await);
    }
    Ok(Asked { kinds: all, usage: machine::usage("self") })
}

async fn warm_kind(asker: &Asker, kind: Kind, targets: &[Target], cursors: &[String], time: Duration) -> Warm {
    let (mut times, mut first_wrong) = (Vec::new(), None);
    let began = Instant::now();
    for (number, target) in targets.iter().enumerate() {
        // A slow kind is not warmed up for longer than it is asked.
        let warming = number < WARM_UP && began.elapsed() < time / 4;
        if !warming && times.len() >= ASKED_MIN && began.elapsed() > time {
            break;
        }
        let after = cursors.get(number % cursors.len().max(1)).cloned();
        let asked = Instant::now();
        let found = ask(asker, target, after).await;
        if !warming {
            times.push(ms(asked));
        }
        first_wrong = first_wrong.or_else(|| wrong(target, &found));
        if found.is_err() {
            break;
        }
    }
    let mut different: Vec<&str> = targets.iter().take(times.len()).map(|t| t.what.as_str()).collect();
    different.sort_unstable();
    different.dedup();
    let targets = different.len().max(cursors.len());
    Warm { kind, spread: Spread::of(times), targets, wrong: first_wrong, peak_mib: machine::usage("self").peak_mib }
}

async fn ask(asker: &Asker, target: &Target, after: Option<String>) -> Result<Found> {
    match target.kind {
        Kind::Event => asker.event(&target.what).await,
        Kind::Why | Kind::WhySubject => asker.why(&target.what).await,
        Kind::BlastRadius => asker.blast_radius(&target.what).await,
        Kind::Rare | Kind::Medium | Kind::Common | Kind::Phrase => asker.full_text(&target.what).await,
        Kind::FirstPage | Kind::MiddlePage => asker.page(&target.what, after).await,
    }
}

/// What is wrong with an answer.
fn wrong(target: &Target, found: &Result<Found>) -> Option<String> {
    match found {
        Err(e) => Some(e.to_string()),
        Ok(found) if found.size != target.size || !found.whole => Some(format!(
            "{} {:?}: {} expected, found {}{}",
            target.kind.label(),
            target.what,
            target.size,
            found.size,
            if found.whole { "" } else { ", cut" }
        )),
        Ok(_) => None,
    }
}

/// Cursors in the middle of the long session, read page by page.
async fn cursors(asker: &Asker, manifest: &Manifest) -> Result<Vec<String>> {
    let session = &manifest.long.session;
    let step = SKIP_EVENTS.min((manifest.long.events / 12).max(1) as usize);
    let (mut cursors, mut after) = (Vec::new(), None);
    while let Some(next) = asker.skip(session, after.take(), step).await? {
        cursors.push(next.clone());
        after = Some(next);
    }
    // What is left behind the last ones may be less than a page.
    cursors.truncate(cursors.len().saturating_sub(1).max(1));
    Ok(cursors)
}

/// Name of the file that keeps the cursors for processes that are to be cold.
const CURSORS: &str = "cursors.json";

/// The kept cursors.
async fn middles(dir: &Path, manifest: &Manifest) -> Result<Vec<String>> {
    let known = std::fs::read_to_string(dir.join(CURSORS)).ok().and_then(|text| serde_json::from_str(&text).ok());
    match known {
        Some(known) => Ok(known),
        None => cursors(&Asker::open(dir).await?, manifest).await,
    }
}

/// Keeps the cursors of the long session beside the corpus; to be called before cold questions.
///
/// # Errors
/// When the session cannot be read or the file not be written.
pub async fn keep_cursors(dir: &Path) -> Result<()> {
    let cursors = cursors(&Asker::open(dir).await?, &Manifest::load(dir)?).await?;
    let text = serde_json::to_string(&cursors).map_err(|e| Error::new("keeping cursors", e))?;
    std::fs::write(dir.join(CURSORS), text).map_err(|e| Error::new("keeping cursors", e))
}

/// Drops the page cache of the machine; false where that is not allowed.
#[must_use]
pub fn drop_caches() -> bool {
    let synced = std::process::Command::new("sync").status().is_ok_and(|status| status.success());
    synced && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
