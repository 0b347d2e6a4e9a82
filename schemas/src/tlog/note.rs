//! Signed notes: a text and the signatures under it (C2SP signed-note v1.0.0).
//!
//! Guarantees that a [`Note`] has one spelling, so that parsing and writing give the same bytes; that at most 1 MiB of
//! text and 100 signatures are read; and the rule of verification: signatures of unknown keys are ignored, one that
//! fails under a known key condemns the whole note, and a note that no known key signed is refused. Until a note is
//! verified its text says nothing. Fails with [`NoteError`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;

use super::key::{
    ED25519_TYPE, KeyError, NoteSigner, NoteVerifier, check_key, is_key_name, key_id, read_public_key, verifies,
};

/// The longest note text in bytes, so that a hostile note cannot make a reader hold more.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The most signature lines; the specification asks for at least 16, Go's implementation stops at 100.
pub const SIGNATURES_MAX: usize = 100;

/// The longest note in bytes: its text, and room for 100 post-quantum signatures of about 7 kB in base64.
pub const NOTE_BYTES_MAX: usize = 2 << 20;

/// What a signature line begins with: an em dash and a space.
const LINE_START: &str = "\u{2014} ";

/// Bytes of the key ID before a signature.
const KEY_ID_BYTES: usize = 4;

/// Why a note is malformed or not verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note or its text is longer than is read.
    #[error("{found} bytes, at most {max} are read")]
    TooLong {
        /// Bytes given.
        found: usize,
        /// The limit: [`NOTE_BYTES_MAX`] or [`TEXT_BYTES_MAX`].
        max: usize,
    },
    /// The note is not UTF-8, or holds an ASCII control character other than the line feed.
    #[error("byte {position} of the note is not allowed")]
    Character {
        /// Where the first such byte stands.
        position: usize,
    },
    /// The text does not end with a line feed.
    #[error("the note's text does not end with a line feed")]
    TextEnd,
    /// There is no blank line followed by signature lines.
    #[error("the note has no signatures below a blank line")]
    NoSignatures,
    /// There are more signature lines than are read.
    #[error("{found} signatures, at most {SIGNATURES_MAX} are read")]
    TooManySignatures {
        /// Signature lines given.
        found: usize,
    },
    /// A line below the text is not a signature line.
    #[error("signature line {line} is malformed")]
    SignatureLine {
        /// Number of the line below the blank one, from 1.
        line: usize,
    },
    /// A signature's key name is impossible, or the signature is empty.
    #[error("{name:?} cannot have made this signature")]
    Signature {
        /// The key name.
        name: String,
    },
    /// The signature of a known key does not verify.
    #[error("the signature by {name:?} (key {key_id:08x}) is wrong")]
    WrongSignature {
        /// Name of the known key.
        name: String,
        /// ID of the known key.
        key_id: u32,
    },
    /// No known key signed the note.
    #[error("no known key signed the note")]
    Unverified,
    /// The key to verify with is refused.
    #[error("the key to verify with is refused")]
    Key(#[source] KeyError),
}

/// One signature under a note, of any type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: u32,
    /// Not empty. Without the key ID.
    signature: Vec<u8>,
}

impl NoteSignature {
    /// Checks the name and takes a signature made elsewhere, such as a witness cosignature.
    pub fn new(name: &str, key_id: u32, signature: Vec<u8>) -> Result<Self, NoteError> {
        if !is_key_name(name) || signature.is_empty() {
            return Err(NoteError::Signature { name: name.to_owned() });
        }
        Ok(Self::from_checked(name, key_id, signature))
    }

    pub(super) fn from_checked(name: &str, key_id: u32, signature: Vec<u8>) -> Self {
        Self { name: name.to_owned(), key_id, signature }
    }

    /// Name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// ID of the key that is said to have signed.
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The signature itself, without the key ID.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Bytes of the signature line, with its line feed.
    fn line_bytes(&self) -> usize {
        let encoded = (KEY_ID_BYTES + self.signature.len()).div_ceil(3) * 4;
        LINE_START.len() + self.name.len() + 1 + encoded + 1
    }
}

impl fmt::Display for NoteSignature {
    /// Writes the signature line without its line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.signature);
        write!(f, "{LINE_START}{} {}", self.name, STANDARD.encode(bytes))
    }
}

/// A well-formed note, which is not to say a verified one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    /// 1 to [`SIGNATURES_MAX`].
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Joins a text and its signatures.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        check_characters(text.as_bytes())?;
        check_text(&text)?;
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        check_count(signatures.len())?;
        let lines: usize = signatures.iter().map(NoteSignature::line_bytes).sum();
        check_length(text.len() + 1 + lines, NOTE_BYTES_MAX)?;
        Ok(Self { text, signatures })
    }

    /// Signs a text with each of the keys.
    pub fn sign(text: String, signers: &[&NoteSigner]) -> Result<Self, NoteError> {
        let signatures = signers.iter().map(|signer| signer.sign(&text)).collect();
        Self::new(text, signatures)
    }

    /// Reads a note.
    pub fn parse(note: &[u8]) -> Result<Self, NoteError> {
        let parts = Parts::split(note)?;
        let mut signatures = Vec::new();
        parts.each_signature(|name, key_id, signature| {
            signatures.push(NoteSignature::from_checked(name, key_id, signature.to_vec()));
        })?;
        Ok(Self { text: parts.text.to_owned(), signatures })
    }

    /// Adds one more signature.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let mut signatures = self.signatures.clone();
        signatures.push(signature);
        *self = Self::new(self.text.clone(), signatures)?;
        Ok(())
    }

    /// What is signed: the text with its last line feed, without the blank line. Not to be trusted before
    /// [`Note::verify`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures in the order of their lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Writes the note; [`Note::parse`] reads it back.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// Returns which of the known keys signed the note, at least one, in the order of the signature lines.
    ///
    /// A key that signed twice is listed twice.
    pub fn verify<'k>(&self, known: &'k [NoteVerifier]) -> Result<Vec<&'k NoteVerifier>, NoteError> {
        let mut signed = Vec::new();
        for line in &self.signatures {
            let mut candidates =
                known.iter().filter(|key| key.name() == line.name && key.key_id() == line.key_id).peekable();
            if candidates.peek().is_none() {
                continue;
            }
            let key = candidates
                .find(|key| key.verifies(&self.text, &line.signature))
                .ok_or_else(|| wrong_signature(&line.name, line.key_id))?;
            signed.push(key);
        }
        if signed.is_empty() {
            return Err(NoteError::Unverified);
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        Ok(())
    }
}

impl NoteVerifier {
    /// Verifies a note by this key alone and returns its text: the verdict of [`Note::verify`] with one key, without
    /// building a [`Note`].
    pub fn open<'n>(&self, note: &'n [u8]) -> Result<&'n str, NoteError> {
        open(
            note,
            |name, id| name == self.name() && id == self.key_id(),
            |text, signature| self.verifies(text, signature),
        )
    }
}

/// Verifies a note by one key, whatever name it signed under, and returns its text.
///
/// A line is the key's own when its ID is that of its name and this key. For a reader who knows the key from elsewhere,
/// such as a registry, and learns the log's name from the text; to hold a key to a name, use [`NoteVerifier::open`].
pub fn verify_with_public_key<'n>(note: &'n [u8], key: &VerifyingKey) -> Result<&'n str, NoteError> {
    check_key(key).map_err(NoteError::Key)?;
    open(
        note,
        |name, id| id == key_id(name, ED25519_TYPE, key.as_bytes()),
        |text, signature| verifies(key, text, signature),
    )
}

/// Verifies a note by one key, given as its name and 32 bytes, and returns its text; see [`NoteVerifier::open`], which
/// saves the decoding of the key when there are many notes.
pub fn verify_with_named_key<'n>(note: &'n [u8], name: &str, public_key: &[u8; 32]) -> Result<&'n str, NoteError> {
    let key = read_public_key(public_key).map_err(NoteError::Key)?;
    let expected = key_id(name, ED25519_TYPE, public_key);
    open(note, |line_name, id| line_name == name && id == expected, |text, signature| verifies(&key, text, signature))
}

/// Reads the whole note before giving a verdict, so that a malformed one is called so whatever its signatures say.
fn open(
    note: &[u8],
    is_own: impl Fn(&str, u32) -> bool,
    verifies: impl Fn(&str, &[u8]) -> bool,
) -> Result<&str, NoteError> {
    let parts = Parts::split(note)?;
    let (mut verified, mut wrong) = (false, None);
    parts.each_signature(|name, id, signature| {
        // After the first wrong one the verdict stands and no more work is done.
        if wrong.is_none() && is_own(name, id) {
            if verifies(parts.text, signature) {
                verified = true;
            } else {
                wrong = Some(wrong_signature(name, id));
            }
        }
    })?;
    match wrong {
        Some(error) => Err(error),
        None if verified => Ok(parts.text),
        None => Err(NoteError::Unverified),
    }
}

/// A note cut at its last blank line, with the signature lines not yet read.
struct Parts<'n> {
    text: &'n str,
    /// At least one line, at most [`SIGNATURES_MAX`], each with its line feed.
    lines: &'n str,
}

impl<'n> Parts<'n> {
    fn split(note: &'n [u8]) -> Result<Self, NoteError> {
        check_length(note.len(), NOTE_BYTES_MAX)?;
        check_characters(note)?;
        let note = std::str::from_utf8(note).map_err(|error| NoteError::Character { position: error.valid_up_to() })?;
        let blank = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, rest) = note.split_at(blank + 1);
        check_text(text)?;
        let lines = &rest[1..];
        if !lines.ends_with('\n') {
            return Err(NoteError::NoSignatures);
        }
        check_count(lines.bytes().filter(|b| *b == b'\n').count())?;
        Ok(Self { text, lines })
    }

    /// Calls `visit` with name, key ID and signature of each line. One buffer serves all lines.
    fn each_signature(&self, mut visit: impl FnMut(&str, u32, &[u8])) -> Result<(), NoteError> {
        let mut buffer = Vec::with_capacity(128);
        for (place, line) in self.lines.split_terminator('\n').enumerate() {
            buffer.clear();
            let malformed = NoteError::SignatureLine { line: place + 1 };
            let name = decode_line(line, &mut buffer).ok_or(malformed.clone())?;
            let (id, signature) = buffer
                .split_first_chunk::<KEY_ID_BYTES>()
                .filter(|(_, signature)| !signature.is_empty())
                .ok_or(malformed)?;
            visit(name, u32::from_be_bytes(*id), signature);
        }
        Ok(())
    }
}

/// Reads a signature line: returns the key name, and leaves key ID and signature in the buffer.
fn decode_line<'l>(line: &'l str, buffer: &mut Vec<u8>) -> Option<&'l str> {
    let (name, encoded) = line.strip_prefix(LINE_START)?.split_once(' ')?;
    STANDARD.decode_vec(encoded, buffer).ok()?;
    is_key_name(name).then_some(name)
}

fn check_characters(note: &[u8]) -> Result<(), NoteError> {
    match note.iter().position(|b| *b < b' ' && *b != b'\n') {
        Some(position) => Err(NoteError::Character { position }),
        None => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    check_length(text.len(), TEXT_BYTES_MAX)?;
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::TextEnd) }
}

fn check_count(found: usize) -> Result<(), NoteError> {
    if found > SIGNATURES_MAX {
        return Err(NoteError::TooManySignatures { found });
    }
    Ok(())
}

fn check_length(found: usize, max: usize) -> Result<(), NoteError> {
    if found > max {
        return Err(NoteError::TooLong { found, max });
    }
    Ok(())
}

fn wrong_signature(name: &str, key_id: u32) -> NoteError {
    NoteError::WrongSignature { name: name.to_owned(), key_id }
}
