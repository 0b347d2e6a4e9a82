//! `GET /v1/tail`: events as they are committed, as server-sent events.
//!
//! Guarantee: an `id` is a position, and everything before it was sent: it stands alone at the beginning (a block
//! without data, which says where the stream begins), and then on the last event of each step only. So a client that
//! was cut off, in the middle of a step too, misses nothing when it comes back with `Last-Event-ID` (it may see some
//! events again, and knows them by their ids). At most [`TAILS_MAX`] clients listen at a time. A query that fails ends
//! the stream with an `error` event.

use crate::error::QueryError;
use crate::http::problem::Problem;
use crate::service::QueryService;
use crate::tail::Position;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::IntoParams;

/// Clients that may listen at a time.
pub(super) const TAILS_MAX: usize = 64;
/// Between two looks for new events.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A position before everything.
const BEGINNING: &str = "0:0";

/// What to listen to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TailArgs {
    /// SQL condition on the columns of `events`.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// Where to begin: a position that an earlier `id` gave; the end when absent.
    after: Option<String>,
}

struct Listener {
    service: QueryService,
    filter: Option<String>,
    position: Position,
    waiting: VecDeque<String>,
    /// Whether the client knows where the stream begins.
    begun: bool,
    failed: bool,
    _slot: OwnedSemaphorePermit,
}

#[utoipa::path(get, path = "/v1/tail", tag = "query", params(TailArgs), responses(
    (status = 200, description = "Server-sent events: one `data` line of JSON an event; `id`, first without data and then on the last event of a step, the position after everything sent so far", content_type = "text/event-stream"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn tail(
    State((service, slots)): State<(QueryService, Arc<Semaphore>)>,
    headers: HeaderMap,
    args: Result<Query<TailArgs>, axum::extract::rejection::QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(args) = args?;
    let slot = slots.try_acquire_owned().map_err(|_| {
        let detail = format!("{TAILS_MAX} clients listen already; try again later");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many listeners", detail)
    })?;
    let engine = service.engine().await?;
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned).or(args.after);
    let position = match resumed {
        Some(text) => text.parse()?,
        None => Position::end(&engine, 0),
    };
    // A filter that is none is refused now, with words, and not later in the stream.
    let _ = engine.tail(&Position::end(&engine, 1), args.filter.as_deref()).await?;
    let listener = Listener {
        service,
        filter: args.filter,
        position,
        waiting: VecDeque::new(),
        begun: false,
        failed: false,
        _slot: slot,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((event, listener))
    });
    Ok(Sse::new(events.map(Ok)).keep_alive(KeepAlive::default()))
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        if self.failed {
            return None;
        }
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Event::default().id(self.id()));
        }
        loop {
            if let Some(line) = self.waiting.pop_front() {
                let event = Event::default().data(line);
                // The position is that after the whole step: true only when its last event is sent.
                let last = self.waiting.is_empty();
                return Some(if last { event.id(self.id()) } else { event });
            }
            match self.look().await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(LOOK_EVERY).await,
                Err(e) => {
                    self.failed = true;
                    return Some(Event::default().event("error").data(e.to_string()));
                }
            }
        }
    }

    /// The position as an id, which must not be empty: clients keep no empty one.
    fn id(&self) -> String {
        let text = self.position.to_string();
        if text.is_empty() { BEGINNING.to_owned() } else { text }
    }

    /// One step; false when there was nothing to look at.
    async fn look(&mut self) -> Result<bool, QueryError> {
        let engine = self.service.engine().await?;
        if !self.position.is_behind(&engine) {
            return Ok(false);
        }
        let (lines, next) = engine.tail(&self.position, self.filter.as_deref()).await?;
        self.waiting.extend(lines);
        self.position = next;
        Ok(true)
    }
}
