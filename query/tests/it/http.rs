//! HTTP over a real socket.

use crate::fixture::{Builder, Row, Store};
use query::http::{openapi, openapi_routes, router};
use query::{Limits, QueryService, Runtime};
use schemas::columns::RowClass;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }
}

async fn serve(store: &Store) -> SocketAddr {
    let storage = store.storage();
    let runtime = Runtime::new(&storage, Limits::default(), None).unwrap();
    let service = QueryService::new(storage, runtime, Duration::ZERO, None);
    let app = router(service).merge(openapi_routes(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn request(address: SocketAddr, method: &str, path: &str, body: &str) -> Answered {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    socket.read_to_end(&mut raw).await.unwrap();
    let split = raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&raw[..split]).to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answered { status, head, body: raw[split + 4..].to_vec() }
}

async fn get(address: SocketAddr, path: &str) -> Answered {
    request(address, "GET", path, "").await
}

fn store() -> Store {
    let rows = vec![
        Row::event("aaaaaaaa-0", "message", 0).session("run/1").says("text", "text/plain", b"hello"),
        Row::event("aaaaaaaa-1", "decision", 1).session("run/1").with("subject", "loan/1").cause("aaaaaaaa-0", "used"),
    ];
    Builder::new().file(0, RowClass::Event, rows).build()
}

#[tokio::test]
async fn questions_are_answered_with_coverage() {
    let store = store();
    let address = serve(&store).await;
    let sql =
        request(address, "POST", "/v1/sql", &json!({"sql": "SELECT id FROM events ORDER BY id"}).to_string()).await;
    assert_eq!(sql.status, 200);
    assert_eq!(sql.json()["rows"][1]["id"], "aaaaaaaa-1");
    assert_eq!(sql.json()["coverage"]["events"], 2);
    let csv = request(
        address,
        "POST",
        "/v1/sql",
        &json!({"sql": "SELECT id FROM events ORDER BY id", "format": "csv", "limit": 1}).to_string(),
    )
    .await;
    assert_eq!(String::from_utf8_lossy(&csv.body), "id\naaaaaaaa-0\n");
    assert!(
        csv.head.contains("hansard-coverage: {")
            && csv.head.contains("\"rows_cut_at\":1")
            && csv.head.contains("text/csv"),
        "{}",
        csv.head
    );
    assert_eq!(get(address, "/v1/sessions").await.json()["rows"][0]["session"], "run/1");
    assert_eq!(get(address, "/v1/sessions?agent=nobody").await.json()["rows"], json!([]));
    assert_eq!(get(address, "/v1/sessions/run%2F1").await.json()["turns"][0]["contents"][0]["text"], "hello");
    assert_eq!(get(address, "/v1/events/aaaaaaaa-1").await.json()["causes"][0]["id"], "aaaaaaaa-0");
    assert_eq!(get(address, "/v1/why?subject=loan%2F1").await.json()["nodes"][1]["event_id"], "aaaaaaaa-0");
    assert_eq!(get(address, "/v1/why?event=aaaaaaaa-1").await.json()["coverage"]["table_version"], 0);
    let down = get(address, "/v1/trace/aaaaaaaa-0?direction=down&nodes=1").await.json();
    assert_eq!(down["cut"]["frontier_ids"], json!(["aaaaaaaa-1"]));
    assert!(get(address, "/v1/tables").await.json()["tables"].as_array().unwrap().len() >= 12);
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let store = store();
    let address = serve(&store).await;
    let post = |body: Value| request(address, "POST", "/v1/sql", Box::leak(body.to_string().into_boxed_str()));
    let cases = [
        (post(json!({"sql": "DROP TABLE events"})).await, 400, "invalid"),
        (post(json!({"sql": "SELECT * FROM nothing"})).await, 400, "invalid"),
        (post(json!({"sql": "SELECT 1", "limit": 0})).await, 400, "invalid"),
        (post(json!({"sql": "SELECT 1", "colour": true})).await, 422, "invalid"),
        (request(address, "POST", "/v1/sql", "{").await, 400, "invalid"),
        (request(address, "POST", "/v1/sql", &"x".repeat(600_000)).await, 413, "invalid"),
        (get(address, "/v1/events/no-such-event").await, 404, "not-found"),
        (get(address, "/v1/sessions/none").await, 404, "not-found"),
        (get(address, "/v1/sessions/run%2F1?after=x").await, 400, "invalid"),
        (get(address, "/v1/why").await, 400, "invalid"),
        (get(address, "/v1/why?subject=none").await, 404, "not-found"),
        (get(address, "/v1/trace/aaaaaaaa-0?direction=sideways").await, 400, "invalid"),
    ];
    for (answered, status, name) in cases {
        assert_eq!(answered.status, status, "{}", String::from_utf8_lossy(&answered.body));
        assert!(answered.head.contains("application/problem+json"), "{}", answered.head);
        let problem = answered.json();
        assert_eq!(problem["type"], format!("urn:hansard:problem:{name}"));
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_new_version_is_seen_and_an_absent_table_said() {
    let empty = Store::empty();
    let absent = get(serve(&empty).await, "/v1/tables").await;
    assert_eq!(
        (absent.status, absent.json()["type"].as_str()),
        (503, Some("urn:hansard:problem:no-table")),
        "{}",
        absent.json()
    );
    assert!(absent.head.contains("retry-after"));
    let store = store();
    let address = serve(&store).await;
    assert_eq!(get(address, "/v1/tables").await.json()["coverage"]["events"], 2);
    let _store = store.commit(1, 1, RowClass::Event, &[Row::event("aaaaaaaa-9", "message", 0)]);
    let coverage = get(address, "/v1/tables").await.json()["coverage"].clone();
    assert_eq!((&coverage["table_version"], &coverage["events"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn the_openapi_document_describes_every_route() {
    let store = store();
    let document = get(serve(&store).await, "/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for path in [
        "/v1/sql",
        "/v1/sessions",
        "/v1/sessions/{id}",
        "/v1/events/{id}",
        "/v1/why",
        "/v1/trace/{event}",
        "/v1/tables",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    for schema in ["Why", "Trace", "Transcript", "EventRecord", "Coverage", "Problem", "Node"] {
        assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
    }
    let mut other = openapi();
    other.merge(openapi());
    assert_eq!(serde_json::to_value(&other).unwrap()["paths"], document["paths"]);
}
