//! The keys that may speak, ready for checking: registrations with their decompressed public keys.
//!
//! Guarantee: follows the registry events that were accepted, in order. The registry's own key may speak for the
//! registry and for nothing else.

use ed25519_dalek::VerifyingKey;
use schemas::registry::{Registration, Registry, Role};
use std::collections::HashMap;
use std::sync::Arc;

/// Source of the registry's own events.
pub const REGISTRY_SOURCE: &str = "urn:hansard:registry";

/// A key that may speak.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) key: VerifyingKey,
    pub(crate) hex: Arc<str>,
    pub(crate) registration: Registration,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Speakers {
    registry: Registry,
    registry_key: [u8; 32],
    registry_stream: Arc<str>,
    by_key: Arc<HashMap<[u8; 32], Arc<Speaker>>>,
}

/// Name of the registry's stream for a registry key.
#[must_use]
pub fn registry_stream(registry_key_hex: &str) -> String {
    format!("registry/{}", registry_key_hex.get(..16).unwrap_or(registry_key_hex))
}

impl Speakers {
    /// With no registration yet. `None` when the pinned key is not a usable Ed25519 key.
    pub(crate) fn new(registry_key_hex: &str) -> Option<Self> {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(registry_key_hex, &mut bytes).ok()?;
        let mut speakers = Self {
            registry: Registry::new(),
            registry_key: bytes,
            registry_stream: registry_stream(registry_key_hex).into(),
            by_key: Arc::default(),
        };
        VerifyingKey::from_bytes(&bytes).ok().filter(|k| !k.is_weak())?;
        speakers.rebuild();
        Some(speakers)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Arc<Speaker>> {
        let key: [u8; 32] = key.try_into().ok()?;
        self.by_key.get(&key)
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.registry.digest()
    }

    /// Whether events of this signer and stream change the registry.
    pub(crate) fn is_registry(&self, signer: &[u8; 32], stream: &str) -> bool {
        *signer == self.registry_key && stream == &*self.registry_stream
    }

    /// Applies an accepted registry event; `Err` says why it has no effect.
    pub(crate) fn apply(&mut self, kind: &str, header: &[u8]) -> Result<(), String> {
        self.registry.apply(kind, header).map_err(|e| e.to_string())?;
        self.rebuild();
        Ok(())
    }

    fn rebuild(&mut self) {
        let own = Registration {
            public: hex::encode(self.registry_key),
            name: "registry".to_owned(),
            role: Role::Own,
            sources: vec![REGISTRY_SOURCE.to_owned()],
        };
        let all = self.registry.iter().cloned().chain([own]);
        self.by_key = Arc::new(all.filter_map(speaker).collect());
    }
}

fn speaker(registration: Registration) -> Option<([u8; 32], Arc<Speaker>)> {
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(&registration.public, &mut bytes).ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok()?;
    let hex: Arc<str> = registration.public.clone().into();
    Some((bytes, Arc::new(Speaker { key, hex, registration })))
}
