//! The body of `POST /gather`.

use super::assert_names_field;
use handoff_wire::{Call, Gather, GatherRequest, WORKER_HOST, from_slice};
use serde_json::{Map, Value};

/// What is taken can be sent, within bounds and to nobody who is private; otherwise an error names the field.
pub(crate) fn run(bytes: &[u8]) {
    match from_slice(bytes).and_then(GatherRequest::check) {
        Ok(Gather::Calls(calls)) => {
            assert!((1..=100).contains(&calls.len()));
            calls.iter().for_each(assert_sendable);
            assert!(calls.iter().all(|c| (1..=60_000).contains(&c.timeout_ms)));
        }
        Ok(Gather::Waits(waits)) => {
            assert!((1..=100).contains(&waits.len()));
            assert!(waits.iter().all(|wait| wait.ms <= 20_000));
        }
        Err(error) if error.field.is_none() => {
            // Both or none: then the error names the two in its text.
            assert!(!error.reason.is_empty());
            if let Ok(object) = serde_json::from_slice::<Map<String, Value>>(bytes) {
                assert!(error.reason.contains("requests") && error.reason.contains("waits"));
                let sent = ["requests", "waits"]
                    .map(|name| object.get(name).is_some_and(|v| !v.is_null()));
                assert!(sent == [true, true] || sent == [false, false], "{error}");
            }
        }
        Err(error) => assert_names_field(&error, bytes, &[]),
    }
}

/// The host will take it, and it goes neither to the worker nor over the connection's own headers.
pub(crate) fn assert_sendable(call: &Call) {
    let request = http::Request::builder()
        .method(call.method.as_str())
        .uri(&call.url);
    let headers = call.headers.iter();
    let request = headers.fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    let request = request.body(()).expect("it was checked");
    let uri = request.uri();
    assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{uri}");
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    assert!(
        !host.is_empty() && host.trim_end_matches('.') != WORKER_HOST,
        "{uri}"
    );
    assert!(
        !uri.authority().is_some_and(|a| a.as_str().contains('@')),
        "{uri}"
    );
    for reserved in [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
    ] {
        assert!(!request.headers().contains_key(reserved), "{reserved}");
    }
}
