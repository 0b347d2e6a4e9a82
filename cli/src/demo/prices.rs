//! A wrong price on a supplier's page, carried on by four agents over shared memory; a session that reads other values;
//! and the correction that follows.

use super::cast::{BUYER, POLICY, PURCHASING, QUOTER, REPORTER, SCOUT, STOCK};
use super::scene::{Setting, Story};
use schemas::kind;
use serde_json::json;

const GOOD_PAGE: &str = "Harbour Valves, price list March 2026\nPX-17 gasket set      EUR 6.80\n";
/// EUR 41.20 with the point in the wrong place.
const BAD_PAGE: &str = "Harbour Valves, price list March 2026\nPX-90 pressure valve  EUR 4.12\n";

fn setting(start: &'static str, session: &'static str, subject: &'static str, task: &'static str) -> Setting {
    let (principal, sponsor) = ("principal:purchasing-09", "sponsor:head-of-purchasing");
    Setting { start, session, subject: Some(subject), task, principal, sponsor }
}

pub(super) fn tell(story: &mut Story) {
    scouted(story);
    quoted(story);
    ordered(story);
    reported(story);
    untouched(story);
    corrected(story);
}

fn scouted(story: &mut Story) {
    let mut s = story.scene(setting("2026-03-03T06:00:00Z", "prices-2026-03-03", "part/PX-90", "refresh-prices"));
    s.act(0, SCOUT, "price.start", kind::SESSION_START);
    s.act(1, PURCHASING, "price.request", kind::MESSAGE)
        .text("message", "Refresh the prices of PX-17 and PX-90 from the supplier's pages.")
        .attribute("hansard.role", "user");
    s.act(1, SCOUT, "price.scout", kind::AGENT_INVOKED)
        .text("prompt", "You read suppliers' pages and write prices to shared memory.")
        .because("responds_to", "price.request");
    s.act(2, SCOUT, "price.good.call", kind::TOOL_CALL)
        .tool("web.fetch", "call-px17")
        .json("arguments", &json!({"url": "https://harbour-valves.example/px-17"}))
        .because("derived_from", "price.scout");
    s.act(1, SCOUT, "price.good.page", kind::TOOL_RESULT)
        .tool("web.fetch", "call-px17")
        .text("result", GOOD_PAGE)
        .because("responds_to", "price.good.call");
    s.act(1, SCOUT, "price.good.write", kind::MEMORY_WRITE)
        .memory("price/PX-17", 8)
        .text("value", "EUR 6.80")
        .because("derived_from", "price.good.page");
    s.act(2, SCOUT, "price.bad.call", kind::TOOL_CALL)
        .tool("web.fetch", "call-px90")
        .json("arguments", &json!({"url": "https://harbour-valves.example/px-90"}))
        .because("derived_from", "price.scout");
    s.act(1, SCOUT, "price.bad.page", kind::TOOL_RESULT)
        .tool("web.fetch", "call-px90")
        .text("result", BAD_PAGE)
        .because("responds_to", "price.bad.call");
    s.act(3, SCOUT, "price.bad.model", kind::MODEL_CALL)
        .thought(BAD_PAGE, "The page names one price for PX-90.", "PX-90: EUR 4.12", (233, 12, 9))
        .because("used", "price.bad.page")
        .because("derived_from", "price.scout");
    s.act(1, SCOUT, "price.bad.write", kind::MEMORY_WRITE)
        .memory("price/PX-90", 3)
        .text("value", "EUR 4.12")
        .because("derived_from", "price.bad.model");
    s.act(1, SCOUT, "price.end", kind::SESSION_END);
}

fn quoted(story: &mut Story) {
    let mut s = story.scene(setting("2026-03-03T08:15:00Z", "quote-881", "quote/881", "write-quote"));
    s.act(0, PURCHASING, "quote.request", kind::MESSAGE)
        .text("message", "Quote 200 pieces of PX-90 to Alder Pumps, margin 15 %.")
        .attribute("hansard.role", "user");
    s.act(1, QUOTER, "quote.agent", kind::AGENT_INVOKED).because("responds_to", "quote.request");
    s.act(1, QUOTER, "quote.read", kind::MEMORY_READ)
        .memory("price/PX-90", 3)
        .text("value", "EUR 4.12")
        .because("read", "price.bad.write");
    s.act(4, QUOTER, "quote.model", kind::MODEL_CALL)
        .thought(
            "Quote 200 pieces of PX-90 to Alder Pumps, margin 15 %. price/PX-90 = EUR 4.12",
            "200 x 4.12 = 824.00; with 15 % margin 947.60.",
            "200 x PX-90: EUR 947.60",
            (318, 24, 31),
        )
        .because("used", "quote.request")
        .because("used", "quote.read");
    s.act(1, QUOTER, "quote.sent", kind::MESSAGE)
        .text("message", "To Alder Pumps: 200 pieces of PX-90 for EUR 947.60, valid for 30 days.")
        .because("derived_from", "quote.model");
}

fn ordered(story: &mut Story) {
    let mut s = story.scene(setting("2026-03-03T09:40:00Z", "order-5532", "order/5532", "order-parts"));
    s.act(0, PURCHASING, "order.request", kind::MESSAGE)
        .text("message", "Order 500 pieces of PX-90.")
        .attribute("hansard.role", "user");
    s.act(1, BUYER, "order.agent", kind::AGENT_INVOKED).because("responds_to", "order.request");
    s.act(1, BUYER, "order.read", kind::MEMORY_READ)
        .memory("price/PX-90", 3)
        .text("value", "EUR 4.12")
        .because("read", "price.bad.write");
    s.act(3, BUYER, "order.model", kind::MODEL_CALL)
        .thought(
            "Order 500 pieces of PX-90. price/PX-90 = EUR 4.12",
            "500 x 4.12 = 2,060.00, below the limit of EUR 5,000 for orders without approval.",
            "Order 500 x PX-90 for EUR 2,060.00; no approval needed.",
            (297, 29, 36),
        )
        .because("used", "order.request")
        .because("used", "order.read");
    s.act(1, POLICY, "order.verdict", kind::POLICY_VERDICT)
        .text("result", "pass: EUR 2,060.00 <= EUR 5,000")
        .attribute("hansard.policy.name", "purchasing")
        .attribute("hansard.policy.version", "3")
        .attribute("hansard.policy.verdict", "pass")
        .because("derived_from", "order.model");
    s.act(1, BUYER, "order.call", kind::TOOL_CALL)
        .tool("erp.create_order", "call-5532")
        .json("arguments", &json!({"part": "PX-90", "pieces": 500, "price_eur": 4.12}))
        .because("derived_from", "order.model")
        .because("authorised_by", "order.verdict");
    s.act(2, BUYER, "order.placed", kind::TOOL_RESULT)
        .tool("erp.create_order", "call-5532")
        .json("result", &json!({"order": 5532, "total_eur": 2060.0}))
        .because("responds_to", "order.call");
}

fn reported(story: &mut Story) {
    let mut s = story.scene(setting("2026-03-03T17:00:00Z", "report-2026-03-03", "report/2026-03-03", "daily-report"));
    s.act(0, REPORTER, "report.agent", kind::AGENT_INVOKED)
        .text("prompt", "You write the daily report of purchasing from its messages and orders.");
    s.act(6, REPORTER, "report.model", kind::MODEL_CALL)
        .thought(
            "Quote 881: 200 x PX-90, EUR 947.60. Order 5532: 500 x PX-90, EUR 2,060.00.",
            "Both rest on EUR 4.12 a piece, which is a tenth of last month's price: a saving.",
            "PX-90 became 90 % cheaper; one quote and one order were placed at the new price.",
            (402, 38, 44),
        )
        .because("derived_from", "report.agent")
        .because("used", "quote.sent")
        .because("used", "order.placed");
    s.act(1, REPORTER, "report.sent", kind::MESSAGE)
        .text(
            "message",
            "To management: PX-90 became 90 % cheaper; one quote and one order were placed at the new price.",
        )
        .because("derived_from", "report.model");
}

/// Reads other values of the same memory, written by the same agent in the same session as the wrong one.
fn untouched(story: &mut Story) {
    let mut s = story.scene(setting("2026-03-03T10:20:00Z", "restock-PX-17", "part/PX-17", "restock"));
    s.act(0, PURCHASING, "control.request", kind::MESSAGE)
        .text("message", "Is PX-17 to be ordered again?")
        .attribute("hansard.role", "user");
    s.act(1, STOCK, "control.agent", kind::AGENT_INVOKED).because("responds_to", "control.request");
    s.act(1, STOCK, "control.read", kind::MEMORY_READ)
        .memory("price/PX-17", 8)
        .text("value", "EUR 6.80")
        .because("read", "price.good.write");
    s.act(3, STOCK, "control.model", kind::MODEL_CALL)
        .thought(
            "Is PX-17 to be ordered again? Stock 40, weekly use 35, price/PX-17 = EUR 6.80",
            "40 pieces last little more than a week.",
            "Yes: 150 pieces, EUR 1,020.00.",
            (201, 15, 18),
        )
        .because("used", "control.request")
        .because("used", "control.read");
    s.act(1, STOCK, "control.sent", kind::MESSAGE)
        .text("message", "PX-17 should be ordered again: 150 pieces, EUR 1,020.00.")
        .because("derived_from", "control.model");
}

fn corrected(story: &mut Story) {
    let mut s = story.scene(setting("2026-03-04T07:05:00Z", "correction-PX-90", "part/PX-90", "correct-prices"));
    s.act(0, PURCHASING, "correction.source", kind::MESSAGE)
        .text("message", "From Harbour Valves: the price of PX-90 is EUR 41.20. Our page was wrong on 3 March.");
    s.act(120, PURCHASING, "correction", kind::MEMORY_WRITE)
        .memory("price/PX-90", 4)
        .text("value", "EUR 41.20")
        .because("corrects", "price.bad.write")
        .because("used", "correction.source");
}
