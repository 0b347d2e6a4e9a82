//! The key registry: which key may speak for which sources, in which role, as `key.registered` events say it.
//!
//! Guarantee: a pure fold of registry events in stream order; its digest names the state that judged a record. Only
//! events signed by the pinned registry key reach it. A registration that cannot be read is an error with its field.

use crate::digest::{REGISTRY_CONTEXT, fields_digest};
use crate::draft::Draft;
use crate::kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// How a key knows what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The agent's own key.
    #[serde(rename = "self")]
    Own,
    /// A gateway that signs what it saw.
    Gateway,
    /// An importer that signs what it read.
    Import,
}

impl Role {
    /// The word in the `attested` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "self",
            Self::Gateway => "gateway",
            Self::Import => "import",
        }
    }
}

/// One registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Ed25519 public key in hex.
    #[serde(rename = "hansard.key.public")]
    pub public: String,
    /// A name for people.
    #[serde(rename = "hansard.key.name")]
    pub name: String,
    /// Role.
    #[serde(rename = "hansard.key.role")]
    pub role: Role,
    /// Sources that it may speak for: exact, or a prefix that ends with `*`.
    #[serde(rename = "hansard.key.sources")]
    pub sources: Vec<String>,
}

/// Why a registry event could not be applied.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The attributes of the event are not a registration.
    #[error("registry event is not a registration: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The public key is not 64 hex digits of a usable Ed25519 key.
    #[error("registered key {found:?}: expected 64 hex digits of an Ed25519 key that is not weak")]
    Key {
        /// What stands there.
        found: String,
    },
}

/// The registrations in force.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    keys: BTreeMap<[u8; 32], Registration>,
    digest: [u8; 32],
}

#[derive(Deserialize)]
struct Envelope {
    data: EnvelopeData,
}

#[derive(Deserialize)]
struct EnvelopeData {
    attributes: serde_json::Value,
}

#[derive(Deserialize)]
struct Revocation {
    #[serde(rename = "hansard.key.public")]
    public: String,
}

impl Registry {
    /// A registry in which nobody may speak.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one registry event, given its kind and header; other kinds change nothing.
    ///
    /// # Errors
    /// [`RegistryError`] when the event is not a readable registration or revocation.
    pub fn apply(&mut self, event_kind: &str, header: &[u8]) -> Result<(), RegistryError> {
        match event_kind {
            kind::KEY_REGISTERED => {
                let envelope: Envelope = serde_json::from_slice(header)?;
                let registration: Registration = serde_json::from_value(envelope.data.attributes)?;
                let key = public_key(&registration.public)?;
                self.keys.insert(key, registration);
            }
            kind::KEY_REVOKED => {
                let envelope: Envelope = serde_json::from_slice(header)?;
                let revocation: Revocation = serde_json::from_value(envelope.data.attributes)?;
                self.keys.remove(&public_key(&revocation.public)?);
            }
            _ => return Ok(()),
        }
        self.digest = fields_digest(REGISTRY_CONTEXT, &[&self.digest, header]);
        Ok(())
    }

    /// The registration of a key.
    #[must_use]
    pub fn get(&self, key: &[u8; 32]) -> Option<&Registration> {
        self.keys.get(key)
    }

    /// All registrations, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.keys.values()
    }

    /// Digest of the history of this state; zero for the empty one.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

impl Registration {
    /// Whether the key may speak for `source`.
    #[must_use]
    pub fn covers(&self, source: &str) -> bool {
        self.sources.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => source.starts_with(prefix),
            None => source == pattern,
        })
    }

    /// The event that announces this registration; id and source are the registry's.
    #[must_use]
    pub fn to_draft(&self, id: String, source: &str, time: Option<String>) -> Draft {
        let attributes = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        Draft {
            id,
            source: source.to_owned(),
            kind: kind::KEY_REGISTERED.to_owned(),
            subject: Some(format!("key/{}", self.public)),
            time,
            attributes,
            ..Draft::default()
        }
    }
}

fn public_key(text: &str) -> Result<[u8; 32], RegistryError> {
    let bad = || RegistryError::Key { found: text.to_owned() };
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| bad())?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| bad())?;
    if key.is_weak() { Err(bad()) } else { Ok(bytes) }
}
