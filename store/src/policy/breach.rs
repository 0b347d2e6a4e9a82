//! What a check found.
//!
//! Guarantee: a breach names its check, the event that showed it, the events that it rests on with their parts, and in
//! words what was expected and found, with numbers.

use serde::{Deserialize, Serialize};

/// How grave a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot be told any more: what the verdict needs was forgotten. Not a setting.
    #[serde(skip_deserializing)]
    Unknown,
    /// Worth knowing.
    Notice,
    /// A limit was crossed.
    Warning,
    /// Somebody should act now.
    Critical,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Which check: one of [`check::ALL`]; the kind of the finding.
    pub check: &'static str,
    /// How grave.
    pub severity: Severity,
    /// The event that showed it.
    pub event_id: String,
    /// What it is about, stable across policies: an agent in a cycle, a message, a credential, a pair of agents.
    pub subject: String,
    /// Further events and the part that each plays.
    pub related: Vec<(String, &'static str)>,
    /// What was expected and found.
    pub detail: String,
    /// Version of the policy that judged.
    pub policy_version: String,
}

/// Names of the checks, as they stand in findings.
pub mod check {
    macro_rules! checks {
        ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
            $( $(#[doc = $doc])* pub const $name: &str = $text; )*
            /// Every check.
            pub const ALL: &[&str] = &[$($text),*];
        };
    }

    checks! {
        /// The signature of a sender is missing, does not hold, or is of a role that the policy refuses.
        UNSIGNED_SENDER = "policy.unsigned_sender";
        /// Nobody is registered under the name of the sender.
        UNKNOWN_SENDER = "policy.unknown_sender";
        /// Work was handed on through too many agents.
        CHAIN_DEPTH = "policy.chain_depth";
        /// One message reached too many agents.
        FAN_OUT = "policy.fan_out";
        /// An agent sent too many messages in one cycle.
        MESSAGES_PER_CYCLE = "policy.messages_per_cycle";
        /// An agent has too many messages out that nobody answered.
        CONCURRENT_FAN_OUT = "policy.concurrent_fan_out";
        /// The breaker between two agents tripped.
        BREAKER_TRIPPED = "policy.breaker_tripped";
        /// A message was sent through an open breaker.
        BREAKER_OPEN = "policy.breaker_open";
        /// More probes than allowed were sent through a half-open breaker.
        BREAKER_PROBE = "policy.breaker_probe";
        /// An agent acted within its cooldown.
        COOLDOWN = "policy.cooldown";
        /// An agent acted after it was killed, or resumed itself.
        ACT_AFTER_KILL = "policy.act_after_kill";
        /// Memory of another partition was read without a grant.
        MEMORY_GRANT = "policy.memory_grant";
        /// A credential was used beyond its scope.
        CREDENTIAL_SCOPE = "policy.credential_scope";
        /// A credential was used after its expiry.
        CREDENTIAL_EXPIRED = "policy.credential_expired";
        /// A credential was used after its revocation.
        CREDENTIAL_REVOKED = "policy.credential_revoked";
        /// A credential was used by a second agent.
        CREDENTIAL_SHARED = "policy.credential_shared";
        /// A credential was carried into another task, or live ones pile up over tasks.
        CREDENTIAL_ACCUMULATED = "policy.credential_accumulated";
        /// An agent acted with more rights than the principal has for whom it acts.
        RIGHTS_EXCEEDED = "policy.rights_exceeded";
        /// Somebody approved its own request.
        APPROVAL_SELF = "policy.approval_self";
        /// Something else was approved or carried out than what was shown.
        APPROVAL_DIGEST = "policy.approval_digest";
        /// An agent changed its own prompt, policy, tools or budget.
        SELF_CHANGE = "policy.self_change";
    }
}
