//! Tampering with the table: files, rows, the Delta log. Each is found, with its place.

use crate::support::{draft, drafts};
use crate::verify_support::{
    SOURCE, a_file, assert_found, commit, edit_add, edit_version, flip, has, on_disk, report, rewrite, rich, simple,
    store_report, version_of, with_column,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use schemas::chain::Link;
use schemas::columns::RowClass;
use schemas::draft::DraftContent;
use serde_json::{Value, json};
use std::sync::Arc;
use store::verify::Kind;

/// Changes one action of a Delta commit.
type Edit = fn(&mut Value);

fn same(links: Vec<Link>) -> Vec<Link> {
    links
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_file() {
    let (world, _) = simple(300).await;
    let file = a_file(&world, RowClass::Event).await;
    let path = on_disk(&world, file.path.as_ref());
    for at in [4, 5_000, 20_000, file.size as usize - 9, file.size as usize - 200] {
        flip(&path, at);
        let found = store_report(&world).await;
        assert_found(&found, Kind::File, file.path.as_ref(), "BLAKE3");
        flip(&path, at);
    }
    assert!(store_report(&world).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_typed_column() {
    for told in [false, true] {
        let (world, _) = simple(300).await;
        let file = a_file(&world, RowClass::Event).await;
        let session = |batch: arrow::array::RecordBatch| {
            let old: &StringArray = batch.column_by_name("session").unwrap().as_string();
            let new: StringArray =
                (0..old.len()).map(|i| Some(if i == 17 { "another" } else { old.value(i) })).collect();
            with_column(&batch, "session", Arc::new(new))
        };
        rewrite(&world, &file, told, session, same);
        let found = store_report(&world).await;
        assert_found(&found, Kind::Column, &format!("{} row 17 column session", file.path), "\"another\"");
        assert_eq!(has(&found, Kind::File, file.path.as_ref(), "BLAKE3"), !told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_row() {
    for told in [false, true] {
        let (world, _) = simple(300).await;
        let file = a_file(&world, RowClass::Event).await;
        rewrite(&world, &file, told, |batch| batch.slice(0, batch.num_rows() - 1), same);
        let found = store_report(&world).await;
        assert_found(&found, Kind::Leaf, "partition 0 leaves 100 to 100", "no row");
        assert_eq!(has(&found, Kind::File, file.path.as_ref(), "numRecords"), !told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_content() {
    for told in [false, true] {
        let (world, _) = simple(300).await;
        let file = a_file(&world, RowClass::Event).await;
        let changed = |batch: arrow::array::RecordBatch| {
            let list = batch.column_by_name("contents").unwrap().as_list::<i32>();
            let all = list.values().as_struct();
            let (fields, mut columns, _) = all.clone().into_parts();
            let old: &BinaryArray = columns[5].as_binary();
            let new: BinaryArray = (0..old.len())
                .map(|i| {
                    (!old.is_null(i))
                        .then(|| if i == 40 { vec![b'x'; old.value(i).len()] } else { old.value(i).to_vec() })
                })
                .collect();
            columns[5] = Arc::new(new);
            let values: ArrayRef = Arc::new(StructArray::new(fields, columns, None));
            let arrow::datatypes::DataType::List(field) = list.data_type() else { panic!("a list") };
            with_column(
                &batch,
                "contents",
                Arc::new(ListArray::new(Arc::clone(field), list.offsets().clone(), values, None)),
            )
        };
        rewrite(&world, &file, told, changed, same);
        let found = store_report(&world).await;
        assert_found(&found, Kind::Content, &format!("{} row", file.path), "do not open the signed commitment");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_header_with_everything_else_made_to_fit() {
    let (world, _) = simple(300).await;
    let file = a_file(&world, RowClass::Event).await;
    let changed = |batch: arrow::array::RecordBatch| {
        let old: &BinaryArray = batch.column_by_name("header").unwrap().as_binary();
        let text = |i: usize| String::from_utf8(old.value(i).to_vec()).unwrap();
        let new: BinaryArray = (0..old.len())
            .map(|i| {
                Some(if i == 9 { text(i).replace("urn:test:agent", "urn:test:forge") } else { text(i) }.into_bytes())
            })
            .collect();
        let sources: &StringArray = batch.column_by_name("source").unwrap().as_string();
        let sources: StringArray =
            (0..sources.len()).map(|i| Some(if i == 9 { "urn:test:forge" } else { sources.value(i) })).collect();
        with_column(&with_column(&batch, "header", Arc::new(new)), "source", Arc::new(sources))
    };
    rewrite(&world, &file, true, changed, same);
    let found = store_report(&world).await;
    assert_found(&found, Kind::Tree, "head of partition 0", "headers in the table lead to");
    assert_found(&found, Kind::Signature, "stream stream/a", "signed root");
    assert_found(&found, Kind::Tile, "tlog/p0/tile/0/", "not that of leaf");
    assert_found(&found, Kind::Registry, "partition 0 leaf", "not registered for source urn:test:forge");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_columns_that_no_header_covers() {
    let integer = |name: &'static str, at: usize, value: i64| {
        move |batch: arrow::array::RecordBatch| {
            let old = Arc::clone(batch.column_by_name(name).unwrap());
            let old: &Int64Array = old.as_primitive();
            let new: Int64Array = (0..old.len()).map(|i| Some(if i == at { value } else { old.value(i) })).collect();
            with_column(&batch, name, Arc::new(new))
        }
    };
    let (world, _) = simple(300).await;
    let file = a_file(&world, RowClass::Event).await;
    rewrite(&world, &file, true, integer("log_offset", 3, 2), same);
    assert_found(&store_report(&world).await, Kind::Row, "partition 0 leaf", "log_offset");
    let (world, _) = simple(300).await;
    let file = a_file(&world, RowClass::Event).await;
    rewrite(&world, &file, true, integer("stream_index", 3, 7), same);
    assert!(!store_report(&world).await.is_ok());
    let (world, _) = simple(300).await;
    let file = a_file(&world, RowClass::Event).await;
    let stamp = |batch: arrow::array::RecordBatch| {
        let n = batch.num_rows();
        with_column(
            &batch,
            "committed_at",
            Arc::new(TimestampMicrosecondArray::from(vec![1_000_000; n]).with_timezone("UTC")),
        )
    };
    rewrite(&world, &file, true, stamp, same);
    assert_found(&store_report(&world).await, Kind::Row, file.path.as_ref(), "committed_at");
    let (world, _) = simple(300).await;
    let file = a_file(&world, RowClass::Event).await;
    let attested = |batch: arrow::array::RecordBatch| {
        let n = batch.num_rows();
        with_column(&batch, "attested", Arc::new(StringArray::from(vec!["gateway"; n])))
    };
    rewrite(&world, &file, true, attested, same);
    assert_found(
        &store_report(&world).await,
        Kind::Registry,
        "partition 0 leaf",
        "was not registered in role \"gateway\"",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_swapped_files_and_a_deleted_one() {
    let (world, mut a) = simple(50).await;
    world.append(vec![a.batch(&crate::support::drafts(SOURCE, "more", 50))]).await;
    commit(&world).await;
    let files = world.snapshot().await.files;
    let paths: Vec<_> = files.iter().map(|f| on_disk(&world, f.path.as_ref())).collect();
    let bytes: Vec<_> = paths.iter().map(|p| std::fs::read(p).unwrap()).collect();
    std::fs::write(&paths[0], &bytes[1]).unwrap();
    std::fs::write(&paths[1], &bytes[0]).unwrap();
    let found = store_report(&world).await;
    assert_found(&found, Kind::File, files[0].path.as_ref(), "BLAKE3");
    assert_found(&found, Kind::Chain, &format!("footer of {}", files[1].path), "one link");
    std::fs::write(&paths[0], &bytes[0]).unwrap();
    std::fs::remove_file(&paths[1]).unwrap();
    let found = store_report(&world).await;
    assert_found(&found, Kind::File, files[1].path.as_ref(), "gone");
    assert_found(&found, Kind::Leaf, "partition 0 leaves 51 to 100", "no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_statistics_and_tags() {
    let (world, _) = simple(50).await;
    let file = a_file(&world, RowClass::Event).await;
    let edits: [(&str, Edit); 4] = [
        ("numRecords", |a| {
            a["stats"] = json!(a["stats"].as_str().unwrap().replace("\"numRecords\":51", "\"numRecords\":50"))
        }),
        ("hansard.leaf_to", |a| a["tags"]["hansard.leaf_to"] = json!("50")),
        ("hansard.registry", |a| a["tags"]["hansard.registry"] = json!("0")),
        ("column leaf", |a| a["stats"] = json!(a["stats"].as_str().unwrap().replace("\"leaf\":50", "\"leaf\":5"))),
    ];
    for (word, edit) in edits {
        let folder = world.dir.path().join("table/_delta_log");
        let version = folder.join(format!("{:020}.json", version_of(&world, file.path.as_ref())));
        let before = std::fs::read(&version).unwrap();
        edit_add(&world, file.path.as_ref(), edit);
        assert_ne!(std::fs::read(&version).unwrap(), before, "{word}: nothing was edited");
        assert_found(&store_report(&world).await, Kind::File, file.path.as_ref(), word);
        std::fs::write(version, before).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_added_to_and_removed_from_a_commit() {
    let (world, _) = simple(50).await;
    let file = a_file(&world, RowClass::Event).await;
    let version = version_of(&world, file.path.as_ref());
    let place = format!("version {version}");
    let path = world.dir.path().join(format!("table/_delta_log/{version:020}.json"));
    let before = std::fs::read(&path).unwrap();
    let forged = file.path.to_string().replace(".parquet", "x.parquet");
    std::fs::copy(on_disk(&world, file.path.as_ref()), on_disk(&world, &forged)).unwrap();
    edit_version(&world, version, |lines| {
        let mut line = lines.iter().find(|l| !l["add"].is_null()).unwrap().clone();
        line["add"]["path"] = json!(forged);
        lines.push(line);
    });
    let found = store_report(&world).await;
    assert_found(&found, Kind::DeltaLog, &place, "two files of one class");
    assert_found(&found, Kind::Leaf, "partition 0 leaf", "second row");
    std::fs::write(&path, &before).unwrap();
    for (member, words) in [
        ("add", "without a file"),
        ("txn", "the transaction is not"),
        ("domainMetadata", "has no head beside it"),
        ("commitInfo", "0 commitInfo lines"),
    ] {
        edit_version(&world, version, |lines| lines.retain(|l| l[member].is_null()));
        assert_found(&store_report(&world).await, Kind::DeltaLog, &place, words);
        std::fs::write(&path, &before).unwrap();
    }
    assert!(store_report(&world).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_by_somebody_else() {
    let (world, _) = simple(50).await;
    let file = a_file(&world, RowClass::Event).await;
    let next = world.snapshot().await.version + 1;
    let forged = file.path.to_string().replace(".parquet", "x.parquet");
    std::fs::copy(on_disk(&world, file.path.as_ref()), on_disk(&world, &forged)).unwrap();
    let mut add = Value::Null;
    edit_version(&world, next - 1, |lines| add = lines.iter().find(|l| !l["add"].is_null()).unwrap().clone());
    add["add"]["path"] = json!(forged);
    let info = json!({"commitInfo": {"timestamp": 1, "operation": "WRITE"}});
    std::fs::write(world.dir.path().join(format!("table/_delta_log/{next:020}.json")), format!("{info}\n{add}\n"))
        .unwrap();
    let found = store_report(&world).await;
    assert_found(&found, Kind::DeltaLog, &format!("version {next}"), "no hansard.commit");
    assert_found(&found, Kind::DeltaLog, &format!("version {next}"), "without a head");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_head() {
    let (world, _) = simple(50).await;
    let version = world.snapshot().await.version;
    let path = world.dir.path().join(format!("table/_delta_log/{version:020}.json"));
    let before = std::fs::read(&path).unwrap();
    let edits: [(Edit, Kind, &str); 4] = [
        (|h| h["offset"] = json!(1), Kind::DeltaLog, "says offset"),
        (|h| h["link"] = json!("11".repeat(32)), Kind::Chain, "the chain in the files ends with"),
        (|h| h["registry"] = json!("11".repeat(32)), Kind::Registry, "registry state"),
        (|h| h["root"] = json!("11".repeat(32)), Kind::DeltaLog, "frontier leads to root"),
    ];
    for (edit, kind, words) in edits {
        edit_version(&world, version, |lines| {
            let line = lines.iter_mut().find(|l| !l["domainMetadata"].is_null()).unwrap();
            let mut head: Value =
                serde_json::from_str(line["domainMetadata"]["configuration"].as_str().unwrap()).unwrap();
            edit(&mut head);
            line["domainMetadata"]["configuration"] = json!(head.to_string());
        });
        assert_found(&store_report(&world).await, kind, "", words);
        std::fs::write(&path, &before).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newest_version_taken_away() {
    let (world, mut a) = simple(50).await;
    world.append(vec![a.batch(&crate::support::drafts(SOURCE, "more", 50))]).await;
    commit(&world).await;
    let version = world.snapshot().await.version;
    std::fs::remove_file(world.dir.path().join(format!("table/_delta_log/{version:020}.json"))).unwrap();
    let found = store_report(&world).await;
    assert_found(&found, Kind::Checkpoint, "tlog/p0/checkpoint", "the table was set back");
    assert_found(&found, Kind::RootLog, "tlog/root", "the table was set back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_delta_checkpoint_or_a_changed_commit_beside_it() {
    let (world, _) = simple(50).await;
    let version = world.snapshot().await.version;
    store::maintain::checkpoint(&world.storage, version).await.unwrap();
    assert!(store_report(&world).await.is_ok());
    let file = a_file(&world, RowClass::Event).await;
    edit_add(&world, file.path.as_ref(), |a| a["size"] = json!(1));
    let found = store_report(&world).await;
    assert_found(&found, Kind::DeltaLog, &format!("checkpoint of version {version}"), file.path.as_ref());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_chain_link() {
    for told in [false, true] {
        let (world, _) = simple(50).await;
        let file = a_file(&world, RowClass::Event).await;
        let forge = |mut links: Vec<Link>| {
            links[0].offset_from += 1;
            links
        };
        rewrite(&world, &file, told, |b| b, forge);
        let found = store_report(&world).await;
        assert_found(&found, Kind::Chain, &format!("footer of {}", file.path), "one link");
        assert_found(&found, Kind::Chain, "head of partition 0", "the chain in the files ends with");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_that_is_pinned_on_another_stream() {
    let world = rich().await;
    let finding = a_file(&world, RowClass::Finding).await;
    let pinned = |batch: arrow::array::RecordBatch| {
        let n = batch.num_rows();
        with_column(&batch, "stream", Arc::new(StringArray::from(vec!["stream/innocent"; n])))
    };
    rewrite(&world, &finding, true, pinned, same);
    let place = format!("partition {}", finding.partition);
    assert_found(&store_report(&world).await, Kind::Chain, &place, "rows that are no events");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_backdated() {
    let (world, _) = simple(30).await;
    let file = a_file(&world, RowClass::Event).await;
    let backdated = |batch: arrow::array::RecordBatch| {
        let old: &TimestampMicrosecondArray = batch.column_by_name("committed_at").unwrap().as_primitive();
        let year = 31_536_000_000_000;
        let new: TimestampMicrosecondArray = old.values().iter().map(|v| Some(v - year)).collect();
        with_column(&batch, "committed_at", Arc::new(new.with_timezone("UTC")))
    };
    rewrite(&world, &file, true, backdated, same);
    assert_found(&store_report(&world).await, Kind::Chain, "link of partition 0", "committed_at");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_findings_and_rejects() {
    let world = rich().await;
    let finding = a_file(&world, RowClass::Finding).await;
    let detail = |batch: arrow::array::RecordBatch| {
        let n = batch.num_rows();
        with_column(&batch, "detail", Arc::new(StringArray::from(vec!["nothing to see"; n])))
    };
    rewrite(&world, &finding, true, detail, same);
    let found = store_report(&world).await;
    assert_found(&found, Kind::Chain, &format!("partition {}", finding.partition), "rows that are no events");
    let world = rich().await;
    let files = world.snapshot().await.files;
    let mut seen = 0;
    for file in files.iter().filter(|f| f.class == RowClass::Reject) {
        let mut bare = false;
        let changed = |batch: arrow::array::RecordBatch| {
            let leaf: &Int64Array = batch.column_by_name("leaf").unwrap().as_primitive();
            bare = leaf.null_count() > 0;
            let old: &BinaryArray = batch.column_by_name("bytes").unwrap().as_binary();
            let new: BinaryArray = (0..old.len())
                .map(|i| {
                    if leaf.is_null(i) {
                        Some(b"forged".to_vec())
                    } else {
                        old.is_valid(i).then(|| old.value(i).to_vec())
                    }
                })
                .collect();
            with_column(&batch, "bytes", Arc::new(new))
        };
        rewrite(&world, file, true, changed, same);
        seen += usize::from(bare);
    }
    assert!(seen > 0);
    let found = report(&world).await;
    assert_found(&found, Kind::Chain, "link of partition", "rows that are no events");
    assert_found(&found, Kind::Log, "offset", "not the one that the table keeps");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_blob_and_a_deleted_one() {
    let world = rich().await;
    let mut blobs = Vec::new();
    for fan in std::fs::read_dir(world.dir.path().join("blobs")).unwrap() {
        blobs.extend(std::fs::read_dir(fan.unwrap().path()).unwrap().map(|b| b.unwrap().path()));
    }
    let [blob] = blobs.as_slice() else { panic!("one blob, found {blobs:?}") };
    flip(blob, 700_000);
    assert_found(&store_report(&world).await, Kind::Content, "blobs/", "do not open");
    std::fs::remove_file(blob).unwrap();
    assert_found(&store_report(&world).await, Kind::Content, "blobs/", "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_contents_are_listed_and_no_problem() {
    let (world, mut a) = simple(5).await;
    let mut refers = draft(SOURCE, "refers-to-nothing");
    refers.contents = vec![DraftContent::text("text", "never sent")];
    world.append(vec![a.batch_with(&[refers], |_| schemas::record::Form::Reference)]).await;
    commit(&world).await;
    let found = store_report(&world).await;
    assert!(found.is_ok(), "{:?}", found.problems);
    assert_eq!(found.contents_absent, 1);
    assert!(
        found.warnings.iter().any(|w| w.kind == Kind::ContentAbsent && w.place.contains("leaf 6")),
        "{:?}",
        found.warnings
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_hidden_as_a_duplicate() {
    // The registration is committed apart, so that only the events are hidden.
    let (world, mut a) = simple(1).await;
    world.append(vec![a.batch(&drafts(SOURCE, "hidden", 50))]).await;
    world.compactor().await.catch_up().await.unwrap();
    let files = world.snapshot().await.files;
    let file = files.into_iter().find(|f| f.rows == 50).expect("the commit of the 50 events");
    let moved = file.path.to_string().replace("row_class=event", "row_class=duplicate");
    std::fs::create_dir_all(on_disk(&world, &moved).parent().unwrap()).unwrap();
    std::fs::rename(on_disk(&world, file.path.as_ref()), on_disk(&world, &moved)).unwrap();
    edit_add(&world, file.path.as_ref(), |a| {
        a["path"] = json!(moved);
        a["partitionValues"]["row_class"] = json!("duplicate");
    });
    assert_found(&store_report(&world).await, Kind::Identity, "partition 0 leaf", "nothing else has its tenant");
}
