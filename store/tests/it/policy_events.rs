//! Events as the checks see them, and what of them is untrusted.

use serde_json::json;
use store::policy::{Distrust, Policy, PolicyEvent, Sighting, Untrusted};

#[test]
fn an_event_is_made_from_a_header_as_it_stands() {
    let header = json!({
        "specversion": "1.0", "id": "e1", "source": "urn:agent:a", "type": "dev.hansard.credential.used",
        "time": "2026-03-02T08:30:00Z",
        "data": {
            "stream": "s", "nonce": "0".repeat(32), "tenant": "acme", "session": "s1", "agent": {"id": "a"}, "task": "t",
            "principal": "p", "sponsor": "q", "trace_id": "ABCDEF0123456789abcdef0123456789",
            "causes": [{"id": "e0", "relation": "used"}],
            "attributes": {"hansard.credential.id": "c", "error.type": "denied", "gen_ai.tool.name": "crm", "odd": [1, {"x": null}]},
        },
    });
    let bytes = header.to_string().into_bytes();
    let parsed = schemas::header::Header::parse(&bytes).unwrap();
    let event = PolicyEvent::from_header(&parsed, &bytes, "gateway").signed_by("ab").committed_at(7);
    assert_eq!((event.kind.as_str(), event.actor(), event.attested.as_str()), ("credential.used", "a", "gateway"));
    assert_eq!((event.committed_at_us, event.at_us()), (7, 1_772_440_200_000_000));
    assert_eq!(event.cycle(), "trace abcdef0123456789abcdef0123456789");
    assert_eq!((event.tool.as_deref(), event.error_type.as_deref()), (Some("crm"), Some("denied")));
    assert_eq!(event.attributes["hansard.credential.id"], "c");
    assert_eq!(event.attributes["odd"], json!([1, {"x": null}]));
    assert_eq!((event.causes[0].id.as_str(), event.causes[0].relation.as_str()), ("e0", "used"));
}

#[test]
fn what_is_untrusted() {
    let rules = Untrusted::default();
    let plain = Sighting {
        kind: "plan",
        tool: None,
        source: "urn:agent:a",
        data_source: None,
        registered: true,
        own_tenant: true,
    };
    for (sighting, why) in [
        (plain, None),
        (Sighting { kind: "tool.result", tool: Some("crm.read"), ..plain }, Some(Distrust::Tool)),
        (Sighting { kind: "tool.result", ..plain }, Some(Distrust::Tool)),
        (Sighting { kind: "tool.call", tool: Some("crm.read"), ..plain }, None),
        (Sighting { kind: "retrieval", ..plain }, Some(Distrust::Kind)),
        (Sighting { kind: "model.call", data_source: Some("https://x.example/page"), ..plain }, Some(Distrust::Source)),
        (Sighting { kind: "message", ..plain }, None),
        (Sighting { kind: "message", registered: false, ..plain }, Some(Distrust::Unregistered)),
        (Sighting { kind: "handoff", own_tenant: false, ..plain }, Some(Distrust::OtherTenant)),
        (Sighting { kind: "plan", own_tenant: false, registered: false, ..plain }, None),
    ] {
        assert_eq!(rules.why(sighting), why, "{sighting:?}");
    }
    let trusting =
        Policy::from_yaml("version: a\nuntrusted: {tools: ['web.*'], trusted_tools: [web.intranet]}").unwrap();
    let result = |tool| trusting.untrusted.why(Sighting { kind: "tool.result", tool: Some(tool), ..plain });
    assert_eq!((result("web.fetch"), result("web.intranet"), result("crm.read")), (Some(Distrust::Tool), None, None));
}
