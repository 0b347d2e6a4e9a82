//! What part an event plays in a reason.
//!
//! Guarantee: every event has exactly one role; kinds that this version does not know are `Other`.

use schemas::kind;
use serde::Serialize;
use utoipa::ToSchema;

/// See the module. The order is that in which a reason is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A decision.
    Decision,
    /// An approval, asked for, given or refused.
    Approval,
    /// A policy's or guardrail's verdict.
    PolicyVerdict,
    /// A model's answer.
    ModelCall,
    /// A plan.
    Plan,
    /// A tool was called.
    ToolCall,
    /// What the tool answered.
    ToolResult,
    /// Retrieved documents.
    Retrieval,
    /// Memory read or written.
    Memory,
    /// A message or prompt.
    Message,
    /// A credential.
    Credential,
    /// Anything else.
    Other,
}

impl Role {
    /// The role of a kind.
    #[must_use]
    pub fn of(kind_name: &str) -> Self {
        match kind_name {
            kind::DECISION => Self::Decision,
            kind::POLICY_VERDICT | kind::GUARDRAIL => Self::PolicyVerdict,
            kind::MODEL_CALL => Self::ModelCall,
            kind::PLAN => Self::Plan,
            kind::TOOL_CALL => Self::ToolCall,
            kind::TOOL_RESULT => Self::ToolResult,
            kind::RETRIEVAL => Self::Retrieval,
            kind::MESSAGE | kind::HANDOFF | kind::AGENT_INVOKED => Self::Message,
            other if other.starts_with("approval.") => Self::Approval,
            other if other.starts_with("memory.") => Self::Memory,
            other if other.starts_with("credential.") => Self::Credential,
            other if other.ends_with(".message") => Self::Message,
            _ => Self::Other,
        }
    }

    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Approval => "approval",
            Self::PolicyVerdict => "policy verdict",
            Self::ModelCall => "model call",
            Self::Plan => "plan",
            Self::ToolCall => "tool call",
            Self::ToolResult => "tool result",
            Self::Retrieval => "retrieval",
            Self::Memory => "memory",
            Self::Message => "prompt or message",
            Self::Credential => "credential",
            Self::Other => "other",
        }
    }
}
