//! Limits of the HTTP side, asked over a socket.

use super::run::{chat, said};
use super::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn server(limits: Limits) -> std::net::SocketAddr {
    let recording = Recording::build(&chat(&[said("user", "hi"), said("assistant", "ho")])).unwrap();
    let replay = Replay::new(recording, Plan::default(), None, Arc::new(Kept::default()), limits).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(Arc::new(replay))).await });
    address
}

async fn talk(address: std::net::SocketAddr, head: &str, body: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (line, more) = head.split_once('|').unwrap_or((head, "x-more: no"));
    let head = format!("{line} HTTP/1.1\r\n{more}\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[test]
fn large_slow_foreign_and_unknown_requests_get_typed_errors() {
    wait(async {
        let limits = Limits { request_bytes_max: 200, body_wait: Duration::from_millis(50), ..Limits::default() };
        let address = server(limits).await;
        let body = chat_body(&[said("user", "hi")]).to_string();
        let good = talk(address, "POST /v1/chat/completions", &body, body.len()).await;
        assert!(good.starts_with("HTTP/1.1 200") && good.contains("x-hansard-match: same"), "{good}");
        let large = "x".repeat(300);
        let answer = talk(address, "POST /v1/chat/completions", &large, large.len()).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("200 bytes"), "{answer}");
        let answer = talk(address, "POST /v1/messages", "{", 100).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"type\":\"error\""), "{answer}");
        let answer = talk(address, "POST /v1/embeddings", "{}", 2).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        let answer = talk(address, "POST /mcp", "{}", 2).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("-32600"), "{answer}");
        for (origin, status) in
            [("http://evil.example", 403), ("http://localhost:3000", 400), ("http://localhost.evil", 403)]
        {
            let answer = talk(address, &format!("POST /mcp|origin: {origin}"), "{}", 2).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
        let answer = talk(address, "DELETE /mcp", "", 0).await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    });
}

#[test]
fn too_many_at_once_are_refused() {
    wait(async {
        let limits = Limits { concurrent_requests_max: 1, body_wait: Duration::from_secs(5), ..Limits::default() };
        let address = server(limits).await;
        let slow = tokio::spawn(async move { talk(address, "POST /v1/messages", "{", 100).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = talk(address, "POST /v1/chat/completions", "{}", 2).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        slow.abort();
    });
}
