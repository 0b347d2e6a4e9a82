//! A receiver on a real socket and a client of one's own, so that every byte of a request can be chosen.

use crate::producer_support::{FaultyLog, config, open_with};
use ingest::env::Seeded;
use ingest::http::{Limits, Receiver, SignerGate, router};
use ingest::log::Log;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) log: Arc<FaultyLog>,
    _dir: tempfile::TempDir,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) json: Value,
}

impl Answer {
    /// Value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (n, value) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Asserts a problem of this status and kind.
    pub(crate) fn problem(&self, status: u16, kind: &str) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json["type"], format!("urn:hansard:problem:{kind}"));
        assert_eq!(self.json["status"], status);
        assert!(!self.json["title"].as_str().unwrap().is_empty() && !self.json["detail"].as_str().unwrap().is_empty());
        if status == 429 || status == 503 {
            assert!(self.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
        }
        &self.json
    }
}

/// Starts a receiver over a log in memory.
pub(crate) async fn start(log: FaultyLog, limits: Limits, gate: Option<Arc<dyn SignerGate>>) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(log);
    let mut config = config(&dir.path().join("state"));
    config.content_bytes_max = 1_000_000;
    let producer = open_with(config, Arc::<FaultyLog>::clone(&log), 1).await.unwrap();
    let shared: Arc<dyn Log> = Arc::<FaultyLog>::clone(&log);
    let mut receiver = Receiver::new(producer, shared, Seeded::env(3), limits);
    if let Some(gate) = gate {
        receiver = receiver.with_gate(gate);
    }
    let receiver = Arc::new(receiver);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = router(Arc::clone(&receiver));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Server { address, receiver, log, _dir: dir }
}

/// Short waits, so that tests of failure are fast.
pub(crate) fn quick() -> Limits {
    let mut limits = Limits { ack_wait: Duration::from_millis(300), ..Limits::default() };
    limits.batching.age_max = Duration::from_millis(2);
    limits
}

impl Server {
    /// Posts a body with its length.
    pub(crate) async fn post(&self, path: &str, media_type: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    pub(crate) async fn events(&self, body: &Value) -> Answer {
        self.post("/v1/events", "application/json", body.to_string().as_bytes()).await
    }

    /// Sends bytes and reads to the end.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses early may close before it has read all; its answer is there all the same.
        let _ = socket.write_all(request).await;
        let mut bytes = Vec::new();
        let _ = socket.read_to_end(&mut bytes).await;
        parse(&bytes)
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), json: serde_json::from_str(body).unwrap_or(Value::Null) }
}
