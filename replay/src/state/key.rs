//! Keys of cells: a class, then its parts.
//!
//! Encoding: one byte for the class, then each part in UTF-8 with every zero byte followed by 0xff, closed by a zero
//! byte. Guarantee: no two lists of parts make the same key; keys order by class, then part by part; the keys that
//! begin with some parts stand together. The first part is the tenant.

use super::limits::TEXT_BYTES_MAX;
use std::fmt;
use std::sync::Arc;

macro_rules! classes {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal, $name:literal, [$($part:literal),*];)*) => {
        /// What a cell is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Class { $( $(#[doc = $doc])* $variant = $code, )* }

        impl Class {
            /// All classes, in the order of keys.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that answers carry.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Names of the parts after the tenant.
            #[must_use]
            pub const fn parts(self) -> &'static [&'static str] {
                match self { $( Self::$variant => &[$($part),*], )* }
            }
        }
    };
}

classes! {
    /// Sums over everything of a tenant.
    Totals = 1, "totals", [];
    /// A session or conversation.
    Session = 2, "session", ["session"];
    /// An agent.
    Agent = 3, "agent", ["agent"];
    /// Kills, resumptions and pauses of an agent; session empty for all its sessions.
    Stop = 4, "stop", ["agent", "session"];
    /// What a budget last said.
    Budget = 5, "budget", ["agent", "session", "budget"];
    /// A value of shared memory.
    Memory = 6, "memory", ["store", "key"];
    /// A file that an agent wrote.
    File = 7, "file", ["store", "key"];
    /// Who may read a partition of memory.
    Grant = 8, "grant", ["store", "reader"];
    /// A tool call without its result, or a result without its call.
    Call = 9, "call", ["session", "call_id", "call"];
    /// A credential.
    Credential = 10, "credential", ["credential"];
    /// A configuration in force.
    Config = 11, "config", ["config", "agent"];
    /// A policy in force.
    Policy = 12, "policy", ["policy"];
    /// A request for approval with its decisions; request empty for decisions that name none.
    Approval = 13, "approval", ["request", "digest"];
    /// What passed between two agents.
    Breaker = 14, "breaker", ["from", "to"];
    /// An answer that was refused or flagged later.
    Flag = 15, "flag", ["event"];
}

/// See the module.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// The key of a class with these parts, the tenant first. Parts that are too long stand as their digest.
    #[must_use]
    pub fn new(class: Class, parts: &[&str]) -> Self {
        Self(Self::prefix(class, parts).into())
    }

    /// What all keys begin with that have these parts first.
    #[must_use]
    pub fn prefix(class: Class, parts: &[&str]) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + parts.iter().map(|part| part.len() + 1).sum::<usize>());
        out.push(class as u8);
        for part in parts {
            for byte in clipped(part).as_bytes() {
                out.push(*byte);
                if *byte == 0 {
                    out.push(0xff);
                }
            }
            out.push(0);
        }
        out
    }

    /// Reads a key; `None` when the bytes are none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let key = Self(bytes.into());
        let parts = key.parts()?;
        let whole = parts.len() == key.class()?.parts().len() + 1;
        (whole && parts.iter().all(|part| part.len() <= TEXT_BYTES_MAX)).then_some(key)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The class.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        let code = *self.0.first()?;
        Class::ALL.iter().copied().find(|class| *class as u8 == code)
    }

    /// The parts, the tenant first; `None` when the bytes are no key.
    #[must_use]
    pub fn parts(&self) -> Option<Vec<String>> {
        let (mut parts, mut part, mut rest) = (Vec::new(), Vec::new(), self.0.get(1..)?.iter().peekable());
        while let Some(byte) = rest.next() {
            if *byte != 0 {
                part.push(*byte);
            } else if rest.next_if(|next| **next == 0xff).is_some() {
                part.push(0);
            } else {
                parts.push(String::from_utf8(std::mem::take(&mut part)).ok()?);
            }
        }
        part.is_empty().then_some(parts)
    }

    /// A part after the tenant, by its name.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<String> {
        let at = self.class()?.parts().iter().position(|part| *part == name)?;
        self.parts()?.into_iter().nth(at + 1)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:?}", self.class(), self.parts().unwrap_or_default())
    }
}

/// A text, or its digest when it is longer than [`TEXT_BYTES_MAX`].
pub(super) fn clipped(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return text.into();
    }
    format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex()).into()
}
