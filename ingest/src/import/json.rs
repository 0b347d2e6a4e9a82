//! JSON read without being rewritten: objects as lists of raw members, documents with parts cut out and put back.
//!
//! Guarantee: a raw member is a slice of the input, byte for byte. Reading a member of another type than asked for
//! gives `None`, never an error: an odd value must not keep a record out. [`cut`] and [`rebuild`] are inverse.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Longest string in bytes that is copied from a record into a header; longer ones stay in the record alone.
pub(super) const SHORT_TEXT_BYTES_MAX: usize = 1_024;

#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of a JSON object in order, values raw. Of members with the same name the last counts.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Text(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Fields(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'a> Fields<'a> {
    /// Parses a whole JSON text that must be one object.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_str(utf8(text)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// A name that stands twice.
    pub(super) fn repeated(&self) -> Option<&str> {
        let twice = |(i, (name, _)): &(usize, &(Cow<'a, str>, _))| self.0[..*i].iter().any(|(n, _)| n == name);
        self.0.iter().enumerate().find(twice).map(|(_, (name, _))| name.as_ref())
    }

    /// A member that is there and not null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| *value)?;
        (found.get() != "null").then_some(found)
    }

    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.raw(name)?)
    }

    /// A string that is short enough for a header, and not empty.
    pub(super) fn short(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).filter(|t| !t.is_empty() && t.len() <= SHORT_TEXT_BYTES_MAX)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        object(self.raw(name)?)
    }

    /// The elements of a member that is an array.
    pub(super) fn elements(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        elements(self.raw(name)?)
    }
}

/// The text, checked once: the parser need not check it again piece by piece.
pub(super) fn utf8(text: &[u8]) -> Result<&str, serde_json::Error> {
    std::str::from_utf8(text).map_err(|e| serde::de::Error::custom(format!("not UTF-8: {e}")))
}

pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|t| t.0)
}

pub(super) fn object(raw: &RawValue) -> Option<Fields<'_>> {
    raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok())?
}

pub(super) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    raw.get().starts_with('[').then(|| serde_json::from_str(raw.get()).ok())?
}

/// Calls `each` with every element of a JSON array as soon as it is read.
///
/// # Errors
/// The parser's, after the elements before it were handed out.
pub(super) fn for_each_element<'a>(
    document: &'a [u8],
    each: &mut dyn FnMut(&'a RawValue),
) -> Result<(), serde_json::Error> {
    struct Each<'f, 'a>(&'f mut dyn FnMut(&'a RawValue));
    impl<'de> DeserializeSeed<'de> for Each<'_, 'de> {
        type Value = ();
        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_seq(self)
        }
    }
    impl<'de> Visitor<'de> for Each<'_, 'de> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
            while let Some(element) = seq.next_element::<&'de RawValue>()? {
                (self.0)(element);
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    Each(each).deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Where `part` begins within `whole`, when it is a slice of it.
pub(super) fn offset_in(whole: &[u8], part: &str) -> Option<usize> {
    let offset = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (offset.checked_add(part.len())? <= whole.len()).then_some(offset)
}

/// `part` as a slice of `whole` that shares its memory.
pub(super) fn slice(whole: &Bytes, part: &str) -> Bytes {
    match offset_in(whole, part) {
        Some(at) => whole.slice(at..at + part.len()),
        None => Bytes::copy_from_slice(part.as_bytes()),
    }
}

/// The document with each of `parts` (slices of it, in order) replaced by `null`.
pub(super) fn cut(document: &[u8], parts: &[&RawValue]) -> Vec<u8> {
    let mut skeleton = Vec::with_capacity(document.len() / 4);
    let mut at = 0;
    for part in parts {
        let Some(begin) = offset_in(document, part.get()) else {
            continue;
        };
        skeleton.extend_from_slice(document.get(at..begin).unwrap_or_default());
        skeleton.extend_from_slice(b"null");
        at = begin + part.get().len();
    }
    skeleton.extend_from_slice(document.get(at..).unwrap_or_default());
    skeleton
}

/// Puts `records` back where the elements of the array `list` stand in the content `run` of a `session.start` event:
/// the bytes of the file (AgentDojo: `messages`, Gemini CLI: `messages`) or of the run (tau-bench: `traj`) as they were.
///
/// `None` when `skeleton` is not such an object or has another number of elements.
#[must_use]
pub fn rebuild<R: AsRef<[u8]>>(skeleton: &[u8], list: &str, records: &[R]) -> Option<Vec<u8>> {
    let fields = Fields::parse(skeleton).ok()?;
    let holes = fields.elements(list).unwrap_or_default();
    if holes.len() != records.len() {
        return None;
    }
    let mut document = Vec::with_capacity(skeleton.len());
    let mut at = 0;
    for (hole, record) in holes.iter().zip(records) {
        let begin = offset_in(skeleton, hole.get())?;
        document.extend_from_slice(skeleton.get(at..begin)?);
        document.extend_from_slice(record.as_ref());
        at = begin + hole.get().len();
    }
    document.extend_from_slice(skeleton.get(at..)?);
    Some(document)
}
