//! Two loans: one approved through planner, retriever, decider and a human reviewer, one denied.

use super::cast::{DECIDER, OFFICER, PLANNER, POLICY, PROMPTER, RETRIEVER, REVIEWER, VAULT};
use super::scene::{Scene, Setting, Story};
use schemas::kind;
use serde_json::json;

/// The loan that is approved.
pub(super) const APPROVED: &str = "loan/4711";

const RULES: &str = "Lending policy 7.2\nR3  The monthly debt service may not exceed 35 % of the net income.\nR4  No default within the last 36 months.\nR5  Above EUR 10,000 a human reviewer decides on the basis of what the system shows.";
const PROMPT: &str = "You decide on consumer loans. Apply the lending policy literally, name the rule for every step, and never decide above EUR 10,000 without a reviewer.";
const FILE_4711: &str = "Applicant 20931\nNet income: EUR 3,900 a month, employed since 2017\nObligations: EUR 420 a month\nDefaults in the last 36 months: none\nAsked for: EUR 18,000 over 48 months at 4.9 %, EUR 413.71 a month";
const FILE_4712: &str = "Applicant 20944\nNet income: EUR 2,100 a month, employed since 2024\nObligations: EUR 610 a month\nDefaults in the last 36 months: none\nAsked for: EUR 15,000 over 36 months at 4.9 %, EUR 448.88 a month";
const SHOWN: &str = "Loan 4711, applicant 20931, EUR 18,000 over 48 months.\nDebt service EUR 833.71 of EUR 3,900 net income = 21.4 % (R3: at most 35 %).\nNo defaults (R4).\nProposal: approve.";

pub(super) fn tell(story: &mut Story) {
    let mut scene = story.scene(Setting {
        start: "2026-03-02T08:30:00Z",
        session: "loan-4711",
        subject: Some(APPROVED),
        task: "loan-decision",
        principal: "principal:applicant-20931",
        sponsor: "sponsor:head-of-lending",
    });
    asked(&mut scene);
    gathered(&mut scene);
    decided(&mut scene);
    reviewed(&mut scene);
    carried_out(&mut scene);
    denied(&mut story.scene(Setting {
        start: "2026-03-02T09:10:00Z",
        session: "loan-4712",
        subject: Some("loan/4712"),
        task: "loan-decision",
        principal: "principal:applicant-20944",
        sponsor: "sponsor:head-of-lending",
    }));
}

fn asked(s: &mut Scene<'_>) {
    s.act(0, PROMPTER, "loan.prompt", kind::CONFIG_CHANGED)
        .text("prompt", PROMPT)
        .attribute("hansard.config.name", "prompt/decider")
        .attribute("hansard.config.version", "12");
    s.act(1_800, OFFICER, "loan.start", kind::SESSION_START);
    s.act(5, OFFICER, "loan.request", kind::MESSAGE)
        .text("message", "Please decide on loan 4711 for applicant 20931: EUR 18,000 over 48 months.")
        .attribute("hansard.role", "user");
    s.act(1, PLANNER, "loan.planner", kind::AGENT_INVOKED)
        .text("prompt", "You split requests of the lending desk into steps for other agents.")
        .because("responds_to", "loan.request");
    s.act(4, PLANNER, "loan.planner.model", kind::MODEL_CALL)
        .thought(
            "Please decide on loan 4711 for applicant 20931: EUR 18,000 over 48 months.",
            "A decision needs the policy in force and the applicant's file. The amount is above EUR 10,000, so a reviewer comes last.",
            "1. retriever: policy 7.2 and file 20931. 2. decider: apply the policy. 3. reviewer: approve or deny.",
            (412, 96, 41),
        )
        .because("used", "loan.request")
        .because("derived_from", "loan.planner");
    s.act(1, PLANNER, "loan.plan", kind::PLAN)
        .text(
            "output",
            "1. retriever: policy 7.2 and file 20931. 2. decider: apply the policy. 3. reviewer: approve or deny.",
        )
        .because("derived_from", "loan.planner.model");
    s.act(1, PLANNER, "loan.handoff", kind::HANDOFF)
        .text("message", "To retriever: fetch the lending policy in force and the file of applicant 20931.")
        .because("derived_from", "loan.plan");
}

fn gathered(s: &mut Scene<'_>) {
    s.act(1, RETRIEVER, "loan.retriever", kind::AGENT_INVOKED).because("delegated_by", "loan.handoff");
    s.act(1, RETRIEVER, "loan.policy-file", kind::RETRIEVAL)
        .text("input", "lending policy in force")
        .text("result", RULES)
        .attribute("gen_ai.operation.name", "retrieval")
        .attribute("gen_ai.data_source.id", "policies/lending-7.2.md")
        .because("derived_from", "loan.retriever");
    s.act(1, VAULT, "loan.credential.read", kind::CREDENTIAL_ISSUED)
        .credential("cred-5501", "crm:read applicant/20931")
        .attribute("hansard.credential.expires", "2026-03-02T09:15:00Z")
        .because("responds_to", "loan.retriever");
    s.act(1, RETRIEVER, "loan.credential.read.used", kind::CREDENTIAL_USED)
        .credential("cred-5501", "crm:read applicant/20931")
        .because("used", "loan.credential.read");
    s.act(1, RETRIEVER, "loan.file.call", kind::TOOL_CALL)
        .tool("crm.read_file", "call-20931")
        .json("arguments", &json!({"applicant": 20931}))
        .because("derived_from", "loan.retriever")
        .because("authorised_by", "loan.credential.read.used");
    s.act(1, RETRIEVER, "loan.file", kind::TOOL_RESULT)
        .tool("crm.read_file", "call-20931")
        .text("result", FILE_4711)
        .because("responds_to", "loan.file.call");
    s.act(3, RETRIEVER, "loan.summary", kind::MESSAGE)
        .text("message", "To decider: policy 7.2 and the file of applicant 20931 are attached, both unchanged.")
        .because("derived_from", "loan.policy-file")
        .because("derived_from", "loan.file");
}

fn decided(s: &mut Scene<'_>) {
    s.act(1, DECIDER, "loan.decider", kind::AGENT_INVOKED)
        .text("prompt", PROMPT)
        .because("used", "loan.prompt")
        .because("delegated_by", "loan.handoff");
    s.act(9, DECIDER, "loan.decider.model", kind::MODEL_CALL)
        .thought(
            &format!("{RULES}\n\n{FILE_4711}"),
            "Instalment 413.71 + obligations 420 = 833.71. 833.71 / 3,900 = 21.4 %, below 35 %: R3 holds. No defaults: R4 holds. EUR 18,000 is above EUR 10,000: R5 asks for a reviewer.",
            "Proposal: approve. R3 21.4 % of at most 35 %, R4 no defaults. R5: ask a reviewer.",
            (1_904, 143, 188),
        )
        .because("derived_from", "loan.decider")
        .because("used", "loan.summary")
        .because("used", "loan.policy-file")
        .because("used", "loan.file");
    s.act(1, POLICY, "loan.verdict", kind::POLICY_VERDICT)
        .text("result", "pass: R3 21.4 % <= 35 %, R4 none; R5 requires a reviewer")
        .attribute("hansard.policy.name", "lending")
        .attribute("hansard.policy.version", "7.2")
        .attribute("hansard.policy.verdict", "pass")
        .because("derived_from", "loan.decider.model")
        .because("used", "loan.policy-file");
}

fn reviewed(s: &mut Scene<'_>) {
    s.act(1, DECIDER, "loan.approval.asked", kind::APPROVAL_REQUESTED)
        .text("shown", SHOWN)
        .shown_digest(SHOWN)
        .because("derived_from", "loan.decider.model")
        .because("used", "loan.verdict");
    s.act(540, REVIEWER, "loan.approval", kind::APPROVAL_GRANTED)
        .text("message", "Checked against the payslips. Approved.")
        .shown_digest(SHOWN)
        .because("responds_to", "loan.approval.asked");
    s.act(1, DECIDER, "loan.decision", kind::DECISION)
        .text("decision", "approved")
        .text("rationale", "R3 21.4 % of at most 35 %; R4 no defaults; R5 approved by reviewer-22")
        .attribute("hansard.decision.outcome", "approved")
        .because("approved_by", "loan.approval")
        .because("derived_from", "loan.decider.model")
        .because("used", "loan.verdict");
}

fn carried_out(s: &mut Scene<'_>) {
    s.act(2, VAULT, "loan.credential.write", kind::CREDENTIAL_ISSUED)
        .credential("cred-5502", "core-banking:approve loan/4711")
        .because("authorised_by", "loan.approval");
    s.act(1, DECIDER, "loan.credential.write.used", kind::CREDENTIAL_USED)
        .credential("cred-5502", "core-banking:approve loan/4711")
        .because("used", "loan.credential.write");
    s.act(1, DECIDER, "loan.write.call", kind::TOOL_CALL)
        .tool("core_banking.approve", "call-4711")
        .json("arguments", &json!({"loan": 4711, "amount_eur": 18_000, "months": 48}))
        .because("derived_from", "loan.decision")
        .because("authorised_by", "loan.credential.write.used");
    s.act(2, DECIDER, "loan.write", kind::TOOL_RESULT)
        .tool("core_banking.approve", "call-4711")
        .json("result", &json!({"status": "booked", "reference": "CB-99310"}))
        .because("responds_to", "loan.write.call");
    s.act(1, VAULT, "loan.credential.write.revoked", kind::CREDENTIAL_REVOKED)
        .credential("cred-5502", "core-banking:approve loan/4711")
        .because("responds_to", "loan.write");
    s.act(1, PLANNER, "loan.reply", kind::MESSAGE)
        .text("message", "Loan 4711 is approved and booked as CB-99310.")
        .because("derived_from", "loan.write");
    s.act(1, OFFICER, "loan.end", kind::SESSION_END);
}

fn denied(s: &mut Scene<'_>) {
    const SHOWN: &str = "Loan 4712, applicant 20944, EUR 15,000 over 36 months.\nDebt service EUR 1,058.88 of EUR 2,100 net income = 50.4 % (R3: at most 35 %).\nProposal: deny.";
    s.act(0, OFFICER, "loan2.start", kind::SESSION_START);
    s.act(5, OFFICER, "loan2.request", kind::MESSAGE)
        .text("message", "Please decide on loan 4712 for applicant 20944: EUR 15,000 over 36 months.")
        .attribute("hansard.role", "user");
    s.act(2, RETRIEVER, "loan2.file.call", kind::TOOL_CALL)
        .tool("crm.read_file", "call-20944")
        .json("arguments", &json!({"applicant": 20944}))
        .because("responds_to", "loan2.request");
    s.act(1, RETRIEVER, "loan2.file", kind::TOOL_RESULT)
        .tool("crm.read_file", "call-20944")
        .text("result", FILE_4712)
        .because("responds_to", "loan2.file.call");
    s.act(8, DECIDER, "loan2.decider.model", kind::MODEL_CALL)
        .thought(
            &format!("{RULES}\n\n{FILE_4712}"),
            "Instalment 448.88 + obligations 610 = 1,058.88. 1,058.88 / 2,100 = 50.4 %, above 35 %: R3 fails.",
            "Proposal: deny. R3 50.4 % of at most 35 %.",
            (1_871, 98, 120),
        )
        .because("used", "loan2.file")
        .because("used", "loan.prompt");
    s.act(1, POLICY, "loan2.verdict", kind::POLICY_VERDICT)
        .text("result", "fail: R3 50.4 % > 35 %")
        .attribute("hansard.policy.name", "lending")
        .attribute("hansard.policy.version", "7.2")
        .attribute("hansard.policy.verdict", "fail")
        .because("derived_from", "loan2.decider.model");
    s.act(1, DECIDER, "loan2.approval.asked", kind::APPROVAL_REQUESTED)
        .text("shown", SHOWN)
        .shown_digest(SHOWN)
        .because("derived_from", "loan2.decider.model")
        .because("used", "loan2.verdict");
    s.act(300, REVIEWER, "loan2.approval", kind::APPROVAL_DENIED)
        .text("message", "Denied: the debt service is too high.")
        .shown_digest(SHOWN)
        .because("responds_to", "loan2.approval.asked");
    s.act(1, DECIDER, "loan2.decision", kind::DECISION)
        .text("decision", "denied")
        .text("rationale", "R3: 50.4 % of at most 35 %; denied by reviewer-22")
        .attribute("hansard.decision.outcome", "denied")
        .because("responds_to", "loan2.approval")
        .because("used", "loan2.verdict");
    s.act(1, OFFICER, "loan2.end", kind::SESSION_END);
}
