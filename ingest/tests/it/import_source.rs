//! How arguments are walked: order, archives within archives, damage, limits, what a resumed import leaves out.

use crate::import_support::{all, each_entry, ids, shared, text};
use ingest::import::source::{Visit, total_bytes, walk};
use ingest::import::{Control, Imported, Stop, format, run};
use schemas::kind;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    std::fs::write(path, bytes).expect("a file");
}

/// Name and bytes of each file; damage as `!name`.
fn visited(paths: &[PathBuf]) -> Vec<(String, Vec<u8>)> {
    let mut seen = Vec::new();
    let stopped: Result<(), Stop> = walk(paths, &AtomicU64::new(0), &mut |visit| {
        match visit {
            Visit::File(file) => {
                let mut bytes = Vec::new();
                let damage = file.reader.read_to_end(&mut bytes).is_err();
                seen.push((if damage { format!("?{}", file.name) } else { file.name }, bytes));
            }
            Visit::Damaged { name, .. } => seen.push((format!("!{name}"), Vec::new())),
        }
        Ok(())
    });
    assert_eq!(stopped, Ok(()));
    seen
}

#[test]
fn files_come_sorted_before_folders_and_archives_are_entered() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = gz(&tar_of(&[("x/deep.json", b"4")]));
    put(folder.path(), "s/subagents/agent-1.jsonl", b"2");
    put(folder.path(), "s.jsonl", b"1");
    put(folder.path(), "b.json.gz", &[gz(b"0"), gz(b"0")].concat());
    put(folder.path(), "t/a.tgz", &gz(&tar_of(&[("./z.json", b"3"), ("n.tar.gz", &inner), ("y.json.gz", &gz(b"5"))])));
    let seen = visited(&[folder.path().to_path_buf()]);
    let expected: Vec<(&str, &[u8])> = vec![
        ("b.json.gz", b"00"),
        ("s.jsonl", b"1"),
        ("s/subagents/agent-1.jsonl", b"2"),
        ("t/a.tgz/z.json", b"3"),
        ("t/a.tgz/n.tar.gz/x/deep.json", b"4"),
        ("t/a.tgz/y.json.gz", b"5"),
    ];
    assert_eq!(seen, expected.into_iter().map(|(n, b)| (n.to_owned(), b.to_vec())).collect::<Vec<_>>());
}

#[test]
fn damage_is_named_and_the_walk_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = gz(&tar_of(&[("one.json", b"1"), ("two.json", &[7; 5_000])]));
    put(folder.path(), "a.tar.gz", &whole[..whole.len() - 4]);
    put(folder.path(), "b.tar.gz", b"not a gzip file");
    put(folder.path(), "c.json.gz", &gz(b"torn")[..12]);
    put(folder.path(), "d.tar", &[tar_of(&[("x.json", b"1")]), b"more".to_vec()].concat());
    put(folder.path(), "e.json", b"fine");
    let seen: Vec<String> = visited(&[folder.path().to_path_buf()]).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "a.tar.gz/one.json",
        "a.tar.gz/two.json",
        "!a.tar.gz",
        "!b.tar.gz",
        "?c.json.gz",
        "d.tar/x.json",
        "!d.tar",
        "e.json",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn progress_counts_the_bytes_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "a.ndjson", b"{\"source\":\"s\",\"type\":\"x\"}\n");
    put(folder.path(), "b/c.ndjson.gz", &gz(&b"{\"source\":\"s\",\"type\":\"y\"}\n".repeat(1_000)));
    let paths = [folder.path().to_path_buf()];
    let control = Control::default();
    let mut sink = |_| Ok(());
    let totals = run(format("hansard").expect("a format"), &paths, &control, &mut sink).expect("it runs");
    assert_eq!((totals.files, totals.events, totals.rejects), (2, 1_001, 0));
    assert_eq!(control.disk_bytes.load(Ordering::Relaxed), total_bytes(&paths).expect("sizes"));
}

#[test]
fn a_resumed_import_still_judges_checkpoints() {
    let Some(folder) = shared("claude-code-sessions") else {
        return;
    };
    let archive = folder.join("single-8c816805-24e2-4871-ac94-e97ce23993c1.tar.gz");
    let elsewhere = tempfile::tempdir().expect("a folder");
    each_entry(&archive, &mut |name, bytes| put(elsewhere.path(), name, &bytes));
    put(elsewhere.path(), "another.jsonl", b"{\"type\":\"user\",\"uuid\":\"u\",\"sessionId\":\"other\"}");
    let paths = [elsewhere.path().to_path_buf()];
    let whole = all("claude-code", &paths);
    let control = Control { leave_out: Some(Box::new(|_| true)), ..Control::default() };
    let mut resumed: Vec<Imported> = Vec::new();
    let mut sink = |imported| {
        resumed.push(imported);
        Ok(())
    };
    run(format("claude-code").expect("a format"), &paths, &control, &mut sink).expect("it runs");
    assert_eq!(whole.len(), resumed.len() + 1);
    assert!(ids(&resumed).iter().all(|id| ids(&whole).contains(id)));
    let judged = resumed.iter().find(|i| i.draft.kind == kind::EVALUATION).expect("a judgement");
    assert_eq!(text(&judged.draft, "gen_ai.evaluation.score.label"), Some("mismatch"));
}
