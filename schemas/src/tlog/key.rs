//! Ed25519 keys of signed notes and their text forms (C2SP signed-note v1.0.0; private form of Go's `sumdb/note`).
//!
//! Guarantees that a verifier's key is a canonical point of large order, because the strict verdict would refuse
//! everything under a weak key, and that a text form is accepted only when its key ID matches its name and key. The one verdict is
//! `verify_strict`. `Debug` of a signer never shows the secret. Fails with [`KeyError`], which never quotes a secret.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::note::NoteSignature;

/// Signature type of a plain Ed25519 note signature (C2SP signed-note, "Signature types").
pub const ED25519_TYPE: u8 = 0x01;

/// What Go's `sumdb/note` puts before a private key, so that it is not taken for a public one.
const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";

/// Why a key or its text form is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty or holds a space, a plus sign or a control character.
    #[error("{name:?} cannot name a key")]
    Name {
        /// The name that was given.
        name: String,
    },
    /// The text is not `name+id+base64`.
    #[error("the text does not have the form of a note key")]
    Malformed,
    /// The key ID in the text is not that of its name and key.
    #[error("the key has ID {expected:08x}, its text says {found:08x}")]
    KeyId {
        /// ID computed from name and key.
        expected: u32,
        /// ID written in the text.
        found: u32,
    },
    /// The key is of another type than Ed25519, or has the wrong length.
    #[error("the key is not a 32-byte Ed25519 key of type 0x01")]
    Type,
    /// The 32 bytes are not the canonical encoding of a curve point.
    #[error("the public key is not a canonical curve point")]
    Point,
    /// The public key has small order, so that a signature under it proves nothing.
    #[error("the public key is weak")]
    Weak,
}

/// Computes the ID that stands before a signature: the first four bytes of
/// `SHA-256(name || 0x0A || type || public key)` as a big-endian number (C2SP signed-note, "Signatures").
pub fn key_id(name: &str, signature_type: u8, public_key: &[u8]) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', signature_type]);
    hasher.update(public_key);
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    u32::from_be_bytes([a, b, c, d])
}

/// A public key that notes are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key_id: u32,
    key: VerifyingKey,
}

impl NoteVerifier {
    /// Names a public key, given as the 32 bytes of RFC 8032.
    pub fn new(name: &str, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            key_id: key_id(name, ED25519_TYPE, public_key),
            key: read_public_key(public_key)?,
        })
    }

    /// Reads `name+id+base64(type || public key)`, the form that Go's `note.NewVerifier` takes.
    pub fn from_vkey(vkey: &str) -> Result<Self, KeyError> {
        let fields = KeyText::parse(vkey)?;
        let verifier = Self::new(fields.name, &fields.key)?;
        fields.check_id(verifier.key_id)?;
        Ok(verifier)
    }

    /// Writes the form that [`NoteVerifier::from_vkey`] reads.
    pub fn to_vkey(&self) -> String {
        key_text(&self.name, self.key_id, self.key.as_bytes())
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's ID, which with the name says which signature lines are its own.
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` (without key ID) is this key's signature of a note text, by the strict rule.
    pub fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        verifies(&self.key, text, signature)
    }
}

/// A secret key that notes are signed with.
#[derive(Clone)]
pub struct NoteSigner {
    name: String,
    key_id: u32,
    key: SigningKey,
}

impl NoteSigner {
    /// Names a secret key.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, KeyError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key_id: key_id(name, ED25519_TYPE, key.verifying_key().as_bytes()), key })
    }

    /// Reads `PRIVATE+KEY+name+id+base64(0x01 || seed)`, the form that Go's `note.NewSigner` takes.
    pub fn from_private_key(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(PRIVATE_PREFIX).ok_or(KeyError::Malformed)?;
        let fields = KeyText::parse(rest)?;
        let signer = Self::new(fields.name, SigningKey::from_bytes(&fields.key))?;
        fields.check_id(signer.key_id)?;
        Ok(signer)
    }

    /// Writes the form that [`NoteSigner::from_private_key`] reads. **The result is the secret.**
    pub fn to_private_key(&self) -> String {
        let text = key_text(&self.name, self.key_id, self.key.as_bytes());
        format!("{PRIVATE_PREFIX}{text}")
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's ID.
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The public half.
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier { name: self.name.clone(), key_id: self.key_id, key: self.key.verifying_key() }
    }

    /// Signs a note text as it stands, without prefix (C2SP signed-note, "Ed25519 signatures").
    pub fn sign(&self, text: &str) -> NoteSignature {
        let signature = self.key.sign(text.as_bytes());
        NoteSignature::from_checked(&self.name, self.key_id, signature.to_bytes().to_vec())
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteSigner").field("name", &self.name).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Checks a key name: non-empty, without Unicode spaces, plus signs and ASCII control characters (C2SP signed-note).
pub(super) fn is_key_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c == '+' || c < ' ';
    !name.is_empty() && !name.contains(forbidden)
}

/// Reads a public key and refuses what the strict verdict can never accept.
pub(super) fn read_public_key(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
    check_key(&key)?;
    Ok(key)
}

/// Refuses keys with a second encoding and keys of small order.
pub(super) fn check_key(key: &VerifyingKey) -> Result<(), KeyError> {
    if !is_canonical(key.as_bytes()) {
        return Err(KeyError::Point);
    }
    if key.is_weak() {
        return Err(KeyError::Weak);
    }
    Ok(())
}

/// Applies the one verdict of the project, Ed25519 `verify_strict`.
pub(super) fn verifies(key: &VerifyingKey, text: &str, signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(text.as_bytes(), &signature).is_ok())
}

/// Whether the y coordinate is below the field's prime 2^255 - 19 (RFC 8032 section 5.1.3); the library does not check.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let all_ones = bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|b| *b == 0xff);
    !(all_ones && bytes[0] >= 0xed)
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if is_key_name(name) { Ok(()) } else { Err(KeyError::Name { name: name.to_owned() }) }
}

/// The three fields of a key in text form, before its ID is checked.
struct KeyText<'a> {
    name: &'a str,
    key_id: u32,
    key: [u8; 32],
}

impl<'a> KeyText<'a> {
    /// Reads `name+id+base64(0x01 || 32 bytes)`. Name and ID are not checked yet.
    fn parse(text: &'a str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Malformed)?;
        // Base64 may hold a plus sign itself, so only the first one after the ID separates.
        let (id, encoded) = rest.split_once('+').ok_or(KeyError::Malformed)?;
        let mut key_id = [0; 4];
        hex::decode_to_slice(id, &mut key_id).map_err(|_| KeyError::Malformed)?;
        let typed = STANDARD.decode(encoded).map_err(|_| KeyError::Malformed)?;
        let (signature_type, key) = typed.split_first().ok_or(KeyError::Type)?;
        if *signature_type != ED25519_TYPE {
            return Err(KeyError::Type);
        }
        Ok(Self { name, key_id: u32::from_be_bytes(key_id), key: key.try_into().map_err(|_| KeyError::Type)? })
    }

    fn check_id(&self, expected: u32) -> Result<(), KeyError> {
        if self.key_id == expected { Ok(()) } else { Err(KeyError::KeyId { expected, found: self.key_id }) }
    }
}

fn key_text(name: &str, key_id: u32, key: &[u8; 32]) -> String {
    let mut typed = [ED25519_TYPE; 33];
    typed[1..].copy_from_slice(key);
    format!("{name}+{key_id:08x}+{}", STANDARD.encode(typed))
}
