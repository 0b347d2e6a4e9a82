//! From arguments to a recorded world: the run's events, the plan, the live endpoint.
//!
//! Guarantee: a changed input may stand in another session than the run; the run's own answers cannot be changed.

use super::super::Context;
use super::super::state::point::Past;
use super::live::Endpoint;
use crate::args::ReplayPlanArgs;
use crate::failure::{Doing, Failure, Result};
use replay::serve::{Change, Limits, Live, Miss, Plan, RecordedEvent, Recording, Replay, Sink};
use std::sync::Arc;

/// What a stub says when nothing else was asked for.
const STUB: &str = "(this answer was not recorded)";

/// A run that can be served again.
pub(super) struct World {
    /// Its session.
    pub(super) session: String,
    /// Its task, so that replays are compared with it.
    pub(super) task: Option<String>,
    /// Its agent.
    pub(super) agent: Option<String>,
    events: Vec<RecordedEvent>,
    plan: Plan,
    live: Option<Arc<dyn Live>>,
}

impl World {
    /// Reads the run.
    pub(super) async fn open(context: Context<'_>, args: &ReplayPlanArgs) -> Result<Self> {
        let past = Past::open(context).await?;
        let session = past.session(&args.of.run).await?;
        Self::of(&past, &session, args).await
    }

    /// Reads the run of a session.
    pub(super) async fn of(past: &Past<'_>, session: &str, args: &ReplayPlanArgs) -> Result<Self> {
        let asked = past.point(&args.of.at).await?;
        let events = past.source.recorded(session, &asked.point).await?;
        let first = match events.first() {
            Some(event) => Some(past.source.event(&event.id).await?),
            None => None,
        };
        let live: Option<Arc<dyn Live>> = match &args.live {
            Some(url) => Some(Arc::new(Endpoint::new(url, key(args)?)?)),
            None => None,
        };
        let plan = Plan {
            miss: miss(&args.miss)?,
            tool_miss: Miss::Stop,
            accept_settings: args.accept_settings,
            accept_nearest: args.accept_nearest,
            fork_at: args.fork_at,
            change: change(past, args, &events).await?,
        };
        let agent = events.iter().find_map(|event| event.agent.clone());
        let task = first.and_then(|event| event.task.map(String::from));
        Ok(Self { session: session.to_owned(), task, agent, events, plan, live })
    }

    /// Id of the run's first event.
    pub(super) fn first(&self) -> Option<&str> {
        self.events.first().map(|event| event.id.as_str())
    }

    /// Id of the event whose input is changed.
    pub(super) fn changed(&self) -> Option<&str> {
        self.plan.change.as_ref().map(|change| change.event.as_str())
    }

    /// A fresh replay; `with_change` leaves the change out or in.
    pub(super) fn replay(&self, sink: Arc<dyn Sink>, with_change: bool) -> Result<Replay> {
        let recording = Recording::build(&self.events)?;
        let mut plan = self.plan.clone();
        plan.change = plan.change.filter(|_| with_change);
        let live = self.live.as_ref().map(Arc::clone);
        let asked = Replay::new(recording, plan, live, sink, Limits::default());
        asked.map_err(|e| Failure::from(e).hint("--live URL names the endpoint, --live-key the file with its key"))
    }
}

fn key(args: &ReplayPlanArgs) -> Result<Option<String>> {
    let Some(file) = &args.live_key else { return Ok(None) };
    let text = std::fs::read_to_string(file).doing(format!("reading {}", file.display()))?;
    Ok(Some(text.trim().to_owned()))
}

fn miss(text: &str) -> Result<Miss> {
    match text.split_once('=').unwrap_or((text, STUB)) {
        ("stop", _) => Ok(Miss::Stop),
        ("live", _) => Ok(Miss::Live),
        ("stub", words) => Ok(Miss::Stub(words.to_owned())),
        _ => Err(Failure::new(format!("--miss {text:?} is not known")).hint("choose stop, stub, stub=TEXT or live")),
    }
}

async fn change(past: &Past<'_>, args: &ReplayPlanArgs, events: &[RecordedEvent]) -> Result<Option<Change>> {
    if let Some(reference) = &args.without {
        let (id, all) = with_event(past, reference, events).await?;
        return Ok(Some(Change::without(&all, &id)?));
    }
    let Some(set) = &args.set else { return Ok(None) };
    let parts = set.split_once('=').and_then(|(left, file)| Some((left.rsplit_once(':')?, file)));
    let Some(((reference, content), file)) = parts else {
        return Err(Failure::new(format!("--set {set:?} is not EVENT:CONTENT=FILE")));
    };
    let (id, all) = with_event(past, reference, events).await?;
    let bytes = std::fs::read(file).doing(format!("reading {file}"))?;
    Ok(Some(Change::set(&all, &id, content, &bytes)?))
}

/// The event that a reference names, and the run's events with it.
async fn with_event(
    past: &Past<'_>,
    reference: &str,
    events: &[RecordedEvent],
) -> Result<(String, Vec<RecordedEvent>)> {
    let id = past.engine.resolve(reference).await?;
    let mut all = events.to_vec();
    if !all.iter().any(|event| event.id == id) {
        all.push(past.source.recorded_event(&id).await?);
    }
    Ok((id, all))
}
