//! `/metrics` in Prometheus' text form.
//!
//! Guarantee: figures of log and compactor are read when they are asked for, so that they are never stale; requests are
//! counted by route and status class, never by what a client sent, so that their number is bounded.

use super::roles::Watched;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::core::Collector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Bounds of the histogram of request times, in seconds: from a look into memory to the longest query.
const BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Counters of HTTP requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    served: Option<(IntCounterVec, HistogramVec)>,
}

impl Requests {
    pub(super) fn new() -> Self {
        let count = Opts::new("hansard_http_requests_total", "HTTP requests answered, by route and status class");
        let time = HistogramOpts::new("hansard_http_request_seconds", "time to answer an HTTP request")
            .buckets(BUCKETS.to_vec());
        let count = IntCounterVec::new(count, &["route", "status"]);
        let time = HistogramVec::new(time, &["route"]);
        // Names and labels are constants, so that both succeed; without them requests are merely not counted.
        Self { served: count.ok().zip(time.ok()) }
    }

    fn saw(&self, route: &str, status: u16, seconds: f64) {
        if let Some((count, time)) = &self.served {
            count.with_label_values(&[route, class(status)]).inc();
            time.with_label_values(&[route]).observe(seconds);
        }
    }
}

fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

/// The middleware that counts.
pub(super) async fn count(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let response = next.run(request).await;
    requests.saw(&route, response.status().as_u16(), started.elapsed().as_secs_f64());
    response
}

pub(super) fn router(watched: Watched, requests: Requests) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state((watched, requests))
}

async fn metrics(State((watched, requests)): State<(Watched, Requests)>) -> Response {
    let mut out = Vec::new();
    match gather(&watched, &requests).and_then(|families| TextEncoder::new().encode(&families, &mut out)) {
        Ok(()) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], out).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn gather(watched: &Watched, requests: &Requests) -> prometheus::Result<Vec<prometheus::proto::MetricFamily>> {
    let registry = Registry::new();
    if let Some(status) = &watched.compactor {
        let counters = [
            ("hansard_compactor_records_total", "log records judged", &status.records),
            ("hansard_compactor_events_total", "events committed", &status.events),
            ("hansard_compactor_rejects_total", "rejects committed", &status.rejects),
            ("hansard_compactor_duplicates_total", "duplicates committed", &status.duplicates),
            ("hansard_compactor_findings_total", "findings committed", &status.findings),
            ("hansard_compactor_commits_total", "commits", &status.commits),
            ("hansard_compactor_fenced_total", "commits that another compactor fenced", &status.fenced),
            ("hansard_compactor_merges_total", "merges of small segments", &status.merges),
        ];
        for (name, help, value) in counters {
            counter(&registry, name, help, value.load(Ordering::Relaxed))?;
        }
        gauge(&registry, "hansard_table_version", "newest table version", status.version.load(Ordering::Relaxed))?;
        gauge(
            &registry,
            "hansard_compactor_lag_records",
            "log records that the table does not have yet",
            status.lag.load(Ordering::Relaxed),
        )?;
        let failing = u64::from(status.last_error().is_some());
        gauge(&registry, "hansard_compactor_failing", "1 while the compactor's last attempt failed", failing)?;
    }
    if let Some(producer) = &watched.producer {
        let status = producer.status();
        gauge(&registry, "hansard_outbox_records", "records signed here that wait for the log", status.records as u64)?;
        gauge(&registry, "hansard_outbox_bytes", "their bytes", status.bytes as u64)?;
    }
    if let Some(log) = &watched.log {
        let strong = u64::from(log.durability().strong);
        gauge(
            &registry,
            "hansard_durability_strong",
            "1 when an acknowledgement is as strong as it should be",
            strong,
        )?;
    }
    if let Some(bytes) = resident_bytes() {
        gauge(&registry, "process_resident_memory_bytes", "resident memory", bytes)?;
    }
    gauge(&registry, "hansard_uptime_seconds", "seconds since the start", watched.started.elapsed().as_secs())?;
    let mut families = registry.gather();
    if let Some((count, time)) = &requests.served {
        families.extend(count.collect());
        families.extend(time.collect());
    }
    Ok(families)
}

fn counter(registry: &Registry, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    registry.register(Box::new(counter))
}

fn gauge(registry: &Registry, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(Box::new(gauge))
}

/// Resident memory by Linux' own account; elsewhere the figure is left out.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1_024)
}
