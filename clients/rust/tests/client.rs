//! Limits of any length, and a token that nothing shows.

use std::net::TcpListener;
use std::time::Duration;

use handoff_client::{Client, ErrorKind};

/// The URL of a port that was free a moment ago.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[test]
fn limits_of_any_length_are_kept() {
    for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let builder = Client::builder(&nobody()).timeout(limit);
        let client = builder.within(limit).attempts(2).sleep(|_| {}).build();
        let mut task = client.expect("a client").task("a");
        let error = task.refresh().cloned().expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{limit:?}: {error}");
        assert!(task.result(limit).is_err(), "{limit:?}");
    }
}

#[test]
fn a_token_is_not_shown() {
    let builder = Client::builder(&nobody()).token("s3cret").attempts(1);
    let shown = format!("{builder:?}");
    let client = builder.build().expect("a client");
    let error = client
        .task("s3cret")
        .refresh()
        .cloned()
        .expect_err("nobody is there");
    let shown = format!(
        "{shown} {client:?} {:?} {error:?} {error}",
        client.queue("default")
    );
    assert!(!shown.contains("s3cret"), "{shown}");
    let unusable = Client::builder(&nobody()).token("s3cret\n").build();
    let unusable = unusable.expect_err("no token has a line end").to_string();
    assert!(!unusable.contains("s3cret"), "{unusable}");
}
