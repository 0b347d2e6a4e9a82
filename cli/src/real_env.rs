//! The real clock and randomness: the only place of the project that reads them.
//!
//! Guarantee: randomness comes from the operating system and is cryptographic. A system that has none cannot make
//! salts or keys: the process ends rather than continue with weak ones.

use ingest::env::{Clock, Entropy, Env};
use std::sync::Arc;

/// The wall clock.
#[derive(Debug)]
struct WallClock;

impl Clock for WallClock {
    fn now_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
    }
}

/// The operating system's randomness.
#[derive(Debug)]
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "the operating system gives no randomness; stopping, because salts must not be guessable");
            std::process::abort();
        }
    }
}

/// Clock and randomness of this machine.
#[must_use]
pub fn real_env() -> Env {
    Env { clock: Arc::new(WallClock), entropy: Arc::new(SystemEntropy) }
}

/// The time now, RFC 3339.
#[must_use]
pub fn now_text(env: &Env) -> String {
    jiff::Timestamp::from_microsecond(env.clock.now_us()).unwrap_or_default().to_string()
}
