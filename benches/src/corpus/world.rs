//! A world: eight agents with many sessions at a time, shared memory, and what is planted among them.
//!
//! Guarantee: makes exactly its share of the events; whatever is begun is ended, so that the notes are exact. Sessions that
//! are open, writes that may be read, and samples are bounded by the constants below.

use super::case::{self, READS, Shelved, WRITER_ACTS};
use super::hub::HubPlan;
use super::manifest::{Decision, Hub, Long, Notes};
use super::ordinary::Ordinary;
use super::plants::Plants;
use super::plot::{Plot, Purpose};
use super::pool::Pool;
use super::stream::Spoken;
use super::voice::Voice;
use super::{AGENTS, CorpusPlan, WORLDS};
use crate::error::Result;
use crate::rng::Rng;
use schemas::record::SignedBatch;

/// Ordinary sessions that are open at a time.
const OPEN_SESSIONS: usize = 16;
/// One of so many sessions is followed by a case.
const CASE_EVERY: u64 = 12;
/// Writes that later cases may read; when there are more, a random one goes.
const SHELF_MAX: usize = 4_096;
/// Writes before the first case.
const SHELF_MIN: usize = 2 * READS;
/// Decisions and ids that one world keeps as samples.
const SAMPLES: (usize, usize) = (125, 250);
/// Events of the long session, in a world that has room for it, else a share of the world's.
const LONG: (u64, f64) = (100_000, 0.3);
/// Where in its world a hub begins, and over which part it spreads.
const HUB_SPAN: (f64, f64) = (0.05, 0.8);

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    number: usize,
    total: u64,
    rng: Rng,
    pool: Pool,
    voice: Voice,
    sessions: Vec<Ordinary>,
    plots: Vec<Plot>,
    long: Option<Ordinary>,
    hub: HubPlan,
    /// What sessions of the hub wrote, by their number.
    poisoned: Vec<Option<Shelved>>,
    hub_begun: usize,
    /// Acts of the hub's sessions that were not begun.
    hub_left: u64,
    shelf: Vec<Shelved>,
    writers: u64,
    cases: u64,
    sessions_to_case: u64,
    notes: Notes,
}

impl World {
    pub(super) fn new(plan: CorpusPlan, number: usize, pool: &Pool, phrases: &[String]) -> Result<Self> {
        let n = WORLDS as u64;
        let total = plan.events / n + u64::from((number as u64) < plan.events % n);
        let mut rng = Rng::new(plan.seed, &format!("world {number}"));
        let hub = HubPlan::new(total);
        let fits = LONG.0 + hub.acts() + LONG.0 / 20 < total;
        let events = if fits { LONG.0 } else { (total as f64 * LONG.1) as u64 };
        let long = (number == 0).then(|| Ordinary::of_length(&mut rng, pool, 0, events));
        let notes = Notes {
            long: long.as_ref().map(|long| Long { session: long.seat.session.clone(), events }),
            sessions: u64::from(long.is_some()),
            ..Notes::default()
        };
        Ok(Self {
            number,
            total,
            rng,
            pool: pool.clone(),
            voice: Voice::new(plan, number, pool.clone(), Plants::new(number, total, phrases))?,
            sessions: Vec::new(),
            plots: Vec::new(),
            long,
            hub,
            poisoned: vec![None; hub.sessions + 1],
            hub_begun: 0,
            hub_left: hub.acts(),
            shelf: Vec::new(),
            writers: 0,
            cases: 0,
            sessions_to_case: CASE_EVERY,
            notes,
        })
    }

    /// Whether all its events were made.
    pub(super) fn is_done(&self) -> bool {
        self.voice.said >= self.total
    }

    /// What the manifest says of it.
    pub(super) fn into_notes(self) -> Notes {
        let silent = self.sessions.iter().filter(|session| session.is_silent()).count() as u64;
        let sessions = self.notes.sessions - silent;
        Notes { sessions, words: self.voice.into_plants().words(), ..self.notes }
    }

    /// The batches that the next `events` events fill.
    pub(super) fn round(&mut self, events: u64) -> Result<Vec<SignedBatch>> {
        let until = (self.voice.said + events).min(self.total);
        while self.voice.said < until {
            self.step()?;
        }
        if self.is_done() {
            self.voice.flush()?;
        }
        Ok(std::mem::take(&mut self.voice.out))
    }

    /// One event.
    fn step(&mut self) -> Result<()> {
        let left = self.total - self.voice.said;
        let owed = self.owed();
        self.begin_poison(left <= owed);
        if left > owed {
            self.begin_others(left - owed);
        }
        let long_left = self.long.as_ref().map_or(0, |long| long.left);
        let free = left > self.owed();
        // Open plots are said as often as open sessions, so that all of them interleave.
        let open = self.plots.len() + if free { self.sessions.len() } else { 0 };
        if long_left > 0 && (open == 0 || self.rng.chance(long_left as f64 / left as f64)) {
            return self.say_long();
        }
        let place = self.rng.below(open.max(1));
        match place.checked_sub(self.plots.len()) {
            None => self.say_plot(place),
            Some(place) => self.say_session(place),
        }
    }

    /// Events that are promised already.
    fn owed(&self) -> u64 {
        let plots: u64 = self.plots.iter().map(Plot::left).sum();
        plots + self.hub_left + self.long.as_ref().map_or(0, |long| long.left)
    }

    /// Begins the hub's next session when it is due, or when nothing else may be begun.
    fn begin_poison(&mut self, now: bool) {
        if self.hub_begun > self.hub.sessions || (now && !self.plots.is_empty()) {
            return;
        }
        let share = self.hub_begun as f64 / (self.hub.sessions + 1) as f64;
        let due = (HUB_SPAN.0 + share * HUB_SPAN.1) * self.total as f64;
        if !now && (self.voice.said as f64) < due {
            return;
        }
        let plot = match self.hub_begun {
            0 => HubPlan::root(&mut self.rng, &self.pool, self.number),
            n => match &self.poisoned[HubPlan::parent(n)] {
                Some(from) => self.hub.victim(&mut self.rng, &self.pool, self.number, n, from),
                None => return,
            },
        };
        self.hub_begun += 1;
        self.hub_left -= plot.left();
        self.begin(plot);
    }

    fn begin(&mut self, plot: Plot) {
        self.notes.sessions += plot.seats.len() as u64;
        self.plots.push(plot);
    }

    /// Begins ordinary sessions, writers and cases as far as there is room for `room` more events.
    fn begin_others(&mut self, mut room: u64) {
        let writing = |plot: &&Plot| matches!(plot.purpose, Purpose::Writer { .. });
        let missing = SHELF_MIN.saturating_sub(self.shelf.len() + self.plots.iter().filter(writing).count());
        for _ in 0..missing.min((room / WRITER_ACTS) as usize) {
            self.begin_writer();
            room -= WRITER_ACTS;
        }
        if self.sessions_to_case == 0 && self.shelf.len() >= SHELF_MIN {
            let chosen = self.choose();
            let plot = case::case(&mut self.rng, &self.pool, self.number, self.cases, &chosen);
            if plot.left() + 2 * WRITER_ACTS <= room {
                self.cases += 1;
                self.sessions_to_case = CASE_EVERY;
                self.begin(plot);
                self.begin_writer();
                self.begin_writer();
                return;
            }
        }
        while self.sessions.len() < OPEN_SESSIONS {
            let agent = self.rng.below(AGENTS);
            self.sessions.push(Ordinary::new(&mut self.rng, &self.pool, agent));
            self.notes.sessions += 1;
            self.sessions_to_case = self.sessions_to_case.saturating_sub(1);
        }
    }

    fn begin_writer(&mut self) {
        let key = format!("facts/{}/{}", self.number, self.writers);
        self.writers += 1;
        let plot = case::writer(&mut self.rng, &self.pool, self.number, key);
        self.begin(plot);
    }

    /// Different writes for a case to read.
    fn choose(&mut self) -> Vec<Shelved> {
        let mut places: Vec<usize> = Vec::with_capacity(READS);
        while places.len() < READS {
            let place = self.rng.below(self.shelf.len());
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.into_iter().map(|place| self.shelf[place].clone()).collect()
    }

    fn say_session(&mut self, place: usize) -> Result<()> {
        let session = &mut self.sessions[place];
        let mut speech = session.next(&mut self.rng);
        let (spoken, content) = self.voice.say(&mut self.rng, &mut session.seat, &mut speech)?;
        self.sample(&spoken);
        let session = &mut self.sessions[place];
        session.heard(&speech, spoken, content);
        if session.left == 0 {
            self.sessions.swap_remove(place);
        }
        Ok(())
    }

    fn say_long(&mut self) -> Result<()> {
        let Some(long) = self.long.as_mut() else { return Ok(()) };
        let mut speech = long.next(&mut self.rng);
        let (spoken, content) = self.voice.say(&mut self.rng, &mut long.seat, &mut speech)?;
        long.heard(&speech, spoken, content);
        Ok(())
    }

    fn say_plot(&mut self, place: usize) -> Result<()> {
        let plot = &mut self.plots[place];
        let Some((seat, mut speech)) = plot.next(&mut self.rng) else { return Ok(()) };
        let (spoken, _) = self.voice.say(&mut self.rng, &mut plot.seats[seat], &mut speech)?;
        plot.said.push(spoken);
        if plot.left() == 0 {
            let plot = self.plots.swap_remove(place);
            self.end(plot);
        }
        Ok(())
    }

    fn end(&mut self, plot: Plot) {
        let Some(last) = plot.said.last().cloned() else { return };
        match plot.purpose {
            Purpose::Writer { key } => {
                let written = Shelved { write: last, key };
                if self.shelf.len() < SHELF_MAX {
                    self.shelf.push(written);
                } else {
                    let place = self.rng.below(SHELF_MAX);
                    self.shelf[place] = written;
                }
            }
            Purpose::Poison { number, key } => {
                if number == 0 {
                    let (nodes, sessions) = (self.hub.nodes, self.hub.sessions as u64 + 1);
                    self.notes.hub = Some(Hub { id: last.id.clone(), key: key.clone(), nodes, sessions });
                }
                self.poisoned[number] = Some(Shelved { write: last, key });
            }
            Purpose::Case { subject, nodes } => {
                let session = plot.seats.first().map(|seat| seat.session.clone()).unwrap_or_default();
                let decision = Decision { id: last.id, subject, session, nodes };
                self.notes.decisions_made += 1;
                keep(&mut self.rng, &mut self.notes.decisions, SAMPLES.0, self.notes.decisions_made, decision);
            }
        }
    }

    fn sample(&mut self, spoken: &Spoken) {
        keep(&mut self.rng, &mut self.notes.ids, SAMPLES.1, self.voice.said, spoken.id.clone());
    }
}

/// Keeps an even sample of what came so far: the `number`-th comes in with probability `most / number`.
fn keep<T>(rng: &mut Rng, sample: &mut Vec<T>, most: usize, number: u64, item: T) {
    if sample.len() < most {
        sample.push(item);
        return;
    }
    let place = rng.below(number as usize);
    if let Some(kept) = sample.get_mut(place) {
        *kept = item;
    }
}
