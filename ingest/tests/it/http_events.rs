//! `POST /v1/events` over a real socket: every media type, every refusal, idempotency, back-pressure.

use crate::http_support::{Server, quick, start};
use crate::producer_support::{Fault, FaultyLog, History};
use ingest::http::Limits;
use schemas::partition::partition_of;
use serde_json::{Value, json};
use std::time::Duration;

fn event(id: &str) -> Value {
    json!({"id": id, "source": "agent://desk", "type": "decision",
           "data": {"session": "s-1", "contents": [{"name": "input", "text": format!("text of {id}")}]}})
}

async fn healthy() -> Server {
    start(FaultyLog::new(&[]), quick(), None).await
}

#[tokio::test]
async fn every_form_of_body_is_taken() {
    let server = healthy().await;
    let one = event("1").to_string();
    let array = json!([event("2"), event("3")]).to_string();
    let pretty = serde_json::to_string_pretty(&event("4")).unwrap();
    let batch = json!([event("5")]).to_string();
    let lines = format!("{}\n\n{}\r\n", event("6"), event("7"));
    let cases = [
        ("application/json", &one, 1),
        ("application/json; charset=utf-8", &array, 2),
        ("Application/CloudEvents+JSON", &pretty, 1),
        ("application/cloudevents-batch+json", &batch, 1),
        ("application/x-ndjson", &lines, 2),
    ];
    for (media_type, body, count) in cases {
        let answer = server.post("/v1/events", media_type, body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{media_type}: {answer:?}");
        assert_eq!(answer.json["durability"], "test");
        assert_eq!(answer.json["events"].as_array().unwrap().len(), count);
    }
    let history = History::read(server.log.as_ref()).await;
    let mut ids = history.all_ids();
    ids.sort();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7"]);
    assert!(history.streams.values().flatten().all(|e| e.header.time.is_none()), "a missing time stays missing");
}

#[tokio::test]
async fn the_answer_says_where_events_stand() {
    let server = healthy().await;
    let mut other = event("b");
    other["data"]["session"] = json!("another session");
    let mut nameless = event("");
    nameless.as_object_mut().unwrap().remove("id");
    nameless["data"].as_object_mut().unwrap().remove("session");
    let answer = server.events(&json!([event("a"), other, nameless])).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let history = History::read(server.log.as_ref()).await;
    let receipts = answer.json["events"].as_array().unwrap();
    let keys = ["s-1".to_owned(), "another session".to_owned(), receipts[2]["id"].as_str().unwrap().to_owned()];
    for (receipt, key) in receipts.iter().zip(keys) {
        let stream = receipt["stream"].as_str().unwrap();
        let index = receipt["stream_index"].as_u64().unwrap() as usize;
        assert_eq!(history.streams[stream][index].header.id, receipt["id"].as_str().unwrap());
        assert_eq!(receipt["partition"], partition_of(key.as_bytes(), 3), "the session, or the id, decides");
        assert!(receipt["offset"].is_u64());
        assert_eq!(receipt["header_digest"].as_str().unwrap().len(), 64);
    }
    let made = receipts[2]["id"].as_str().unwrap();
    assert_eq!((made.len(), &made[14..15]), (36, "7"), "a missing id becomes a UUIDv7");
}

#[tokio::test]
async fn a_repeated_id_gets_the_same_receipt() {
    let server = healthy().await;
    let first = server.events(&event("1")).await;
    let again = server.events(&json!([event("2"), event("1"), event("2")])).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.json["events"][1], first.json["events"][0]);
    assert_eq!(again.json["events"][0], again.json["events"][2]);
    let (a, b) = (event("3"), event("3"));
    let (a, b) = tokio::join!(server.events(&a), server.events(&b));
    assert_eq!((a.status, &a.json), (200, &b.json), "two at once are one");
    let mut other = event("1");
    other["subject"] = json!("loan/2");
    server.events(&json!([event("4"), other])).await.problem(409, "id-conflict");
    let mut elsewhere = event("1");
    elsewhere["source"] = json!("agent://other");
    assert_eq!(server.events(&elsewhere).await.status, 200, "an id belongs to its source");
    let history = History::read(server.log.as_ref()).await;
    let mut ids = history.all_ids();
    ids.sort();
    assert_eq!(ids, ["1", "1", "2", "3"], "nothing of the refused request was signed");
}

#[tokio::test]
async fn what_is_not_valid_is_refused_whole_with_its_place() {
    let server = healthy().await;
    let mut misspelt = event("x");
    misspelt["data"]["sesion"] = json!("s");
    let cases = [
        (json!([event("1"), misspelt]).to_string(), json!(1), json!("sesion")),
        (json!([event("1"), event("2"), {"source": "s"}]).to_string(), json!(2), json!("type")),
        (json!([event("1"), 7]).to_string(), json!(1), Value::Null),
    ];
    for (body, index, field) in cases {
        let answer = server.post("/v1/events", "application/json", body.as_bytes()).await;
        let problem = answer.problem(400, "invalid");
        assert_eq!(problem["index"], index, "{problem}");
        assert!(
            problem["field"].is_null() || problem["field"].as_str().unwrap().ends_with(field.as_str().unwrap_or(""))
        );
    }
    let mut wide = event("wide");
    wide["data"]["attributes"] = json!({"x": "y".repeat(70_000)});
    let problem = server.events(&json!([event("1"), wide])).await;
    assert_eq!(problem.problem(413, "too-large")["index"], 1);
    let mut heavy = event("heavy");
    heavy["data"]["contents"] = json!([{"name": "input", "text": "z".repeat(1_000_001)}]);
    let problem = server.events(&heavy).await;
    assert!(problem.problem(413, "too-large")["detail"].as_str().unwrap().contains("at most 1000000"));
    for body in ["", "  ", "[]", "{\"source\":", "{}\n{}"] {
        server.post("/v1/events", "application/json", body.as_bytes()).await.problem(400, "invalid");
    }
    server.post("/v1/events", "application/cloudevents+json", b"[]").await.problem(400, "invalid");
    server.post("/v1/events", "application/cloudevents-batch+json", b"{}").await.problem(400, "invalid");
    assert!(History::read(server.log.as_ref()).await.all_ids().is_empty());
}

#[tokio::test]
async fn media_types_and_codings_that_are_not_ours_are_refused() {
    let server = healthy().await;
    server.post("/v1/events", "text/plain", b"{}").await.problem(415, "media-type");
    server
        .raw(b"POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        .await
        .problem(415, "media-type");
    let coded = b"POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}";
    server.raw(coded).await.problem(415, "media-type");
    let get = server.raw(b"GET /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").await;
    assert_eq!(get.status, 405);
}

#[tokio::test]
async fn bodies_have_bounds_in_size_number_and_time() {
    let limits = Limits { body_bytes_max: 10_000, events_max: 3, body_wait: Duration::from_millis(80), ..quick() };
    let server = start(FaultyLog::new(&[]), limits, None).await;
    let problem = server.post("/v1/events", "application/json", &[b' '; 10_001]).await;
    assert!(problem.problem(413, "too-large")["detail"].as_str().unwrap().contains("10000 bytes"));
    let mut chunked = b"POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..11 {
        chunked.extend_from_slice(b"3e8\r\n");
        chunked.extend_from_slice(&[b' '; 1_000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    server.raw(&chunked).await.problem(413, "too-large");
    let four: Vec<Value> = (0..4).map(|n| event(&n.to_string())).collect();
    server.events(&json!(four)).await.problem(413, "too-large");
    let stuck = b"POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    server.raw(stuck).await.problem(408, "slow-body");
    let small = Limits { bodies_bytes_max: 10, body_wait: Duration::from_secs(5), ..quick() };
    let server = start(FaultyLog::new(&[]), small, None).await;
    let waiting = server.raw(b"POST /v1/events HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
    let full = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.events(&event("1")).await.problem(429, "busy");
    };
    tokio::select! { _ = waiting => panic!("the first body is not complete"), () = full => {} }
    assert_eq!(server.events(&event("1")).await.status, 200, "the broken body gave its bytes back");
}

#[tokio::test]
async fn a_full_queue_is_429_and_a_silent_log_503() {
    let mut limits = quick();
    limits.batching.queue_events_max = 2;
    let server = start(FaultyLog::new(&[]), limits, None).await;
    *server.log.then.lock().unwrap() = Fault::Hang;
    let waiting = server.events(&json!([event("1"), event("2")])).await;
    let problem = waiting.problem(503, "unavailable");
    assert_eq!(problem["ids"], json!(["1", "2"]), "the client learns what may be signed already");
    server.events(&event("3")).await.problem(429, "busy");
}

#[tokio::test]
async fn an_outage_is_503_and_the_same_ids_get_their_receipts_after_it() {
    let server = healthy().await;
    *server.log.then.lock().unwrap() = Fault::Before;
    let first = server.events(&event("1")).await;
    assert!(first.problem(503, "unavailable")["detail"].as_str().unwrap().contains("told to fail"));
    *server.log.then.lock().unwrap() = Fault::None;
    let again = server.events(&event("1")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.json["events"][0]["stream_index"], 0);
    assert_eq!(History::read(server.log.as_ref()).await.all_ids(), ["1"]);
    server.receiver.set_unready(Some("it is shutting down".to_owned()));
    server.events(&event("2")).await.problem(503, "unavailable");
    server.receiver.set_unready(None);
    assert_eq!(server.events(&event("2")).await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_changes_nothing() {
    let server = start(FaultyLog::new(&[Fault::Busy, Fault::Busy, Fault::Busy]), quick(), None).await;
    let gone = event("1");
    let gone = server.events(&gone);
    let _ = tokio::time::timeout(Duration::from_millis(4), gone).await;
    let answer = server.events(&event("1")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(History::read(server.log.as_ref()).await.all_ids(), ["1"]);
}

#[test]
fn the_openapi_fragment_names_both_routes_and_their_answers() {
    let api = serde_json::to_value(ingest::http::openapi()).unwrap();
    for (path, answer) in [("/v1/events", "EventsAnswer"), ("/v1/batches", "BatchesAnswer")] {
        let post = &api["paths"][path]["post"];
        assert!(post["requestBody"]["content"].is_object(), "{api}");
        assert_eq!(
            post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"],
            format!("#/components/schemas/{answer}")
        );
        let problem = &post["responses"]["429"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem");
        assert!(
            api["components"]["schemas"][answer].is_object() && api["components"]["schemas"]["Problem"].is_object()
        );
    }
}
