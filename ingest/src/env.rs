//! Clock and randomness as values, so that a whole system can run from one seed.
//!
//! Guarantee: nothing below `cli` reads the wall clock or the system's randomness except through these traits; only
//! the binary makes the real ones.

use std::fmt::Debug;
use std::sync::Arc;

/// Reads the time.
pub trait Clock: Debug + Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z.
    fn now_us(&self) -> i64;
}

/// Draws random bytes. Salts and nonces hide contents: an implementation outside tests must be cryptographic.
pub trait Entropy: Debug + Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Clock and randomness together.
#[derive(Debug, Clone)]
pub struct Env {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Env {
    /// `N` random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A fresh UUIDv7.
    #[must_use]
    pub fn live_id(&self) -> String {
        let ms = u64::try_from(self.clock.now_us() / 1_000).unwrap_or_default();
        schemas::id::live(ms, self.random())
    }
}

/// Deterministic clock and randomness for tests and simulations.
#[derive(Debug)]
pub struct Seeded {
    state: std::sync::Mutex<(blake3::OutputReader, i64)>,
}

impl Seeded {
    /// From a seed: every run draws the same bytes; the clock starts at 2026-01-01 and moves 1 ms with each reading.
    #[must_use]
    pub fn env(seed: u64) -> Env {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        let shared = Arc::new(Self { state: std::sync::Mutex::new((hasher.finalize_xof(), 1_767_225_600_000_000)) });
        let clock: Arc<dyn Clock> = Arc::<Self>::clone(&shared);
        Env { clock, entropy: shared }
    }
}

impl Clock for Seeded {
    fn now_us(&self) -> i64 {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.1 += 1_000;
        state.1
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0.fill(bytes);
    }
}
