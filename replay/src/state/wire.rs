//! The canonical encoding of what stands in cells and snapshots.
//!
//! | value | bytes |
//! |---|---|
//! | unsigned number | LEB128 in its shortest form |
//! | signed number | 8 bytes, little-endian, two's complement |
//! | true or false | one byte, 1 or 0 |
//! | text | length in bytes (unsigned number), UTF-8 |
//! | 32 bytes | as they are |
//! | optional value | 0, or 1 and the value |
//! | list | number of entries, the entries |
//! | event id | 0 and 16 bytes for a UUID in lower case with hyphens, else 1 and the text |
//! | record | its fields, in the order of its declaration |
//!
//! Guarantee: a value has one encoding, and decoding refuses every other. Decoding allocates no more than a small
//! multiple of the bytes given. Fails with [`WireError`], which says where and what was expected.

use super::stamp::{EventId, Form, Stamp};
use thiserror::Error;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("byte {at}: expected {expected}, found something else; the file is damaged or of another version")]
pub struct WireError {
    /// Place, from the beginning of what was decoded.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Bytes that are being decoded.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn fail<T>(&self, expected: &'static str) -> Result<T, WireError> {
        Err(WireError { at: self.at, expected })
    }

    pub(crate) fn raw(&mut self, length: usize, expected: &'static str) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(length);
        let Some(bytes) = end.and_then(|end| self.bytes.get(self.at..end)) else { return self.fail(expected) };
        self.at += length;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], WireError> {
        let raw = self.raw(N, expected)?;
        <[u8; N]>::try_from(raw).or_else(|_| self.fail(expected))
    }

    /// Bytes with their length before them, at most `max`.
    pub(crate) fn sized(&mut self, max: usize, expected: &'static str) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(u64::take(self)?).unwrap_or(usize::MAX);
        if length > max {
            return self.fail(expected);
        }
        self.raw(length, expected)
    }

    pub(crate) fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn end(&self) -> Result<(), WireError> {
        if self.rest() == 0 { Ok(()) } else { self.fail("the end") }
    }
}

/// See the module.
pub(crate) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(from: &mut Reader<'_>) -> Result<Self, WireError>;
}

/// Writes bytes with their length before them.
pub(crate) fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    (bytes.len() as u64).put(out);
    out.extend_from_slice(bytes);
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        const EXPECTED: &str = "an unsigned number in its shortest form";
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = from.array(EXPECTED)?;
            let bits = u64::from(byte & 0x7f);
            if (shift == 63 && bits > 1) || (shift > 0 && byte == 0) {
                return from.fail(EXPECTED);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        from.fail(EXPECTED)
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self::from_le_bytes(from.array("a signed number")?))
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        match from.array("0 or 1")? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => from.fail("0 or 1"),
        }
    }
}

impl Wire for Box<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_sized(self.as_bytes(), out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let bytes = from.sized(usize::MAX, "a text with its length")?;
        std::str::from_utf8(bytes).map(Self::from).or_else(|_| from.fail("UTF-8"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(if bool::take(from)? { Some(T::take(from)?) } else { None })
    }
}

impl<T: Wire> Wire for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        T::take(from).map(Self::new)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|entry| entry.put(out));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let entries = u64::take(from)?;
        // Every entry takes at least one byte, so a false number cannot make a long allocation.
        if entries > from.rest() as u64 {
            return from.fail("as many entries as the list names");
        }
        (0..entries).map(|_| T::take(from)).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok((A::take(from)?, B::take(from)?))
    }
}

impl Wire for EventId {
    fn put(&self, out: &mut Vec<u8>) {
        match self.form() {
            Form::Uuid(bytes) => {
                out.push(0);
                out.extend_from_slice(bytes);
            }
            Form::Text(text) => {
                out.push(1);
                text.put(out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        if !bool::take(from)? {
            return Ok(Self::from_uuid(from.array("a UUID")?));
        }
        let id = Self::new(&Box::<str>::take(from)?);
        if matches!(id.form(), Form::Uuid(_)) { from.fail("an id that is no UUID") } else { Ok(id) }
    }
}

/// A record is its fields, in order.
macro_rules! wire {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::state::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $( self.$field.put(out); )*
            }

            fn take(
                from: &mut $crate::state::wire::Reader<'_>,
            ) -> Result<Self, $crate::state::wire::WireError> {
                Ok(Self { $( $field: $crate::state::wire::Wire::take(from)?, )* })
            }
        }
    };
}

/// A choice without values is one byte, from 0, in the order given.
macro_rules! wire_choice {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::state::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }

            fn take(
                from: &mut $crate::state::wire::Reader<'_>,
            ) -> Result<Self, $crate::state::wire::WireError> {
                const CHOICES: &[$name] = &[$($name::$variant),*];
                let [byte] = from.array("a choice")?;
                CHOICES.get(usize::from(byte)).copied().map_or_else(|| from.fail("a known choice"), Ok)
            }
        }
    };
}

pub(crate) use {wire, wire_choice};

wire!(Stamp { time_us, id });
