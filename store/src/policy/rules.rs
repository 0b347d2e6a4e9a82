//! The policy: which checks run, with which numbers, and what counts as untrusted.
//!
//! Guarantee: [`Policy::default`] is docs/policy.example.yaml. Every field of a check has a default, every number a
//! range, and no name that is not known here is accepted; the ranges hold for what [`Policy::from_yaml`] returns.

use super::breach::Severity;
use super::limits::{BREAKER_WINDOW_MAX, CHAIN_AGENTS_MAX, SET_ENTRIES_MAX};
use super::load::{count, kinds, names, seconds};
use super::untrusted::Untrusted;
use schemas::kind;
use serde::{Deserialize, Serialize};

/// Version that the built-in policy carries.
pub const DEFAULT_VERSION: &str = "default-1";
/// Context of the digest of a policy.
const POLICY_CONTEXT: &str = "hansard 2026-11 policy v1";
/// A policy's `max` where a set is counted: one less than what a set remembers, so that the excess is seen.
const MAX_OF_SET: u64 = SET_ENTRIES_MAX as u64 - 1;
const MAX_OF_CHAIN: u64 = CHAIN_AGENTS_MAX as u64 - 1;
/// Largest plain count.
const MAX_OF_COUNT: u64 = 1_000_000;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The policy's own version: any text; findings carry it.
    #[serde(deserialize_with = "super::load::version")]
    pub version: String,
    /// The checks.
    #[serde(default)]
    pub checks: Checks,
    /// What is not to be trusted as an input.
    #[serde(default)]
    pub untrusted: Untrusted,
}

impl Default for Policy {
    fn default() -> Self {
        Self { version: DEFAULT_VERSION.to_owned(), checks: Checks::default(), untrusted: Untrusted::default() }
    }
}

impl Policy {
    /// The canonical form: every field with its value, in a fixed order, as JSON. Comments, order and what was left to
    /// its default do not change it.
    #[must_use]
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).expect("a policy holds texts, numbers and lists, which JSON can always write")
    }

    /// Digest of the canonical form, with context `hansard 2026-11 policy v1` over its length and bytes.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        schemas::digest::fields_digest(POLICY_CONTEXT, &[self.canonical().as_bytes()])
    }
}

macro_rules! checks {
    ($($(#[doc = $doc:literal])* $field:ident: $name:ident = $severity:ident {
        $($(#[doc = $value_doc:literal])* $value:ident: $type:ty = $default:expr, $read:literal;)*
    })*) => {
        /// Every check.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Checks {
            $($(#[doc = $doc])* pub $field: $name,)*
        }
        $(
            $(#[doc = $doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $name {
                /// Whether it runs.
                pub enabled: bool,
                /// How grave its breaches are.
                pub severity: Severity,
                $($(#[doc = $value_doc])* #[serde(deserialize_with = $read)] pub $value: $type,)*
            }
            impl Default for $name {
                fn default() -> Self {
                    Self { enabled: true, severity: Severity::$severity, $($value: $default,)* }
                }
            }
        )*
    };
}

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn acts() -> Vec<String> {
    list(&[
        kind::MODEL_CALL,
        kind::TOOL_CALL,
        kind::MESSAGE,
        kind::HANDOFF,
        kind::RETRIEVAL,
        kind::MEMORY_READ,
        kind::MEMORY_WRITE,
        kind::MEMORY_DELETE,
        kind::MEMORY_GRANT,
        kind::DECISION,
        kind::CREDENTIAL_USED,
        kind::CONFIG_CHANGED,
    ])
}

checks! {
    /// Messages and handoffs whose sender is not signed for.
    unsigned_sender: UnsignedSender = Warning {
        /// Roles of keys that are accepted: `self`, `gateway`, `import`.
        attested: Vec<String> = list(&["self", "gateway", "import"]), "super::load::roles";
    }
    /// Messages of senders that nobody knows.
    unknown_sender: UnknownSender = Warning {
        /// Names that count as known although they never spoke: globs of agent ids and URIs.
        known: Vec<String> = Vec::new(), "names";
    }
    /// Agents in one chain of work handed on.
    chain_depth: ChainDepth = Warning {
        /// Most agents in a chain.
        max: u64 = 5, "count::<1, MAX_OF_CHAIN, _>";
    }
    /// Agents downstream of one message.
    fan_out: FanOut = Warning {
        /// Most agents that a message may reach directly.
        max: u64 = 3, "count::<1, MAX_OF_SET, _>";
    }
    /// Messages and handoffs of one agent in one cycle.
    messages_per_cycle: MessagesPerCycle = Warning {
        /// Most messages.
        max: u64 = 20, "count::<1, MAX_OF_COUNT, _>";
    }
    /// Messages of one agent in one cycle that were sent and not yet answered.
    concurrent_fan_out: ConcurrentFanOut = Warning {
        /// Most that may wait at a time.
        max: u64 = 5, "count::<1, MAX_OF_SET, _>";
        /// After how many seconds nobody waits any more.
        expires_s: u64 = 3_600, "seconds";
    }
    /// The circuit breaker between two agents.
    breaker: BreakerRule = Warning {
        /// Failures among the last interactions that trip it.
        failures: u64 = 3, "count::<1, BREAKER_WINDOW_MAX, _>";
        /// Share of anomalies among the last interactions that trips it, in percent.
        anomaly_percent: u64 = 15, "count::<1, 100, _>";
        /// Fewest interactions before a share is taken.
        min_interactions: u64 = 10, "count::<1, BREAKER_WINDOW_MAX, _>";
        /// Interactions that it looks back on.
        window: u64 = 20, "count::<1, BREAKER_WINDOW_MAX, _>";
        /// Seconds from a trip to the first probe.
        cooldown_s: u64 = 300, "seconds";
        /// Probes at a time while it is half open.
        probes: u64 = 1, "count::<1, BREAKER_WINDOW_MAX, _>";
    }
    /// Acts of an agent that was told to pause.
    cooldown: Cooldown = Warning {
        /// Kinds of events that start one.
        after: Vec<String> = list(&[kind::BUDGET_THROTTLED]), "kinds";
        /// How long, in seconds, where the event does not say it.
        seconds: u64 = 300, "seconds";
        /// Kinds of events that are acts.
        acts: Vec<String> = acts(), "kinds";
    }
    /// Acts of an agent that was stopped.
    act_after_kill: ActAfterKill = Critical {
        /// Seconds that an act under way may still take.
        grace_s: u64 = 0, "seconds";
        /// Kinds of events that are acts.
        acts: Vec<String> = acts(), "kinds";
    }
    /// Reads of another's memory.
    memory_grant: MemoryGrant = Warning {
        /// Partitions that everyone may read: globs.
        open: Vec<String> = list(&["shared/*"]), "names";
    }
    /// Credentials used beyond what they were issued for.
    credential_scope: CredentialScope = Critical {}
    /// Credentials used after their expiry.
    credential_expired: CredentialExpired = Warning {
        /// Seconds by which clocks may differ.
        leeway_s: u64 = 0, "seconds";
    }
    /// Credentials used after their revocation.
    credential_revoked: CredentialRevoked = Critical {
        /// Seconds that a revocation may take.
        leeway_s: u64 = 0, "seconds";
    }
    /// Credentials used by two agents.
    credential_shared: CredentialShared = Critical {}
    /// Credentials that outlive their task.
    credential_accumulated: CredentialAccumulated = Warning {
        /// Whether a use in another task than that of the issue is a breach.
        across_tasks: bool = true, "bool::deserialize";
        /// Most tasks of which an agent may hold live credentials at a time.
        max_tasks: u64 = 3, "count::<1, MAX_OF_SET, _>";
    }
    /// Acts with more rights than the principal's.
    rights_exceeded: RightsExceeded = Critical {}
    /// Approvals by the asker itself.
    approval_self: ApprovalSelf = Critical {}
    /// Approvals of something else than what was shown.
    approval_digest: ApprovalDigest = Critical {}
    /// Agents that change what bounds them.
    self_change: SelfChange = Critical {
        /// What an agent may not change of itself: globs of the first part of `hansard.config.name`.
        what: Vec<String> = list(&["prompt*", "policy*", "tool*", "budget*"]), "names";
    }
}
