//! The HTTP receiver: `POST /v1/events` (unsigned events, signed here as gateway) and `POST /v1/batches` (signed by their
//! producers).
//!
//! Guarantees:
//! - A 200 is given only after the log has everything that the request brought, and says what that means.
//! - A request is taken whole or refused whole before anything is signed. Errors are RFC 9457 problems that name the
//!   event and the field.
//! - Nothing is lost under load: what cannot be taken is refused with 429 (full) or 503 (the log does not answer) and
//!   `Retry-After`; sending again with the same ids is always safe.
//! - Memory is bounded by [`Limits`], whatever clients do.
//!
//! Left out: TLS and authentication (the proxy's, or the caller's middleware), and the registry of keys (the store's; a
//! [`SignerGate`] may keep strangers out early).

mod batches;
mod body;
mod events;
mod lanes;
mod problem;
mod recent;
mod wire;

pub use lanes::{lane_of, lane_specs};
pub use problem::{Problem, ProblemDetails};
pub use wire::{BatchesAnswer, EventReceipt, EventsAnswer, RecordReceipt, RejectedEvent};

use crate::env::Env;
use crate::log::Log;
use crate::producer::{BatchingLimits, BatchingProducer, Producer};
use axum::Router;
use axum::routing::post;
use recent::Recent;
use std::fmt::Debug;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use utoipa::OpenApi;

/// Default of the largest request body in bytes: one content of 64 MiB in base64 and its event.
pub const BODY_BYTES_MAX_DEFAULT: usize = 96 * 1_048_576;
/// Default of the most bytes of request bodies held at once, all requests together.
pub const BODIES_BYTES_MAX_DEFAULT: usize = 256 * 1_048_576;
/// Most events in one request: a transaction of about 200 ms.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;
/// Most records in one request to `/v1/batches`.
pub const RECORDS_PER_REQUEST_MAX: usize = 1_024;
/// Longest time for a body to arrive, in seconds: slower clients hold memory for nothing.
pub const BODY_WAIT_S_DEFAULT: u64 = 60;
/// How long a request waits for the log by default, in seconds.
pub const ACK_WAIT_S_DEFAULT: u64 = 10;
/// Events whose receipts are remembered, so that a repeated id is answered without being sent again; about 400 bytes each.
pub const RECENT_EVENTS_MAX: usize = 32_768;
/// Most requests to `/v1/batches` that are checked and appended at once; each may use a core.
pub const BATCH_REQUESTS_MAX: usize = 64;

/// What the receiver takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body in bytes.
    pub body_bytes_max: usize,
    /// Most bytes of bodies at once; a body is always taken when none other is there.
    pub bodies_bytes_max: usize,
    /// Most events in one request.
    pub events_max: usize,
    /// Longest time for a body to arrive.
    pub body_wait: Duration,
    /// Longest wait for the log.
    pub ack_wait: Duration,
    /// Queue and batches of the lanes.
    pub batching: BatchingLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
            bodies_bytes_max: BODIES_BYTES_MAX_DEFAULT,
            events_max: EVENTS_PER_REQUEST_MAX,
            body_wait: Duration::from_secs(BODY_WAIT_S_DEFAULT),
            ack_wait: Duration::from_secs(ACK_WAIT_S_DEFAULT),
            batching: BatchingLimits::default(),
        }
    }
}

/// Says which keys may append batches. The compactor judges each event again; this only keeps strangers from filling
/// the log.
pub trait SignerGate: Debug + Send + Sync {
    /// Whether batches of this public key are taken.
    fn admits(&self, public_key: &[u8; 32]) -> bool;
}

/// The receiver's state, shared by all requests.
#[derive(Debug)]
pub struct Receiver {
    lanes: BatchingProducer,
    log: Arc<dyn Log>,
    env: Env,
    limits: Limits,
    gate: Option<Arc<dyn SignerGate>>,
    /// Why requests are refused now, if they are.
    unready: Mutex<Option<String>>,
    /// Bytes of bodies in memory.
    bodies_bytes: AtomicUsize,
    recent: Mutex<Recent>,
    batch_requests: Semaphore,
}

impl Receiver {
    /// A receiver that signs with `producer` on one lane for each partition of `log`. Call it within a tokio runtime.
    #[must_use]
    pub fn new(producer: Producer, log: Arc<dyn Log>, env: Env, limits: Limits) -> Self {
        let specs = lane_specs(&producer, log.partitions());
        Self {
            lanes: BatchingProducer::start(producer, specs, limits.batching),
            log,
            env,
            limits,
            gate: None,
            unready: Mutex::new(None),
            bodies_bytes: AtomicUsize::new(0),
            recent: Mutex::new(Recent::new(RECENT_EVENTS_MAX)),
            batch_requests: Semaphore::new(BATCH_REQUESTS_MAX),
        }
    }

    /// Lets only these keys append batches.
    #[must_use]
    pub fn with_gate(mut self, gate: Arc<dyn SignerGate>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Refuses all requests with 503 and this reason (start-up, shutdown), or takes them again.
    pub fn set_unready(&self, reason: Option<String>) {
        *self.unready.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// The producer that signs: its [`Producer::status`] belongs into readiness and metrics.
    #[must_use]
    pub fn producer(&self) -> &Producer {
        self.lanes.producer()
    }

    fn check_ready(&self) -> Result<(), Problem> {
        let unready = self.unready.lock().unwrap_or_else(PoisonError::into_inner).clone();
        unready.map_or(Ok(()), |reason| Err(Problem::unavailable(&reason)))
    }
}

/// The routes.
pub fn router(receiver: Arc<Receiver>) -> Router {
    Router::new()
        .route("/v1/events", post(events::post_events))
        .route("/v1/batches", post(batches::post_batches))
        .with_state(receiver)
}

/// The routes and their types for the OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

#[derive(OpenApi)]
#[openapi(
    paths(events::post_events, batches::post_batches),
    components(schemas(EventsAnswer, EventReceipt, BatchesAnswer, RecordReceipt, RejectedEvent, ProblemDetails))
)]
struct Api;
