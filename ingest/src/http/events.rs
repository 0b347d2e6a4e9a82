//! `POST /v1/events`: unsigned events in, receipts out.
//!
//! Guarantee: all events of a request are checked before any is signed; those that are new are signed in one
//! transaction; the answer waits for the log. A client that goes away changes nothing: what was signed is sent, and the
//! same ids sent again get the same receipts.

use super::recent::{Claim, Conflict, Identity, Recent, Slot};
use super::wire::{EventReceipt, EventsAnswer};
use super::{Problem, ProblemDetails, Receiver, body, lane_of};
use crate::import::json_event;
use crate::producer::batching::{Enqueued, LaneDrafts, LaneOutcomes};
use crate::producer::{Outcome, ProducerError, validate};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use schemas::digest::fields_digest;
use schemas::draft::Draft;
use std::sync::{Arc, MutexGuard, PoisonError};

/// Context of the keys of the cache of recent ids; private to this process.
const IDENTITY_CONTEXT: &str = "hansard 2026-11 gateway identity v1";
const MEDIA_TYPES: &str =
    "application/json, application/cloudevents+json, application/cloudevents-batch+json, application/x-ndjson";

/// Records events. Missing ids are made (UUIDv7); a missing time stays missing. A repeated (source, id) gets its first
/// receipt. The answer is given after the log has the events durably.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "ingest",
    request_body(
        description = "One event (CloudEvents 1.0 JSON), an array, or one event per line",
        content(
            (serde_json::Value = "application/json"),
            (serde_json::Value = "application/cloudevents+json"),
            (Vec<serde_json::Value> = "application/cloudevents-batch+json"),
            (String = "application/x-ndjson")
        )
    ),
    responses(
        (status = 200, description = "The log has all events", body = EventsAnswer),
        (status = 400, description = "An event is not valid; none was taken", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "An id was used for another event", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "Body, event or content too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Another media type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Queue full; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Log unavailable; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn post_events(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<EventsAnswer>, Problem> {
    receiver.check_ready()?;
    let media_type = body::media_type(&headers, MEDIA_TYPES)?;
    let bytes = body::read(&receiver, &headers, body).await?;
    let reading = Arc::clone(&receiver);
    let events = tokio::task::spawn_blocking(move || read_events(&reading, &media_type, &bytes))
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable("the request could not be read; send it again")))?;
    let ids: Vec<String> = events.iter().map(|e| e.draft.id.clone()).collect();
    let slots = take(&receiver, events)?;
    let wait = receiver.limits.ack_wait;
    let receipts = tokio::time::timeout(wait, collect(&receiver, slots))
        .await
        .unwrap_or_else(|_| Err(failed(&receiver, &receiver.producer().unconfirmed(wait))))
        .map_err(|problem| problem.ids(ids))?;
    Ok(Json(EventsAnswer { durability: receiver.log.durability().text, events: receipts }))
}

struct Incoming {
    draft: Draft,
    lane: usize,
    identity: Identity,
}

/// Parses and checks everything that the body holds.
fn read_events(receiver: &Receiver, media_type: &str, bytes: &Bytes) -> Result<Vec<Incoming>, Problem> {
    let texts = split(media_type, bytes)?;
    if texts.is_empty() {
        return Err(Problem::invalid("the body holds no event: send at least one".to_owned()));
    }
    if texts.len() > receiver.limits.events_max {
        return Err(Problem::too_large("events", receiver.limits.events_max));
    }
    let read = |(index, text): (usize, &[u8])| read_event(receiver, text).map_err(|problem| problem.at(index));
    texts.into_iter().enumerate().map(read).collect()
}

fn split<'b>(media_type: &str, bytes: &'b Bytes) -> Result<Vec<&'b [u8]>, Problem> {
    if media_type == "application/x-ndjson" {
        return Ok(bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect());
    }
    let is_array = bytes.trim_ascii_start().first() == Some(&b'[');
    let wanted = match media_type {
        "application/cloudevents+json" => Some(false),
        "application/cloudevents-batch+json" => Some(true),
        _ => None,
    };
    if let Some(wanted) = wanted.filter(|w| *w != is_array) {
        let expected = if wanted { "an array of events" } else { "one event" };
        return Err(Problem::invalid(format!("{media_type} holds {expected}: change the body or the media type")));
    }
    let texts = json_event::split(bytes).map_err(|e| Problem::event(&e))?;
    if !is_array && texts.len() > 1 && serde_json::from_slice::<&serde_json::value::RawValue>(bytes).is_err() {
        let detail = "the body is not one JSON value: send an array, or lines as application/x-ndjson";
        return Err(Problem::invalid(detail.to_owned()));
    }
    Ok(texts)
}

fn read_event(receiver: &Receiver, text: &[u8]) -> Result<Incoming, Problem> {
    let mut draft = json_event::parse(text).map_err(|e| Problem::event(&e))?;
    if draft.id.is_empty() {
        draft.id = receiver.env.live_id();
    }
    let lanes = receiver.lanes.lanes();
    let lane = lane_of(&draft, lanes.len() as u32);
    let stream = lanes.get(lane).map_or("", |spec| spec.name.as_str());
    let config = receiver.producer().config();
    let says = validate(&draft, stream, &config.tenant, config.content_bytes_max).map_err(|e| Problem::draft(&e))?;
    let key = fields_digest(IDENTITY_CONTEXT, &[draft.source.as_bytes(), draft.id.as_bytes()]);
    Ok(Incoming { draft, lane, identity: Identity { key, says } })
}

/// Claims and queues what is new. There is no await in here, so that a client that goes away cannot leave a claim.
fn take(receiver: &Arc<Receiver>, events: Vec<Incoming>) -> Result<Vec<Slot>, Problem> {
    let identities: Vec<Identity> = events.iter().map(|e| e.identity).collect();
    let claimed = recent(receiver).claim(&identities);
    let (slots, fresh, claim) = claimed.map_err(|Conflict(place)| {
        let id = events.get(place).map_or("", |e| e.draft.id.as_str());
        Problem::conflict(id).at(place)
    })?;
    if fresh.is_empty() {
        return Ok(slots);
    }
    let mut events: Vec<Option<Incoming>> = events.into_iter().map(Some).collect();
    let mut groups: LaneDrafts = Vec::new();
    let mut places = Vec::with_capacity(fresh.len());
    for place in fresh {
        let Some(Incoming { draft, lane, .. }) = events.get_mut(place).and_then(Option::take) else { continue };
        let group = groups.iter().position(|(l, _)| *l == lane).unwrap_or_else(|| {
            groups.push((lane, Vec::new()));
            groups.len() - 1
        });
        places.push((group, groups[group].1.len()));
        groups[group].1.push(draft);
    }
    match receiver.lanes.enqueue(groups) {
        Ok(enqueued) => {
            tokio::spawn(settle(Arc::clone(receiver), claim, places, enqueued));
            Ok(slots)
        }
        Err(error) => {
            let problem = failed(receiver, &error);
            recent(receiver).settle(claim, Err(error));
            Err(problem)
        }
    }
}

/// Waits for the log, however long that takes and whether or not the client is still there.
async fn settle(receiver: Arc<Receiver>, claim: Claim, places: Vec<(usize, usize)>, enqueued: Enqueued) {
    let result = enqueued.wait().await.and_then(|outcomes| receipts(&outcomes, &places));
    recent(&receiver).settle(claim, result);
}

fn receipts(outcomes: &LaneOutcomes, places: &[(usize, usize)]) -> Result<Vec<EventReceipt>, ProducerError> {
    places
        .iter()
        .map(|(group, at)| match outcomes.get(*group).and_then(|g| g.get(*at)) {
            Some(Outcome::Acknowledged(receipt)) => Ok(EventReceipt::new(receipt)),
            // Events were checked before, so a refusal here would be a bug; the client is told to try again.
            _ => Err(ProducerError::Closed),
        })
        .collect()
}

async fn collect(receiver: &Receiver, slots: Vec<Slot>) -> Result<Vec<EventReceipt>, Problem> {
    let mut found = Vec::with_capacity(slots.len());
    for slot in slots {
        match slot {
            Slot::Done(receipt) => found.push(receipt),
            Slot::Waiting(mut settled, index) => {
                let result = settled.wait_for(Option::is_some).await.ok().and_then(|r| r.clone());
                let receipts = result.unwrap_or(Err(ProducerError::Closed)).map_err(|e| failed(receiver, &e))?;
                found.push(receipts.get(index).cloned().ok_or_else(|| failed(receiver, &ProducerError::Closed))?);
            }
        }
    }
    Ok(found)
}

fn failed(receiver: &Receiver, error: &ProducerError) -> Problem {
    Problem::producer(error, receiver.producer().status().last_error.as_deref())
}

fn recent(receiver: &Receiver) -> MutexGuard<'_, Recent> {
    receiver.recent.lock().unwrap_or_else(PoisonError::into_inner)
}
