//! What a cell holds, one file for each part of the state.
//!
//! Every event makes a few unit cells; the state is their join, cell by cell. Guarantee: joining is associative and
//! commutative, so that the order of events makes no difference, and a state of some events joined with one of others
//! is the state of all. Registers keep the greatest by version, time and id, sums add, calls and results cancel.

pub(crate) mod approval;
pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod call;
pub(crate) mod config;
pub(crate) mod credential;
pub(crate) mod memory;
pub(crate) mod tally;

use super::key::Class;
use super::stamp::Stamp;
use super::wire::{Reader, Wire, WireError};
use serde::Serialize;

pub use approval::{Approval, Decision, Request};
pub use breaker::{Fact, Facts, Flagged, What};
pub use budget::{Budget, Mark, Pause, Stop};
pub use call::{Call, CallBalance};
pub use config::{Config, Grant, Policy};
pub use credential::{Credential, Issue, Use};
pub use memory::{Memory, Write};
pub use tally::{Agent, Digests, Last, Session, Stated, Tally, Totals};

/// Joins another cell of the same key into this one.
pub(crate) trait Join {
    /// See the trait.
    fn join(&mut self, other: Self);
}

/// Keeps the greater of two registers; those of the cells begin with version or stamp.
pub(crate) fn later<T: Ord>(mine: &mut Option<T>, other: Option<T>) {
    if other > *mine {
        *mine = other;
    }
}

/// Keeps the smaller of two registers.
pub(crate) fn earlier<T: Ord>(mine: &mut Option<T>, other: Option<T>) {
    if let Some(other) = other
        && mine.as_ref().is_none_or(|mine| other < *mine)
    {
        *mine = Some(other);
    }
}

macro_rules! cells {
    ($($variant:ident: $type:ty,)*) => {
        /// See the module. The class of a cell's key says which it is.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Cell { $( #[doc = concat!("A cell of class `", stringify!($variant), "`.")] $variant(Box<$type>), )* }

        impl Cell {
            /// Joins a cell of the same class; one of another class changes nothing.
            pub(crate) fn join(&mut self, other: Self) {
                match (self, other) {
                    $( (Self::$variant(mine), Self::$variant(other)) => mine.join(*other), )*
                    _ => {}
                }
            }

            /// The class of the keys that it stands under.
            #[must_use]
            pub fn class(&self) -> Class {
                match self { $( Self::$variant(_) => Class::$variant, )* }
            }

            pub(crate) fn put(&self, out: &mut Vec<u8>) {
                match self { $( Self::$variant(cell) => cell.put(out), )* }
            }

            pub(crate) fn take(class: Class, from: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(match class { $( Class::$variant => Self::$variant(Wire::take(from)?), )* })
            }

            /// The latest event that shows in it; `None` for a result whose call is missing.
            #[must_use]
            pub fn latest(&self) -> Option<&Stamp> {
                match self { $( Self::$variant(cell) => cell.latest(), )* }
            }
        }

        $( impl From<$type> for Cell {
            fn from(cell: $type) -> Self {
                Self::$variant(Box::new(cell))
            }
        } )*
    };
}

cells! {
    Totals: Totals,
    Session: Session,
    Agent: Agent,
    Stop: Stop,
    Budget: Budget,
    Memory: Memory,
    File: FileCell,
    Grant: Grant,
    Call: CallBalance,
    Credential: Credential,
    Config: Config,
    Policy: Policy,
    Approval: Approval,
    Breaker: Facts,
    Flag: Flagged,
}

impl Cell {
    /// Whether nothing is left of it, as of a call that has its result.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Call(call) if call.call.is_none() && call.results == 0 && call.loose.is_none())
    }
}

/// A file, which is kept as a value of memory is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct FileCell(pub Memory);

impl Join for FileCell {
    fn join(&mut self, other: Self) {
        self.0.join(other.0);
    }
}

impl FileCell {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.0.latest()
    }
}

impl Wire for FileCell {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Memory::take(from).map(Self)
    }
}

/// 32 bytes, in hex for readers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex32(pub [u8; 32]);

impl std::fmt::Debug for Hex32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for Hex32 {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(self.0))
    }
}

impl Wire for Hex32 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self(from.array("32 bytes")?))
    }
}
