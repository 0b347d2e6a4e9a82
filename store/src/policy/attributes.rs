//! The attributes that checks read from events, by name. Producers, gateways and importers set them; docs/policy.md
//! says which kinds carry which.
//!
//! Guarantee: names of OpenTelemetry GenAI are used where there is one; the rest begin with `hansard.`. An attribute
//! that is absent or of another type than stated here is as good as not there: the check that needs it stays silent.

/// Who speaks in a message: `user` for a person. Counted only where the speaker did not sign with a key of its own.
pub const ROLE: &str = "hansard.role";
/// Message, handoff: agent ids that it is meant for; text or list of texts.
pub const RECIPIENTS: &str = "hansard.message.recipients";
/// Message that the receiver recorded: who sent it, agent id or URI.
pub const SENDER: &str = "hansard.message.sender";
/// Message: false when the receiver could not verify a signature of the sender.
pub const VERIFIED: &str = "hansard.message.verified";
/// Message, handoff: false when no answer is awaited. Without it, one that names recipients awaits answers.
pub const EXPECTS_REPLY: &str = "hansard.message.expects_reply";
/// Any event: true when a detector flagged it, or flagged the answer that its causes name.
pub const ANOMALY: &str = "hansard.anomaly";
/// `guardrail`, `policy.verdict`: the verdict; `block`, `blocked`, `deny`, `denied`, `fail`, `failed` are refusals.
pub const VERDICT: &str = "hansard.policy.verdict";
/// `breaker.tripped`, `breaker.reset`: agent id of the calling side.
pub const BREAKER_FROM: &str = "hansard.breaker.from";
/// `breaker.tripped`, `breaker.reset`: agent id of the side that is called.
pub const BREAKER_TO: &str = "hansard.breaker.to";
/// The credential that is issued, used or revoked; on any other event: the credential that it used.
pub const CREDENTIAL_ID: &str = "hansard.credential.id";
/// What the credential allows (`credential.issued`) or was used for: text of terms, or list of such texts.
pub const CREDENTIAL_SCOPE: &str = "hansard.credential.scope";
/// `credential.issued`: until when, RFC 3339.
pub const CREDENTIAL_EXPIRES: &str = "hansard.credential.expires";
/// `credential.issued`: agent id that it is for. Without it, the first to use it holds it.
pub const CREDENTIAL_HOLDER: &str = "hansard.credential.holder";
/// Acts: rights that the agent exercised, in the terms of scopes. Without it, the scope of the credential counts.
pub const RIGHTS: &str = "hansard.rights";
/// Any event about a principal, best `session.start` or `credential.issued`: what the principal may do.
pub const PRINCIPAL_RIGHTS: &str = "hansard.principal.rights";
/// Approvals: digest of what was shown; on an approved act: digest of what is carried out.
pub const APPROVAL_DIGEST: &str = "hansard.approval.digest";
/// `approval.requested`: who asks; without it the agent of the event.
pub const APPROVAL_ASKER: &str = "hansard.approval.asker";
/// `approval.granted`: who approves; without it the agent of the event.
pub const APPROVAL_APPROVER: &str = "hansard.approval.approver";
/// `config.changed`: what changed, as `WHAT` or `WHAT/AGENT`: `prompt/decider`.
pub const CONFIG_NAME: &str = "hansard.config.name";
/// `config.changed`: agent id whose configuration changed, where the name does not say it.
pub const CONFIG_TARGET: &str = "hansard.config.target";
/// Memory events and grants: the partition of shared memory.
pub const MEMORY_PARTITION: &str = "gen_ai.memory.store.id";
/// `memory.grant`: who may read the partition: agent id or glob.
pub const GRANT_READER: &str = "hansard.grant.reader";
/// `memory.grant`: until when, RFC 3339.
pub const GRANT_EXPIRES: &str = "hansard.grant.expires";
/// `memory.grant`: true when the grant is taken back.
pub const GRANT_REVOKED: &str = "hansard.grant.revoked";
/// Kills, resumptions, throttling: the agent concerned; without it the agent of the event.
pub const TARGET_AGENT: &str = "hansard.target.agent";
/// `agent.killed`, `budget.killed`: the one session that is stopped; without it the agent is stopped in all.
pub const TARGET_SESSION: &str = "hansard.target.session";
/// What starts a cooldown: how long, in seconds; without it the policy's number.
pub const COOLDOWN_SECONDS: &str = "hansard.cooldown.seconds";
/// Registry events: public key.
pub const KEY_PUBLIC: &str = "hansard.key.public";
/// Registry events: sources that the key may speak for.
pub const KEY_SOURCES: &str = "hansard.key.sources";
/// Tool name.
pub const TOOL: &str = "gen_ai.tool.name";
/// Retrieval: where the documents came from.
pub const DATA_SOURCE: &str = "gen_ai.data_source.id";
