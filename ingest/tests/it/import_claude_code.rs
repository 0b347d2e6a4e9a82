//! Claude Code sessions: every figure of the data set's `expected.json`, identity, damage.

use crate::import_support::{
    all, archives, assert_sealable, content, each_entry, expected, ids, is_reject, line_of, number, rebuilt_lines,
    shared, text,
};
use ingest::import::Imported;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const SET: &str = "claude-code-sessions";

/// The drafts of one checkpoint's transcript.
fn of_file<'d>(drafts: &'d [Imported], file: &str) -> Vec<&'d Draft> {
    let in_file = |d: &&Draft| d.origin.as_deref().is_some_and(|o| o.rsplit_once(':').is_some_and(|(f, _)| f == file));
    drafts.iter().map(|i| &i.draft).filter(in_file).collect()
}

/// Events of whole lines: all but the children.
fn lines<'d>(drafts: &[&'d Draft]) -> Vec<&'d Draft> {
    drafts.iter().copied().filter(|d| content(d, "record").is_some() && !is_reject(d)).collect()
}

fn distinct<'d>(drafts: impl Iterator<Item = &'d Draft>, attribute: &str) -> BTreeSet<&'d str> {
    drafts.filter_map(|d| text(d, attribute)).collect()
}

/// Usage as expected.json counts it: cached tokens apart from input.
fn usage<'d>(drafts: impl Iterator<Item = &'d Draft>) -> Value {
    let (mut input, mut read, mut write, mut output) = (0, 0, 0, 0);
    let mut responses = BTreeSet::new();
    for draft in drafts {
        input += number(draft, "gen_ai.usage.input_tokens");
        read += number(draft, "gen_ai.usage.cache_read.input_tokens");
        write += number(draft, "gen_ai.usage.cache_creation.input_tokens");
        output += number(draft, "gen_ai.usage.output_tokens");
        responses.extend(text(draft, "gen_ai.response.id"));
    }
    json!({"input_tokens": input - read - write, "cache_creation_tokens": write, "cache_read_tokens": read,
           "output_tokens": output, "api_call_count": responses.len()})
}

fn dangling(lines: &[&Draft]) -> usize {
    let known: HashSet<&str> = lines.iter().map(|d| d.id.as_str()).collect();
    let parents = lines.iter().filter(|d| text(d, "claude_code.parent_uuid").is_some());
    parents.filter(|d| !known.contains(d.causes[0].id.as_str())).count()
}

fn found(drafts: &[&Draft]) -> Value {
    let lines = lines(drafts);
    let rejects: Vec<&&Draft> = drafts.iter().filter(|d| is_reject(d)).collect();
    let mut types: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &lines {
        *types.entry(text(line, "claude_code.type").unwrap_or("None")).or_default() += 1;
    }
    if !rejects.is_empty() {
        types.insert("None", rejects.len());
    }
    let of_kind = |k: &'static str| drafts.iter().copied().filter(move |d| d.kind == k);
    let uses = distinct(of_kind(kind::TOOL_CALL), "gen_ai.tool.call.id");
    let results = distinct(of_kind(kind::TOOL_RESULT), "gen_ai.tool.call.id");
    let uuids: BTreeSet<_> = lines.iter().filter_map(|d| d.native_id.as_deref()).filter(|n| !n.contains(':')).collect();
    let mut times: Vec<&str> = lines.iter().filter_map(|d| d.time.as_deref()).collect();
    times.sort_unstable();
    json!({
        "format": "claude-code-jsonl",
        "lines": lines.len() + rejects.len(),
        "unparsable_lines": rejects.len(),
        "unparsable_line_indexes": rejects.iter().map(|d| number(d, "hansard.reject.line") - 1).collect::<Vec<_>>(),
        "entry_types": types,
        "uuids": uuids.len(),
        "parent_links": lines.iter().filter(|d| text(d, "claude_code.parent_uuid").is_some()).count(),
        "dangling_parent_links": dangling(&lines),
        "tool_use_ids": uses.len(),
        "tool_result_ids": results.len(),
        "tool_results_without_use": results.difference(&uses).count(),
        "first_timestamp": times.first(),
        "last_timestamp": times.last(),
        "usage_whole": usage(lines.iter().copied()),
    })
}

/// Usage of the responses that have a line at or after the start line.
fn usage_from(drafts: &[&Draft], start: u64) -> Value {
    let lines = lines(drafts);
    let after = lines.iter().copied().filter(|d| line_of(d).is_some_and(|n| n > start));
    let responses = distinct(after, "gen_ai.response.id");
    usage(lines.iter().copied().filter(|d| text(d, "gen_ai.response.id").is_some_and(|r| responses.contains(r))))
}

fn gemini_found(drafts: &[Imported], prefix: &str) -> Value {
    let own = |d: &&Draft| d.origin.as_deref().is_some_and(|o| o.starts_with(&format!("{prefix}#")));
    let drafts: Vec<&Draft> = drafts.iter().map(|i| &i.draft).filter(own).collect();
    let of_kind = |k: &str| drafts.iter().filter(|d| d.kind == k).count();
    json!({"format": "gemini-session-json",
           "messages": drafts.iter().filter(|d| content(d, "record").is_some()).count(),
           "message_types": {"user": of_kind(kind::MESSAGE), "gemini": of_kind(kind::MODEL_CALL)},
           "tool_calls": of_kind(kind::TOOL_CALL)})
}

/// Compares the members that `found` has.
fn assert_figures(place: &str, checkpoint: &Map<String, Value>, found: &Value) {
    for (name, value) in found.as_object().expect("an object") {
        assert_eq!(checkpoint.get(name), Some(value), "{place}: {name}");
    }
}

fn assert_bytes(place: &str, checkpoint: &Map<String, Value>, mut bytes: Vec<u8>) {
    let size = checkpoint["bytes"].as_u64().expect("a size");
    if bytes.len() as u64 + 1 == size {
        bytes.push(b'\n');
    }
    assert_eq!(bytes.len() as u64, size, "{place}: bytes");
    assert_eq!(Some(hex::encode(Sha256::digest(&bytes)).as_str()), checkpoint["sha256"].as_str(), "{place}: sha256");
}

fn mismatches(drafts: &[Imported]) -> BTreeSet<String> {
    let judged = drafts.iter().map(|i| &i.draft).filter(|d| d.kind == kind::EVALUATION);
    judged
        .filter(|d| text(d, "gen_ai.evaluation.score.label") == Some("mismatch"))
        .map(|d| d.origin.clone().unwrap_or_default().trim_end_matches("/content_hash.txt").to_owned())
        .collect()
}

#[test]
fn every_figure_of_expected_json() {
    let Some(folder) = shared(SET) else { return };
    let (mut totals, mut tampered, mut checkpoints) = (BTreeMap::<&str, u64>::new(), BTreeSet::new(), 0);
    for archive in expected(&folder).as_array().expect("a list") {
        let file = archive["archive"].as_str().expect("a name");
        let drafts = all("claude-code", &[folder.join(file)]);
        drafts.iter().for_each(|i| assert_sealable(&i.draft));
        for checkpoint in archive["checkpoints"].as_array().expect("a list") {
            checkpoints += 1;
            let checkpoint = checkpoint.as_object().expect("an object");
            let folder = format!("{file}/{}", checkpoint["checkpoint"].as_str().expect("a name"));
            let place = format!("{folder}/full.jsonl");
            if checkpoint["content_hash_matches"] == json!(false) {
                tampered.insert(folder);
            }
            if checkpoint["format"] == "gemini-session-json" {
                assert_figures(&place, checkpoint, &gemini_found(&drafts, &place));
                continue;
            }
            let own = of_file(&drafts, &place);
            assert_figures(&place, checkpoint, &found(&own));
            assert_bytes(&place, checkpoint, rebuilt_lines(own.iter().copied()));
            if let Some(start) = checkpoint.get("checkpoint_start_line").and_then(Value::as_u64) {
                let expected = checkpoint.get("usage_from_start").unwrap_or(&checkpoint["usage_whole"]);
                assert_eq!(&usage_from(&own, start), expected, "{place}: usage_from_start");
            }
            for name in ["lines", "tool_use_ids", "tool_result_ids", "parent_links", "dangling_parent_links"] {
                *totals.entry(name).or_default() += checkpoint[name].as_u64().unwrap_or(0);
            }
        }
    }
    assert_eq!(checkpoints, 46);
    let whole = all("claude-code", &archives(&folder));
    assert_eq!(mismatches(&whole), tampered);
    assert_eq!(tampered.len(), 21);
    let judged = whole.iter().filter(|i| i.draft.kind == kind::EVALUATION).count();
    assert_eq!(judged, 46, "each content_hash.txt is judged");
    println!("claude-code: {checkpoints} checkpoints, {totals:?}, {} mismatching hashes", tampered.len());
}

/// What a store keeps: the first draft of each id.
fn stored(drafts: &[Imported]) -> Vec<&Draft> {
    let mut seen = HashSet::new();
    drafts.iter().map(|i| &i.draft).filter(|d| seen.insert(d.id.as_str())).collect()
}

#[test]
fn cumulative_copies_add_nothing_but_what_is_new() {
    let Some(folder) = shared(SET) else { return };
    for archive in expected(&folder).as_array().expect("a list").iter().filter(|a| a["kind"] == "cumulative") {
        let name = archive["archive"].as_str().expect("a name");
        let drafts = all("claude-code", &[folder.join(name)]);
        let longest = archive["checkpoints"].as_array().expect("a list").iter();
        let longest = longest.max_by_key(|c| c["lines"].as_u64()).expect("a checkpoint");
        let kept = stored(&drafts);
        let transcript: Vec<&Draft> = kept.into_iter().filter(|d| line_of(d).is_some()).collect();
        assert_eq!(lines(&transcript).len() as u64, longest["lines"].as_u64().expect("lines"), "{name}: lines");
        assert_eq!(usage(transcript.iter().copied()), longest["usage_whole"], "{name}: usage");
        let mut files: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
        for draft in drafts.iter().map(|i| &i.draft).filter(|d| line_of(d).is_some()) {
            let file = draft.origin.as_deref().and_then(|o| o.rsplit_once(':')).expect("file:line").0;
            files.entry(file).or_default().insert(&draft.id);
        }
        let mut by_size: Vec<&HashSet<&str>> = files.values().collect();
        by_size.sort_by_key(|ids| ids.len());
        assert!(by_size.windows(2).all(|w| w[0].is_subset(w[1])), "{name}: a longer copy has all ids of a shorter one");
    }
}

#[test]
fn ids_do_not_depend_on_folder_packing_or_time() {
    let Some(folder) = shared(SET) else { return };
    let archive = folder.join("slices-2026-01-22-be437104-4a61-49d9-b754-592ad3e357ce.tar.gz");
    let packed = all("claude-code", std::slice::from_ref(&archive));
    assert_eq!(ids(&packed), ids(&all("claude-code", std::slice::from_ref(&archive))));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let unpack = |name: &str, bytes: Vec<u8>| {
        let path = elsewhere.path().join("other place").join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    };
    each_entry(&archive, &mut |name, bytes| unpack(name, bytes));
    let sorted = |drafts: &[Imported]| ids(drafts).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(sorted(&packed), sorted(&all("claude-code", &[elsewhere.path().to_path_buf()])));
    for part in ["2b/976627f63c/0/full.jsonl", "d4"] {
        let direct = all("claude-code", &[elsewhere.path().join("other place").join(part)]);
        let transcript: Vec<&Imported> = direct.iter().filter(|i| line_of(&i.draft).is_some()).collect();
        assert!(!transcript.is_empty());
        assert!(transcript.iter().all(|i| sorted(&packed).contains(&i.draft.id)), "{part}");
    }
}

#[test]
fn damage_in_an_archive_keeps_what_stands_before_it() {
    let Some(folder) = shared(SET) else { return };
    let archive = folder.join("cumulative-4b3ddf27-d7f7-4773-b4f2-b94b999c661d.tar.gz");
    let whole: HashSet<String> = ids(&all("claude-code", std::slice::from_ref(&archive))).into_iter().collect();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let cut = elsewhere.path().join("cut.tar.gz");
    let bytes = std::fs::read(&archive).expect("archive is readable");
    for kept in [1, 3_000, bytes.len() / 2, bytes.len() - 20] {
        std::fs::write(&cut, &bytes[..kept]).expect("a file");
        let drafts = all("claude-code", std::slice::from_ref(&cut));
        let (rejects, events): (Vec<_>, Vec<_>) = drafts.iter().partition(|i| is_reject(&i.draft));
        assert!(rejects.iter().any(|i| text(&i.draft, "hansard.reject.reason") == Some("source.damaged")), "{kept}");
        let own = events.iter().filter(|i| line_of(&i.draft).is_some());
        assert!(own.clone().all(|i| whole.contains(&i.draft.id)), "{kept}");
        assert!(kept < 100_000 || own.count() > 100, "{kept}");
    }
}
