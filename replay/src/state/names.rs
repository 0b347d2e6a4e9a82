//! The attributes that the fold reads, by name; docs/policy.md says which kinds carry them.
//!
//! Guarantee: an attribute that is absent or of another type than expected is as good as not there. [`READ`] lists all,
//! so that a feeder can leave out the rest.

pub(crate) const ROLE: &str = "hansard.role";
pub(crate) const RECIPIENTS: &str = "hansard.message.recipients";
pub(crate) const ANOMALY: &str = "hansard.anomaly";
pub(crate) const POLICY_NAME: &str = "hansard.policy.name";
pub(crate) const POLICY_VERSION: &str = "hansard.policy.version";
pub(crate) const VERDICT: &str = "hansard.policy.verdict";
pub(crate) const BREAKER_FROM: &str = "hansard.breaker.from";
pub(crate) const BREAKER_TO: &str = "hansard.breaker.to";
pub(crate) const CREDENTIAL_ID: &str = "hansard.credential.id";
pub(crate) const CREDENTIAL_SCOPE: &str = "hansard.credential.scope";
pub(crate) const CREDENTIAL_EXPIRES: &str = "hansard.credential.expires";
pub(crate) const CREDENTIAL_HOLDER: &str = "hansard.credential.holder";
pub(crate) const APPROVAL_DIGEST: &str = "hansard.approval.digest";
pub(crate) const APPROVAL_ASKER: &str = "hansard.approval.asker";
pub(crate) const APPROVAL_APPROVER: &str = "hansard.approval.approver";
pub(crate) const CONFIG_NAME: &str = "hansard.config.name";
pub(crate) const CONFIG_TARGET: &str = "hansard.config.target";
pub(crate) const CONFIG_VERSION: &str = "hansard.config.version";
pub(crate) const MEMORY_STORE: &str = "gen_ai.memory.store.id";
pub(crate) const MEMORY_KEY: &str = "hansard.memory.key";
pub(crate) const MEMORY_RECORD: &str = "gen_ai.memory.record.id";
pub(crate) const MEMORY_VERSION: &str = "hansard.memory.version";
pub(crate) const FILE_PATH: &str = "hansard.file.path";
pub(crate) const GRANT_READER: &str = "hansard.grant.reader";
pub(crate) const GRANT_EXPIRES: &str = "hansard.grant.expires";
pub(crate) const GRANT_REVOKED: &str = "hansard.grant.revoked";
pub(crate) const TARGET_AGENT: &str = "hansard.target.agent";
pub(crate) const TARGET_SESSION: &str = "hansard.target.session";
pub(crate) const COOLDOWN_SECONDS: &str = "hansard.cooldown.seconds";
pub(crate) const BUDGET_NAME: &str = "hansard.budget.name";
pub(crate) const BUDGET_LIMIT: &str = "hansard.budget.limit";
pub(crate) const BUDGET_USED: &str = "hansard.budget.used";
pub(crate) const BUDGET_UNIT: &str = "hansard.budget.unit";
pub(crate) const TOOL: &str = "gen_ai.tool.name";
pub(crate) const TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(crate) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(crate) const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
pub(crate) const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
pub(crate) const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";

/// Every attribute that the fold and the check read.
pub const READ: &[&str] = &[
    ROLE,
    RECIPIENTS,
    ANOMALY,
    POLICY_NAME,
    POLICY_VERSION,
    VERDICT,
    BREAKER_FROM,
    BREAKER_TO,
    CREDENTIAL_ID,
    CREDENTIAL_SCOPE,
    CREDENTIAL_EXPIRES,
    CREDENTIAL_HOLDER,
    APPROVAL_DIGEST,
    APPROVAL_ASKER,
    APPROVAL_APPROVER,
    CONFIG_NAME,
    CONFIG_TARGET,
    CONFIG_VERSION,
    MEMORY_STORE,
    MEMORY_KEY,
    MEMORY_RECORD,
    MEMORY_VERSION,
    FILE_PATH,
    GRANT_READER,
    GRANT_EXPIRES,
    GRANT_REVOKED,
    TARGET_AGENT,
    TARGET_SESSION,
    COOLDOWN_SECONDS,
    BUDGET_NAME,
    BUDGET_LIMIT,
    BUDGET_USED,
    BUDGET_UNIT,
    TOOL,
    TOOL_CALL_ID,
    ERROR_TYPE,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    CACHED_TOKENS,
    CACHE_WRITE_TOKENS,
    REASONING_TOKENS,
];
