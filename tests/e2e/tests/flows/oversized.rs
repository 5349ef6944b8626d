//! Bodies that are too large, whether that is announced or found out.

use crate::unchanged::changes_nothing;
use handoff_e2e::{Host, Pair, Reply, exchange, on_every_pair};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

on_every_pair!(oversized_bodies);

fn oversized_bodies(pair: Pair) {
    const MAX: usize = 1 << 20;
    let host = Host::start(pair, &[]);
    let address = host.address();
    changes_nothing(&host, |_| {
        for path in ["/v1/tasks", "/v1/tasks:batch", "/gather"] {
            // Announced, and never sent.
            announced(address, path, MAX + 1, b"").expect_problem(413, "too-large", None);
            announced(address, path, usize::MAX / 2, b"{").expect_problem(413, "too-large", None);
            // Sent in chunks, without a word about how many come.
            chunked(address, path, MAX + 1).expect_problem(413, "too-large", None);
        }
        // As much as is allowed is read, and found to be no JSON.
        let spaces = vec![b' '; MAX];
        announced(address, "/v1/tasks", MAX, &spaces).expect_problem(400, "invalid-request", None);
        chunked(address, "/v1/tasks", MAX).expect_problem(400, "invalid-request", None);
    });
    // Large, valid, and within the limit.
    let http = host.http();
    let args = "x".repeat(200_000);
    let id = http.enqueue(&json!({"task": "echo", "args": args}));
    let task = http.succeeded(&id, Duration::from_secs(20));
    assert_eq!(task["result"], args);
}

fn head(path: &str, length: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: handoff\r\ncontent-type: application/json\r\n{length}\r\n\r\n").into()
}

fn announced(address: SocketAddr, path: &str, length: usize, body: &[u8]) -> Reply {
    let mut request = head(path, &format!("content-length: {length}"));
    request.extend(body);
    exchange(address, &request).expect("an answer")
}

fn chunked(address: SocketAddr, path: &str, length: usize) -> Reply {
    let mut request = head(path, "transfer-encoding: chunked");
    let spaces = vec![b' '; length];
    for chunk in spaces.chunks(10_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    exchange(address, &request).expect("an answer")
}
