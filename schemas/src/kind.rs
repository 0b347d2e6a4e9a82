//! The kinds of events and the relations between them, by the names that stand in headers and in SQL.
//!
//! Guarantee: an unknown kind, with or without the prefix, is kept as it is and stays queryable.

/// What stands before a kind in the CloudEvents `type`.
pub const TYPE_PREFIX: &str = "dev.hansard.";

/// The short kind of a CloudEvents `type`: the prefix is dropped where it stands, anything else is kept whole.
#[must_use]
pub fn kind_of_type(event_type: &str) -> &str {
    event_type.strip_prefix(TYPE_PREFIX).unwrap_or(event_type)
}

/// The CloudEvents `type` of a kind: known kinds get the prefix, unknown ones are written as they are.
#[must_use]
pub fn type_of_kind(kind: &str) -> String {
    if KINDS.contains(&kind) { format!("{TYPE_PREFIX}{kind}") } else { kind.to_owned() }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        $( $(#[doc = $doc])* pub const $name: &str = $text; )*
        /// Every kind of format version 1.
        pub const KINDS: &[&str] = &[$($text),*];
    };
}

kinds! {
    /// A session begins.
    SESSION_START = "session.start";
    /// A session ends.
    SESSION_END = "session.end";
    /// An agent was invoked.
    AGENT_INVOKED = "agent.invoked";
    /// A model call: input, output, reasoning, usage.
    MODEL_CALL = "model.call";
    /// A tool was called.
    TOOL_CALL = "tool.call";
    /// What the tool answered.
    TOOL_RESULT = "tool.result";
    /// A message between agents or with people.
    MESSAGE = "message";
    /// Work was handed to another agent.
    HANDOFF = "handoff";
    /// Shared memory was read.
    MEMORY_READ = "memory.read";
    /// Shared memory was written.
    MEMORY_WRITE = "memory.write";
    /// Shared memory was deleted.
    MEMORY_DELETE = "memory.delete";
    /// Access to a memory partition was granted.
    MEMORY_GRANT = "memory.grant";
    /// Documents were retrieved.
    RETRIEVAL = "retrieval";
    /// A plan was made.
    PLAN = "plan";
    /// A decision was taken.
    DECISION = "decision";
    /// An approval was asked for.
    APPROVAL_REQUESTED = "approval.requested";
    /// An approval was given.
    APPROVAL_GRANTED = "approval.granted";
    /// An approval was refused.
    APPROVAL_DENIED = "approval.denied";
    /// A policy gave its verdict.
    POLICY_VERDICT = "policy.verdict";
    /// A credential was issued.
    CREDENTIAL_ISSUED = "credential.issued";
    /// A credential was used.
    CREDENTIAL_USED = "credential.used";
    /// A credential was revoked.
    CREDENTIAL_REVOKED = "credential.revoked";
    /// A guardrail acted.
    GUARDRAIL = "guardrail";
    /// A circuit breaker opened.
    BREAKER_TRIPPED = "breaker.tripped";
    /// A circuit breaker closed again.
    BREAKER_RESET = "breaker.reset";
    /// A budget is nearly used.
    BUDGET_WARNING = "budget.warning";
    /// A budget slows an agent down.
    BUDGET_THROTTLED = "budget.throttled";
    /// A budget stopped an agent.
    BUDGET_KILLED = "budget.killed";
    /// An agent was stopped.
    AGENT_KILLED = "agent.killed";
    /// An agent goes on.
    AGENT_RESUMED = "agent.resumed";
    /// An evaluation of a run, a session or an event.
    EVALUATION = "evaluation";
    /// A node of a workflow ran.
    WORKFLOW_NODE = "workflow.node";
    /// A key may speak for sources from now on.
    KEY_REGISTERED = "key.registered";
    /// A key takes another's place.
    KEY_ROTATED = "key.rotated";
    /// A key may no longer speak.
    KEY_REVOKED = "key.revoked";
    /// A configuration changed.
    CONFIG_CHANGED = "config.changed";
    /// An incident was declared.
    INCIDENT = "incident";
    /// Contents were erased.
    ERASURE = "erasure";
    /// A legal hold was set or lifted.
    HOLD = "hold";
    /// Somebody read the record.
    ACCESS = "access";
}

/// How an event came from another: `causes[].relation`, from the effect to its cause.
pub const RELATIONS: &[&str] = &[
    "responds_to",
    "used",
    "derived_from",
    "delegated_by",
    "approved_by",
    "authorised_by",
    "read",
    "wrote",
    "corrects",
    "replays",
];

#[cfg(test)]
mod tests {
    use super::{kind_of_type, type_of_kind};

    #[test]
    fn kinds_and_types_are_inverse() {
        for kind in super::KINDS {
            assert_eq!(kind_of_type(&type_of_kind(kind)), *kind);
        }
        assert_eq!(kind_of_type("com.example.thing"), "com.example.thing");
        assert_eq!(type_of_kind("com.example.thing"), "com.example.thing");
    }
}
