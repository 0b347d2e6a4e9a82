//! Output formats, read again.

use crate::fixture::{Builder, Row};
use arrow::array::{AsArray, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use query::output::{write_answer, write_stream};
use query::{Engine, Format};
use schemas::columns::RowClass;
use serde_json::{Value, json};

const SQL: &str = "SELECT id, subject, time, leaf, header, causes FROM events ORDER BY leaf";

async fn engine() -> (crate::fixture::Store, Engine) {
    let long = "x".repeat(100);
    let rows = vec![
        Row::event("e-0", "message", 0)
            .with("subject", "a,\"b\"\nc\u{1b}[31m")
            .with("time", "2026-01-01T00:00:00Z")
            .with("header", "00ff"),
        Row::event("e-1", "message", 1).with("subject", long).with("header", "01").cause("e-0", "used"),
    ];
    let store = Builder::new().file(0, RowClass::Event, rows).build();
    let engine = store.engine().await;
    (store, engine)
}

async fn written(format: Format, sql: &str) -> Vec<u8> {
    let (_store, engine) = engine().await;
    let answer = engine.sql(sql).await.unwrap();
    let mut out = Vec::new();
    write_answer(format, &answer, &mut out).unwrap();
    let mut streamed = Vec::new();
    let coverage = write_stream(format, engine.stream(sql, None).await.unwrap(), &mut streamed).await.unwrap();
    assert_eq!(coverage, answer.coverage);
    if format != Format::Parquet {
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&streamed));
    }
    out
}

#[tokio::test]
async fn json_is_one_document() {
    let document: Value = serde_json::from_slice(&written(Format::Json, SQL).await).unwrap();
    assert_eq!(document["columns"][0], json!({"name": "id", "type": "Utf8"}));
    assert_eq!(document["rows"][0]["header"], "00ff");
    assert_eq!(document["rows"][0]["subject"], "a,\"b\"\nc\u{1b}[31m");
    assert_eq!(document["rows"][0]["time"], "2026-01-01T00:00:00Z");
    assert_eq!(document["rows"][1]["time"], Value::Null);
    assert_eq!(document["rows"][1]["causes"], json!([{"id": "e-0", "relation": "used", "leaf": null}]));
    assert_eq!(document["coverage"]["table_version"], 0);
    let empty: Value =
        serde_json::from_slice(&written(Format::Json, "SELECT id FROM events WHERE id = 'no'").await).unwrap();
    assert_eq!((&empty["rows"], &empty["columns"][0]["name"]), (&json!([]), &json!("id")));
}

#[tokio::test]
async fn ndjson_is_one_object_per_line() {
    let text = String::from_utf8(written(Format::NdJson, SQL).await).unwrap();
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["subject"].as_str().unwrap().len(), 100, "nothing is cut");
}

#[tokio::test]
async fn csv_reads_back() {
    let bytes = written(Format::Csv, SQL).await;
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, rows) = format.infer_schema(std::io::Cursor::new(&bytes), None).unwrap();
    assert_eq!(rows, 2);
    let reader = arrow::csv::ReaderBuilder::new(std::sync::Arc::new(schema))
        .with_header(true)
        .build(std::io::Cursor::new(&bytes))
        .unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let subject = batches[0].column_by_name("subject").unwrap().as_string::<i32>();
    assert_eq!(subject.value(0), "a,\"b\"\nc\u{1b}[31m");
    assert_eq!(subject.value(1).len(), 100);
    let causes = batches[0].column_by_name("causes").unwrap().as_string::<i32>();
    assert_eq!(serde_json::from_str::<Value>(causes.value(1)).unwrap()[0]["relation"], "used");
    let header_only =
        String::from_utf8(written(Format::Csv, "SELECT id, leaf FROM events WHERE id = 'no'").await).unwrap();
    assert_eq!(header_only, "id,leaf\n");
}

#[tokio::test]
async fn parquet_reads_back_with_its_coverage() {
    let bytes = bytes::Bytes::from(written(Format::Parquet, SQL).await);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let coverage = metadata.iter().find(|kv| kv.key == "hansard.coverage").unwrap().value.clone().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&coverage).unwrap()["table_version"], 0);
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].column_by_name("header").unwrap().as_binary::<i32>().value(0), [0x00, 0xff]);
}

#[tokio::test]
async fn the_table_cuts_cells_and_disarms_the_terminal() {
    let text = String::from_utf8(written(Format::Table, SQL).await).unwrap();
    assert!(text.starts_with("id "), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}"), "{text}");
    assert!(text.contains('…') && text.contains("cut at 60 characters"), "{text}");
    assert!(text.contains("2 rows; table version 0, tree size 2"), "{text}");
}

#[test]
fn unknown_formats_list_the_known() {
    let error = "xml".parse::<Format>().unwrap_err().to_string();
    assert!(error.contains("table, json, ndjson, csv, parquet"), "{error}");
    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
    }
}
