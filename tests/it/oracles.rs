//! Checks by programs that we did not write: Delta readers in three languages, openssl, b3sum, Go's x/mod.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::{Guard, Hansard, b3sum, python, require, root, shared_data, unhex};

fn read_delta(python: &str, table: &Path, follow: Option<u32>) -> Value {
    let mut command = Command::new(python);
    command.arg(root().join("tests/oracles/python/read_delta.py")).arg(table);
    if let Some(seconds) = follow {
        command.args(["--follow", &seconds.to_string()]);
    }
    let output = command.output().expect("the reader runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "read_delta.py: {}\n{stderr}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).expect("the reader prints JSON")
}

fn own_counts(hansard: &Hansard) -> Vec<(String, i64)> {
    let sql = "select concat(cast(log_partition as varchar), '/', row_class) as class, count(*) as n from log group by 1 order by 1";
    let rows = hansard.rows(sql);
    rows.iter().filter_map(|r| Some((r["class"].as_str()?.to_owned(), r["n"].as_i64()?))).collect()
}

fn their_counts(reader: &Value) -> Vec<(String, i64)> {
    let classes = reader["classes"].as_object().expect("classes");
    let mut all: Vec<_> = classes.iter().filter_map(|(k, v)| Some((k.clone(), v["rows"].as_i64()?))).collect();
    all.sort();
    all
}

#[test]
fn other_readers_count_the_same_while_it_is_written_and_after() {
    let (Some(data), Some(python)) = (shared_data(), python()) else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(&dir.path().join("data"));
    let _ = hansard.ok(&["init"]);
    let table = dir.path().join("data/store/table");
    let mut writer = Guard(
        hansard
            .command(&["import", "agentdojo", &data.join("agentdojo/runs").display().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("import starts"),
    );
    let _ = read_delta(&python, &table, Some(15));
    let status = writer.0.wait().expect("import ends");
    assert!(status.success());
    let theirs = read_delta(&python, &table, None);
    let own = own_counts(&hansard);
    for reader in ["deltalake", "polars", "duckdb"] {
        assert_eq!(their_counts(&theirs[reader]), own, "{reader}");
    }
    java_counts(&table, &own);
    // Merged, checkpointed, and all that is no longer needed deleted: the same, still.
    let kept = hansard.ok(&["maintain", "--file-days", "0", "--log-days", "0", "--json"]);
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert!(kept["merges"].as_u64() > Some(0) && kept["deleted"]["files"].as_u64() > Some(0), "{kept}");
    assert!(kept["deleted"]["log_entries"].as_u64() > Some(0), "{kept}");
    assert_eq!(own_counts(&hansard), own, "our own reader, after cleaning up");
    let theirs = read_delta(&python, &table, None);
    for reader in ["deltalake", "polars", "duckdb"] {
        assert_eq!(their_counts(&theirs[reader]), own, "{reader}, after cleaning up");
    }
    java_counts(&table, &own);
    let _ = hansard.ok(&["verify"]);
}

fn java_counts(table: &Path, own: &[(String, i64)]) {
    let output = Command::new(root().join("tests/oracles/java/run.sh")).arg(table).output();
    match output {
        Ok(o) if o.status.success() => {
            let value: Value = serde_json::from_slice(&o.stdout).expect("Delta Kernel's reader prints JSON");
            let reader =
                value.as_object().and_then(|v| v.values().find(|v| v.get("classes").is_some())).unwrap_or(&value);
            assert_eq!(their_counts(reader), own, "Delta Kernel for Java");
        }
        Ok(o) => {
            eprintln!("{}", String::from_utf8_lossy(&o.stderr));
            require("Delta Kernel for Java");
        }
        Err(e) => {
            eprintln!("{e}");
            require("Delta Kernel for Java");
        }
    }
}

fn demo() -> (tempfile::TempDir, Hansard) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = dir.path().join("data");
    let hansard = Hansard::new(&data);
    let _ = hansard.ok(&["demo"]);
    (dir, hansard)
}

#[test]
fn openssl_verifies_a_stream_checkpoint() {
    let (dir, hansard) = demo();
    let rows = hansard.rows("select signer, checkpoint from events where checkpoint is not null limit 5");
    assert!(!rows.is_empty());
    for row in rows {
        let note = unhex(&row["checkpoint"]);
        let at = note.windows(2).rposition(|w| w == b"\n\n").expect("a blank line");
        let line = String::from_utf8(note[at + 2..].to_vec()).expect("UTF-8");
        let blob = line.split_whitespace().last().expect("a signature").to_owned();
        let mut der = unhex(&Value::from("302a300506032b6570032100"));
        der.extend(unhex(&row["signer"]));
        std::fs::write(dir.path().join("key.der"), der).expect("written");
        std::fs::write(dir.path().join("text"), &note[..=at]).expect("written");
        let script = "printf %s \"$0\" | base64 -d | tail -c 64 > sig && openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key.der -sigfile sig -in text";
        let output =
            Command::new("sh").args(["-c", script, &blob]).current_dir(dir.path()).output().expect("openssl runs");
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn b3sum_opens_a_commitment() {
    let Some(python) = python() else { return };
    let (dir, hansard) = demo();
    let rows = hansard
        .rows("select c.position, c.salt, c.bytes, e.header from contents c join events e on e.id = c.event_id where c.bytes is not null and c.salt is not null limit 5");
    assert!(!rows.is_empty());
    for row in rows {
        let header: serde_json::Value = serde_json::from_slice(&unhex(&row["header"])).expect("a header is JSON");
        let position = row["position"].as_u64().expect("a position") as usize;
        let signed = &header["data"]["contents"][position]["commitment"];
        let mut opening = unhex(&row["salt"]);
        opening.extend(unhex(&row["bytes"]));
        std::fs::write(dir.path().join("opening"), opening).expect("written");
        let found = b3sum(&python, "hansard 2026-11 content commitment v1", &dir.path().join("opening"));
        assert_eq!(Some(found.as_str()), signed.as_str());
    }
}
