//! What the index keeps of an event: enough to walk and to tell what it is, never a content.
//!
//! The fields are those of the columns of the same names. Stored as protobuf, so that later versions add fields.

use super::key::{Domain, Key};
use prost::Message;

/// Bytes of a digest that are kept: a second header with the same 16 bytes cannot be found.
pub(super) const DIGEST_BYTES: usize = 16;

/// A cause that an event states.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct NodeCause {
    /// Event id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// How.
    #[prost(string, tag = "2")]
    pub relation: String,
    /// First 16 bytes of the cause's header digest, where it is stated; else empty.
    #[prost(bytes = "vec", tag = "3")]
    pub digest: Vec<u8>,
}

/// An event in the index.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Node {
    /// Event id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Kind.
    #[prost(string, tag = "2")]
    pub kind: String,
    /// Microseconds since 1970, by the event.
    #[prost(sint64, optional, tag = "3")]
    pub time: Option<i64>,
    /// Microseconds since 1970, by the compactor; absent while it is not committed.
    #[prost(sint64, optional, tag = "4")]
    pub committed_at: Option<i64>,
    /// Agent.
    #[prost(string, optional, tag = "5")]
    pub agent: Option<String>,
    /// Agent version.
    #[prost(string, optional, tag = "6")]
    pub agent_version: Option<String>,
    /// Model.
    #[prost(string, optional, tag = "7")]
    pub model: Option<String>,
    /// Tool.
    #[prost(string, optional, tag = "8")]
    pub tool: Option<String>,
    /// Id of the tool call.
    #[prost(string, optional, tag = "9")]
    pub tool_call_id: Option<String>,
    /// Business object.
    #[prost(string, optional, tag = "10")]
    pub subject: Option<String>,
    /// Session.
    #[prost(string, optional, tag = "11")]
    pub session: Option<String>,
    /// On behalf of whom.
    #[prost(string, optional, tag = "12")]
    pub principal: Option<String>,
    /// Who answers for the agent.
    #[prost(string, optional, tag = "13")]
    pub sponsor: Option<String>,
    /// Role of the signing key.
    #[prost(string, optional, tag = "14")]
    pub attested: Option<String>,
    /// Signing key, hex.
    #[prost(string, optional, tag = "15")]
    pub signer: Option<String>,
    /// URI of the speaker.
    #[prost(string, optional, tag = "16")]
    pub source: Option<String>,
    /// Stream.
    #[prost(string, optional, tag = "17")]
    pub stream: Option<String>,
    /// Id in the place that it was imported from.
    #[prost(string, optional, tag = "18")]
    pub native_id: Option<String>,
    /// Error of a failed act.
    #[prost(string, optional, tag = "19")]
    pub error_type: Option<String>,
    /// Memory store.
    #[prost(string, optional, tag = "20")]
    pub memory_store: Option<String>,
    /// Key, file or address.
    #[prost(string, optional, tag = "21")]
    pub resource: Option<String>,
    /// Version of the value that is written or read.
    #[prost(string, optional, tag = "22")]
    pub memory_version: Option<String>,
    /// Credential.
    #[prost(string, optional, tag = "23")]
    pub credential: Option<String>,
    /// Digest of what an approval is about.
    #[prost(string, optional, tag = "24")]
    pub approval_digest: Option<String>,
    /// First 16 bytes of the header's digest.
    #[prost(bytes = "vec", tag = "25")]
    pub digest: Vec<u8>,
    /// Stated causes.
    #[prost(message, repeated, tag = "26")]
    pub causes: Vec<NodeCause>,
    /// Keys of its contents that are long enough to be told apart by their bytes.
    #[prost(fixed64, repeated, tag = "27")]
    pub contents: Vec<u64>,
    /// Position in its stream.
    #[prost(uint64, tag = "28")]
    pub stream_index: u64,
    /// Offset of the log record that carried it.
    #[prost(uint64, tag = "29")]
    pub log_offset: u64,
}

/// What an event does to the resource that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Writes,
    Reads,
}

impl Node {
    /// When it was, for order: its own time, else that of its commit, else last.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.time.or(self.committed_at).unwrap_or(i64::MAX)
    }

    pub(super) fn access(&self) -> Option<Access> {
        match self.kind.as_str() {
            _ if self.resource.is_none() => None,
            "memory.write" | "file.write" => Some(Access::Writes),
            "memory.read" | "file.read" | "retrieval" => Some(Access::Reads),
            _ => None,
        }
    }

    fn place_of_resource(&self) -> [&str; 2] {
        [self.memory_store.as_deref().unwrap_or_default(), self.resource.as_deref().unwrap_or_default()]
    }

    /// Key of the writes (or reads) of its resource.
    pub(super) fn resource_key(&self, domain: Domain) -> Key {
        Key::text(domain, &self.place_of_resource())
    }

    /// Key of the writes (or reads) of the version of its resource that it names.
    pub(super) fn version_key(&self, domain: Domain) -> Option<Key> {
        let [store, resource] = self.place_of_resource();
        self.memory_version.as_deref().map(|version| Key::text(domain, &[store, resource, version]))
    }

    /// Key of the calls (or results) of its tool call.
    pub(super) fn call_key(&self, domain: Domain) -> Option<Key> {
        let (session, call) = (self.session.as_deref()?, self.tool_call_id.as_deref()?);
        Some(Key::text(domain, &[session, call]))
    }

    /// The keys under which it is found without a time.
    pub(super) fn plain_keys(&self, mut each: impl FnMut(Key)) {
        each(Key::text(Domain::Id, &[&self.id]));
        for cause in &self.causes {
            each(Key::text(Domain::CausedBy, &[&cause.id]));
        }
        if let Some(native) = self.native_id.as_deref().filter(|native| *native != self.id) {
            each(Key::text(Domain::NativeId, &[native]));
        }
        match self.kind.as_str() {
            "tool.call" => self.call_key(Domain::Call).into_iter().for_each(&mut each),
            "tool.result" => self.call_key(Domain::Result).into_iter().for_each(&mut each),
            _ => {}
        }
        if let Some(credential) = self.credential.as_deref() {
            let domain = if self.kind == "credential.issued" { Domain::Issued } else { Domain::Used };
            each(Key::text(domain, &[credential]));
        }
        if let (Some(digest), Some(domain)) = (self.approval_digest.as_deref(), self.approval()) {
            each(Key::text(domain, &[digest]));
        }
        let version = match self.access() {
            Some(Access::Writes) => self.version_key(Domain::VersionWritten),
            Some(Access::Reads) => self.version_key(Domain::VersionRead),
            None => None,
        };
        version.into_iter().for_each(each);
    }

    /// Its side of an approval.
    pub(super) fn approval(&self) -> Option<Domain> {
        match self.kind.as_str() {
            "approval.requested" => Some(Domain::Asked),
            "approval.granted" | "approval.denied" => Some(Domain::Answered),
            _ => None,
        }
    }

    /// The keys under which it is found in order of time.
    pub(super) fn timed_keys(&self, mut each: impl FnMut(Key)) {
        if let Some(subject) = &self.subject {
            each(Key::text(Domain::Subject, &[subject]));
        }
        match self.access() {
            Some(Access::Writes) => each(self.resource_key(Domain::Written)),
            Some(Access::Reads) => each(self.resource_key(Domain::Read)),
            None => {}
        }
        self.contents.iter().for_each(|key| each(Key(*key)));
    }
}
