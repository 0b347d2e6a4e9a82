//! Our own events: what is accepted, what is refused and how the refusal names the field; hints about formats.

use crate::import_support::{assert_sealable, from_memory, is_reject, shared, text};
use ingest::import::json_event::{parse, split};
use ingest::import::{Control, ImportError, Stop, format, formats, looks_like, run};
use serde_json::json;

#[test]
fn a_full_event_is_read() {
    let event = json!({
        "specversion": "1.0", "id": "e-1", "source": "agent://desk/loans", "type": "dev.hansard.decision",
        "time": "2026-11-22T10:00:00+01:00", "subject": "loan/4711", "datacontenttype": "application/json", "partner": "x",
        "data": {"session": "s", "agent": {"id": "loans", "version": "7", "variant": "b", "digests": {"prompt": "ab"}},
                 "task": "t", "principal": "p", "sponsor": "q", "trace_id": "0af7651916cd43dd8448eb211c80319c",
                 "span_id": "b7ad6b7169203331", "causes": [{"id": "c", "relation": "used", "leaf": "00".repeat(32)}],
                 "attributes": {"gen_ai.request.model": "m"},
                 "contents": [{"name": "a", "text": "hi"}, {"name": "b", "base64": "AAE="}, {"name": "d", "media_type": "x/y", "text": ""}]},
    });
    let mut written = event.to_string();
    written = written.replace(r#""contents":["#, r#""contents":[{"name":"raw","json": [1,  2.50]},"#);
    let draft = parse(written.as_bytes()).expect("a good event");
    assert_eq!((draft.id.as_str(), draft.kind.as_str()), ("e-1", "decision"));
    assert_eq!(draft.causes[0].leaf, Some([0; 32]));
    assert_eq!(text(&draft, "cloudevents.partner"), Some("x"));
    let contents: Vec<(&str, &str, &[u8])> =
        draft.contents.iter().map(|c| (c.name.as_str(), c.media_type.as_str(), &c.bytes[..])).collect();
    let expected: Vec<(&str, &str, &[u8])> = vec![
        ("raw", "application/json", b"[1,  2.50]"),
        ("a", "text/plain; charset=utf-8", b"hi"),
        ("b", "application/octet-stream", &[0, 1]),
        ("d", "x/y", b""),
    ];
    assert_eq!(contents, expected);
    assert_sealable(&draft);
}

#[test]
fn a_refusal_names_the_field() {
    for (event, field) in [
        (r#"{"type": "x"}"#, "source"),
        (r#"{"source": "s", "type": ""}"#, "type"),
        (r#"{"source": "s", "type": "x", "specversion": "0.3"}"#, "specversion"),
        (r#"{"source": "s", "type": "x", "time": "yesterday"}"#, "time"),
        (r#"{"source": "s", "type": "x", "time": 5}"#, "time"),
        (r#"{"source": "s", "source": "t", "type": "x"}"#, "source"),
        (r#"{"source": "s", "type": "x", "Bad-Name": 1}"#, "Bad-Name"),
        (r#"{"source": "s", "type": "x", "ext": {}}"#, "ext"),
        (r#"{"source": "s", "type": "x", "data": []}"#, "data"),
        (r#"{"source": "s", "type": "x", "data": {"sesion": "s"}}"#, "data.sesion"),
        (r#"{"source": "s", "type": "x", "data": {"trace_id": "12"}}"#, "data.trace_id"),
        (r#"{"source": "s", "type": "x", "data": {"agent": {"name": "a"}}}"#, "data.agent.name"),
        (r#"{"source": "s", "type": "x", "data": {"causes": [{"id": "a"}]}}"#, "data.causes[0].relation"),
        (r#"{"source": "s", "type": "x", "data": {"contents": [{"name": "a"}]}}"#, "data.contents[0]"),
        (r#"{"source": "s", "type": "x", "data": {"contents": [{"name": "a", "text": 1}]}}"#, "data.contents[0].text"),
        (
            r#"{"source": "s", "type": "x", "data": {"contents": [{"name": "a", "base64": "?"}]}}"#,
            "data.contents[0].base64",
        ),
        (r#"{"source": "s", "type": "x", "data": {"attributes": 3}}"#, "data.attributes"),
    ] {
        let error = parse(event.as_bytes()).expect_err(event).to_string();
        assert!(error.starts_with(&format!("event field {field}: expected ")), "{event}: {error}");
    }
    assert!(parse(b"[]").expect_err("not an object").to_string().contains("not a JSON object"));
}

#[test]
fn bodies_are_split_into_events() {
    let events = |body: &str| split(body.as_bytes()).map(|e| e.len());
    assert_eq!(events("{\"a\":\n1}"), Ok(1));
    assert_eq!(events("[{}, {},\n{}]"), Ok(3));
    assert_eq!(events("{}\r\n\n{}\n"), Ok(2));
    assert_eq!(events(""), Ok(0));
    assert!(events("[{}").is_err());
}

#[test]
fn lines_without_id_get_one_from_their_bytes() {
    let line = r#"{"source": "s", "type": "decision", "data": {"session": "one"}}"#;
    let file = format!("{line}\n{line}\nnonsense\n{}", line.replace("one", "two"));
    let drafts = from_memory("hansard", "a.ndjson", file.as_bytes());
    assert_eq!(drafts.len(), 4);
    assert!(is_reject(&drafts[2].draft));
    assert_eq!(drafts[2].draft.origin.as_deref(), Some("a.ndjson:3"));
    assert_ne!(drafts[0].draft.id, drafts[1].draft.id);
    assert_eq!(drafts[3].session_key, "hansard/two");
    let longer = from_memory("hansard", "b.ndjson", format!("{file}\n{line}").as_bytes());
    assert!(drafts.iter().zip(&longer).all(|(a, b)| a.draft.id == b.draft.id));
}

#[test]
fn a_caller_can_stop_and_a_missing_path_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.ndjson");
    std::fs::write(&file, "{\"source\":\"s\",\"type\":\"x\"}\n".repeat(10)).expect("a file");
    let mut taken = 0;
    let mut sink = |_| {
        taken += 1;
        if taken == 3 { Err(Stop) } else { Ok(()) }
    };
    let native = format("hansard").expect("a format");
    let stopped = run(native, std::slice::from_ref(&file), &Control::default(), &mut sink);
    assert!(matches!(stopped, Err(ImportError::Stopped(Stop))));
    assert_eq!(taken, 3);
    let missing = folder.path().join("nothing");
    let mut sink = |_| Ok(());
    let error = run(native, &[missing], &Control::default(), &mut sink).expect_err("no such path").to_string();
    assert!(error.contains("cannot import") && error.contains("nothing"), "{error}");
}

#[test]
fn formats_are_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.ndjson"), "{\"source\":\"s\",\"type\":\"x\"}\n").expect("a file");
    assert_eq!(looks_like(&[folder.path().to_path_buf()]).map(|f| f.name), Some("hansard"));
    for set in ["claude-code-sessions", "agentdojo", "tau-bench", "openclaw-sessions", "swe-agent"] {
        let Some(data) = shared(set) else { continue };
        let expected = set.strip_suffix("-sessions").unwrap_or(set);
        assert_eq!(looks_like(&[data]).map(|f| f.name), Some(expected));
    }
    for (part, expected) in
        [("who-and-when.tar.gz", "who-and-when"), ("agentrx-magentic", "agentrx"), ("agentrx-tau-retail", "agentrx")]
    {
        let Some(data) = shared("failure-attribution") else { continue };
        assert_eq!(looks_like(&[data.join(part)]).map(|f| f.name), Some(expected), "{part}");
    }
    assert_eq!(formats().len(), 8);
}
