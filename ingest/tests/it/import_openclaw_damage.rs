//! OpenClaw where the data set shows nothing: damage, live databases, mirrors, patches, odd values.

use crate::import_support::{all, assert_sealable, content, from_memory, is_reject, number, rebuilt_lines, text};
use ingest::import::Imported;
use proptest::prelude::*;
use rusqlite::Connection;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::path::Path;

const FILE: &str = "r/agents/a/sessions/s1.jsonl";
const TABLES: &str = "
    CREATE TABLE session_nodes (session_key TEXT, entry_json TEXT, status TEXT);
    CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT, event_zstd BLOB, event_utf8_bytes INTEGER);";

fn lines(records: &[Value]) -> Vec<u8> {
    records.iter().flat_map(|r| format!("{r}\n").into_bytes()).collect()
}

fn header() -> Value {
    json!({"type": "session", "version": 3, "id": "s1", "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/srv/w"})
}

/// A record `n` seconds into the session, after the one before.
fn message(n: u32, message: Value) -> Value {
    let parent = if n == 1 { Value::Null } else { json!(format!("r{}", n - 1)) };
    json!({"type": "message", "id": format!("r{n}"), "parentId": parent,
           "timestamp": format!("2026-01-01T00:00:{n:02}.000Z"), "message": message})
}

fn call(tool: &str, arguments: Value) -> Value {
    json!({"role": "assistant", "stopReason": "toolUse", "responseId": format!("resp-{tool}"),
           "usage": {"input": 10, "output": 2, "cacheRead": 3, "cacheWrite": 1},
           "content": [{"type": "toolCall", "id": "c1", "name": tool, "arguments": arguments}]})
}

fn result(details: Value, error: bool) -> Value {
    json!({"role": "toolResult", "toolCallId": "c1", "toolName": "t", "isError": error, "details": details,
           "content": [{"type": "text", "text": "done"}]})
}

fn says(words: &str) -> Value {
    json!({"role": "assistant", "stopReason": "stop", "responseId": format!("resp {words}"),
           "usage": {"input": 1, "output": 1}, "content": [{"type": "text", "text": words}]})
}

fn session(messages: Vec<Value>) -> Vec<Imported> {
    let mut records = vec![header()];
    records.extend(messages.into_iter().zip(1..).map(|(m, n)| message(n, m)));
    from_memory("openclaw", FILE, &lines(&records))
}

fn of_kind<'d>(drafts: &'d [Imported], kind: &str) -> Vec<&'d Draft> {
    drafts.iter().map(|i| &i.draft).filter(|d| d.kind == kind).collect()
}

fn findings(drafts: &[Imported]) -> Vec<&str> {
    of_kind(drafts, kind::INCIDENT).into_iter().filter_map(|d| text(d, "hansard.finding.kind")).collect()
}

#[test]
fn a_torn_line_is_a_reject_and_the_rest_stays() {
    let mut bytes = lines(&[header(), message(1, json!({"role": "user", "content": "hello"}))]);
    bytes.extend_from_slice(b"{\"type\":\"message\",\"id\":\"r2\",\"mess");
    let drafts = from_memory("openclaw", FILE, &bytes);
    assert_eq!(drafts.iter().filter(|i| is_reject(&i.draft)).count(), 1);
    let torn = drafts.iter().find(|i| is_reject(&i.draft)).expect("a reject");
    assert_eq!(number(&torn.draft, "hansard.reject.line"), 3);
    assert_eq!(rebuilt_lines(drafts.iter().map(|i| &i.draft)), bytes);
}

#[test]
fn a_mirror_counts_no_tokens_and_is_no_answer() {
    let mirror = json!({"role": "assistant", "api": "cli", "stopReason": "stop", "usage": {"input": 11, "output": 3},
                        "content": [{"type": "text", "text": "all done"}]});
    let alone = session(vec![json!({"role": "user", "content": "x"}), mirror.clone()]);
    assert_eq!(number(of_kind(&alone, kind::MODEL_CALL)[0], "gen_ai.usage.input_tokens"), 11, "nothing else says it");
    let drafts = session(vec![json!({"role": "user", "content": "x"}), says("all done"), mirror]);
    let answers = of_kind(&drafts, kind::MODEL_CALL);
    assert_eq!(answers.len(), 1);
    let repeated = drafts.iter().find(|i| i.draft.attributes.contains_key("openclaw.mirror")).expect("the mirror");
    assert_eq!(number(&repeated.draft, "gen_ai.usage.input_tokens"), 0);
    assert!(repeated.draft.causes.iter().any(|c| c.id == answers[0].id && c.relation == "derived_from"));
}

#[test]
fn memory_files_and_patches_are_acts() {
    let written =
        session(vec![call("write", json!({"path": "memory/a.md", "content": "x"})), result(json!({}), false)]);
    let act = of_kind(&written, kind::MEMORY_WRITE)[0];
    assert_eq!(text(act, "hansard.memory.key"), Some("/srv/w/memory/a.md"));
    assert_eq!(content(act, "written"), Some(&b"x"[..]));
    let failed = session(vec![call("write", json!({"path": "memory/a.md", "content": "x"})), result(json!({}), true)]);
    assert!(of_kind(&failed, kind::MEMORY_WRITE).is_empty(), "a call that failed wrote nothing");
    let patch = "*** Begin Patch\n*** Update File: b.txt\n-a\n+b\n*** Delete File: MEMORY.md\n*** End Patch";
    let patched = session(vec![call("apply_patch", json!({"input": patch})), result(json!({}), false)]);
    assert_eq!(content(of_kind(&patched, "file.write")[0], "edits"), Some(&b"-a\n+b\n"[..]));
    assert_eq!(of_kind(&patched, kind::MEMORY_DELETE).len(), 1);
    let found = session(vec![
        call("tool_call", json!({"id": "openclaw:core:memory_search", "args": {"query": "q"}})),
        result(json!({"result": {"details": {"results": [{"path": "memory/a.md"}, {"path": "memory/a.md"}]}}}), false),
    ]);
    let reads = of_kind(&found, kind::MEMORY_READ);
    assert_eq!((reads.len(), text(reads[0], "hansard.memory.query")), (1, Some("q")));
    let calls = of_kind(&found, kind::TOOL_CALL);
    assert_eq!((text(calls[0], "gen_ai.tool.name"), calls.len()), (Some("memory_search"), 1));
}

#[test]
fn an_answer_is_held_against_what_failed() {
    let denied = json!({"status": "error", "error": "exec denied: no approver"});
    let turn = |words: &str, details: &Value| {
        let asked = json!({"role": "user", "content": "make folder F-1234"});
        session(vec![
            asked,
            call("exec", json!({"command": "mkdir F-1234"})),
            result(details.clone(), true),
            says(words),
        ])
    };
    assert_eq!(findings(&turn("F-1234: folder made.", &denied)), ["claim_contradicts_record"]);
    assert!(findings(&turn("F-1234 was refused, nothing made.", &denied)).is_empty());
    assert_eq!(findings(&turn("F-1234 is next.", &json!({"error": "disk full"}))), ["failure_not_mentioned"]);
    let open = session(vec![call("exec", json!({"command": "sleep 9"}))]);
    assert_eq!(findings(&open), ["call_without_result"]);
}

/// A database as a running installation leaves it: packed records, and rows that only the write-ahead log holds.
fn live(folder: &Path) -> Connection {
    let own = folder.join("agents/a/agent");
    std::fs::create_dir_all(&own).expect("folders");
    let database = Connection::open(own.join("openclaw-agent.sqlite")).expect("a database");
    database.execute_batch(&format!("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; {TABLES}")).expect("tables");
    let entry = json!({"sessionId": "s1", "status": "running"}).to_string();
    database.execute("INSERT INTO session_nodes VALUES ('agent:a:k', ?1, 'running')", [entry]).expect("a row");
    let sql = "INSERT INTO transcript_events VALUES ('s1', ?1, ?2, ?3, ?4)";
    let hello = message(1, json!({"role": "user", "content": "hello"})).to_string();
    let packed = zstd::bulk::compress(hello.as_bytes(), 3).expect("packed");
    database.execute(sql, (0, header().to_string(), None::<Vec<u8>>, None::<i64>)).expect("a row");
    database.execute(sql, (1, None::<String>, packed.clone(), hello.len() as i64)).expect("a row");
    database.execute(sql, (2, None::<String>, packed, 3)).expect("a row");
    database.execute(sql, (3, None::<String>, None::<Vec<u8>>, None::<i64>)).expect("a row");
    database
}

#[test]
fn a_live_database_is_read_with_its_log_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let _live = live(folder.path());
    let files = || -> Vec<(String, Vec<u8>)> {
        let own = folder.path().join("agents/a/agent");
        let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(own)
            .expect("a folder")
            .map(|e| e.expect("an entry").path())
            .map(|p| (p.display().to_string(), std::fs::read(&p).expect("bytes")))
            .collect();
        found.sort();
        found
    };
    let before = files();
    let drafts = all("openclaw", &[folder.path().to_path_buf()]);
    assert!(before == files(), "importing changed a file");
    drafts.iter().for_each(|i| assert_sealable(&i.draft));
    assert_eq!(of_kind(&drafts, kind::SESSION_START).len(), 1);
    assert_eq!(of_kind(&drafts, kind::MESSAGE).len(), 1);
    let reasons: Vec<&str> = drafts.iter().filter_map(|i| text(&i.draft, "hansard.reject.reason")).collect();
    assert_eq!(reasons, ["row.zstd", "row.zstd"], "records that do not unpack are kept as rejects");
    let start = of_kind(&drafts, kind::SESSION_START)[0];
    assert_eq!(text(start, "openclaw.session.key"), Some("agent:a:k"));
}

/// Transcripts that the runtime packed whole when it closed them.
#[test]
fn packed_transcripts_are_read_and_missing_ones_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("agents/a/agent");
    std::fs::create_dir_all(&own).expect("folders");
    let database = Connection::open(own.join("openclaw-agent.sqlite")).expect("a database");
    let sql = "CREATE TABLE session_transcript_archives (session_id TEXT, archive_name TEXT, archive_blob BLOB)";
    database.execute(sql, []).expect("a table");
    let plain = lines(&[header(), message(1, json!({"role": "user", "content": "hello"}))]);
    let packed = zstd::bulk::compress(&plain, 3).expect("packed");
    for (name, blob) in [("a", Some(plain.clone())), ("b", Some(packed)), ("c", None)] {
        let sql = "INSERT INTO session_transcript_archives VALUES ('s1', ?1, ?2)";
        database.execute(sql, (name, blob)).expect("a row");
    }
    drop(database);
    let drafts = all("openclaw", &[folder.path().to_path_buf()]);
    let starts = of_kind(&drafts, kind::SESSION_START);
    assert_eq!((starts.len(), of_kind(&drafts, kind::MESSAGE).len()), (2, 2));
    assert_eq!(starts[0].id, starts[1].id, "two copies of a record are one event");
    assert_eq!(drafts.iter().filter(|i| is_reject(&i.draft)).count(), 1);
}

/// An archive may hold the log before its database.
#[test]
fn the_order_of_an_archive_does_not_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    let _live = live(folder.path());
    let ids_of = |names: [&str; 2]| -> Vec<String> {
        let path = folder.path().join(format!("{}.tar", names[0]));
        let mut archive = tar::Builder::new(std::fs::File::create(&path).expect("an archive"));
        for name in names {
            let inside = format!("agents/a/agent/{name}");
            archive.append_path_with_name(folder.path().join(&inside), &inside).expect("an entry");
        }
        archive.into_inner().expect("written");
        all("openclaw", &[path]).into_iter().map(|i| i.draft.id).collect()
    };
    let names = ["openclaw-agent.sqlite", "openclaw-agent.sqlite-wal"];
    let usual = ids_of(names);
    assert!(!usual.is_empty());
    assert_eq!(usual, ids_of([names[1], names[0]]));
    let alone = from_memory("openclaw", "r/agents/a/agent/openclaw-agent.sqlite-wal", b"a log");
    assert!(alone.len() == 1 && is_reject(&alone[0].draft));
}

#[test]
fn a_damaged_database_is_said_to_be() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(live(folder.path()));
    let path = folder.path().join("agents/a/agent/openclaw-agent.sqlite");
    let whole = std::fs::read(&path).expect("bytes");
    for bytes in [&whole[..whole.len() - 5_000], &whole[..50], &b"no database at all, but long enough"[..]] {
        let drafts = from_memory("openclaw", "r/agents/a/agent/openclaw-agent.sqlite", bytes);
        assert!(drafts.iter().any(|i| text(&i.draft, "hansard.reject.reason") == Some("database.damaged")));
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!("x".repeat(3_000))),
        "[a-z0-9:# \\n\\u{0}é/]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "session",
            "message",
            "assistant",
            "user",
            "toolResult",
            "custom",
            "stop",
            "s1",
            "c1",
            "read",
            "write",
            "tool_call",
            "sessions_spawn",
            "sessions_send",
            "memory_search",
            "cli",
            "2026-01-01T00:00:01Z",
            "openclaw.nested-tool.v1",
            "openclaw:prompt-error",
            "../..",
            "/"
        ])
        .prop_map(Value::from),
    ]
}

fn object(names: &'static [&'static str], inner: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    proptest::collection::btree_map(prop::sample::select(names), inner, 0..8)
        .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
        .boxed()
}

fn record() -> impl Strategy<Value = Value> {
    let inner = || {
        prop_oneof![odd(), object(&["path", "id", "args", "query", "sessionKey", "message", "content", "url"], odd())]
    };
    let details = object(
        &[
            "results",
            "childSessionKey",
            "sessionKey",
            "reply",
            "result",
            "error",
            "status",
            "toolCallId",
            "parentToolCallId",
            "toolName",
            "input",
            "isError",
        ],
        inner(),
    );
    let block = object(&["type", "id", "name", "arguments", "text"], inner());
    let blocks = proptest::collection::vec(
        prop_oneof![
            block,
            Just(json!({"type": "toolCall", "id": "c1", "name": "read",
        "arguments": {"path": "memory/a"}}))
        ],
        0..3,
    )
    .prop_map(Value::from);
    let message = object(
        &[
            "role",
            "content",
            "toolCallId",
            "toolName",
            "isError",
            "details",
            "stopReason",
            "responseId",
            "api",
            "usage",
            "provenance",
            "customType",
            "display",
        ],
        prop_oneof![odd(), details, blocks],
    );
    object(
        &["type", "id", "parentId", "timestamp", "message", "customType", "cwd", "version", "data"],
        prop_oneof![odd(), message],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_database_never_panics(at in any::<prop::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        static WHOLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            drop(live(folder.path()));
            std::fs::read(folder.path().join("agents/a/agent/openclaw-agent.sqlite")).expect("bytes")
        });
        let mut changed = whole.clone();
        let at = at.index(changed.len() - bytes.len());
        changed[at..at + bytes.len()].copy_from_slice(&bytes);
        from_memory("openclaw", "r/agents/a/agent/openclaw-agent.sqlite", &changed).iter().for_each(|i| assert_sealable(&i.draft));
    }

    #[test]
    fn no_byte_is_lost_and_a_longer_copy_keeps_every_id(head in proptest::collection::vec(record(), 0..8), tail in proptest::collection::vec(record(), 0..8)) {
        let first = [vec![header()], head].concat();
        let all = [first.clone(), tail].concat();
        let drafts = from_memory("openclaw", FILE, &lines(&all));
        drafts.iter().for_each(|i| assert_sealable(&i.draft));
        let mut rebuilt = rebuilt_lines(drafts.iter().map(|i| &i.draft));
        rebuilt.push(b'\n');
        prop_assert_eq!(rebuilt, lines(&all));
        let mut ids: Vec<&str> = drafts.iter().map(|i| i.draft.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), drafts.len(), "an id came twice in one file");
        let short = from_memory("openclaw", "elsewhere/agents/b/sessions/s1.jsonl", &lines(&first));
        let native = short.iter().filter(|i| i.draft.kind != kind::INCIDENT);
        prop_assert!(native.clone().all(|i| ids.binary_search(&i.draft.id.as_str()).is_ok()));
    }
}
