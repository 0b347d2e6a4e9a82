//! Time inside tracing spans, by name: tells where a stage of the compactor spends its wall-clock time.
//!
//! Guarantee: costs nothing unless [`install`] was called. Spans that overlap on several threads add up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

static SPENT: Mutex<Option<HashMap<&'static str, Duration>>> = Mutex::new(None);

/// When a span was entered.
#[derive(Debug)]
struct Entered(Instant);

#[derive(Debug)]
struct Stopwatch;

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Stopwatch {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Entered(Instant::now()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let entered = span.extensions_mut().remove::<Entered>();
        if let Some(Entered(since)) = entered {
            let mut spent = SPENT.lock().unwrap_or_else(PoisonError::into_inner);
            *spent.get_or_insert_default().entry(span.name()).or_default() += since.elapsed();
        }
    }
}

/// Begins to add up; does nothing when the process has another subscriber already.
pub fn install() {
    let _ = tracing_subscriber::registry().with(Stopwatch).try_init();
}

/// Seconds by span, the longest first.
#[must_use]
pub fn spent() -> Vec<(String, f64)> {
    let spent = SPENT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all: Vec<_> = spent.iter().flatten().map(|(name, d)| ((*name).to_owned(), d.as_secs_f64())).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}
