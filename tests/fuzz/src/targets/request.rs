//! A request's head, as far as it is read here, one a line: the target, the content type, `authorization`, `traceparent`,
//! and the headers `tracestate`.

use super::{lines, text};
use handoff_wire::{Access, Denied, Scope, Target, TraceParent, may_be_json, trace_state};

/// Path and parameters are parts of what was sent, and nothing is lost.
pub(crate) fn run(bytes: &[u8]) {
    let Some([target, kind, authorization, parent, states]) = text(bytes).map(lines) else {
        return;
    };
    admission(authorization);
    trace(parent, states);
    let read = Target::new(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    assert_eq!(read.path(), path);
    if let Ok(segments) = read.segments() {
        let sent: Vec<_> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        assert_eq!(segments.len(), sent.len(), "{path:?}");
        let plain = !path.contains('%');
        assert!(!plain || segments == sent, "{path:?}");
    } else {
        assert!(path.contains('%'), "{path:?}");
    }
    if let Ok(parameters) = read.query() {
        let length = |(name, value): &(String, String)| name.len() + value.len();
        let length: usize = parameters.iter().map(length).sum();
        assert!(length <= query.len(), "{query:?}");
        let sent = query.split('&').filter(|part| !part.is_empty()).count();
        assert_eq!(parameters.len(), sent, "{query:?}");
    }

    let plain = kind.trim().to_ascii_lowercase();
    if may_be_json(kind) {
        assert!(plain.starts_with("application/"), "{kind:?}");
    } else {
        assert!(
            !plain.starts_with("application/json;") && plain != "application/json",
            "{kind:?}"
        );
    }
}

/// Only the token is let in, for what it is for.
fn admission(authorization: &str) {
    let access: Access = "ci:read:t0ken".parse().expect("it is well-formed");
    let bearer = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let own = bearer.is_some_and(|(_, token)| token.trim() == "t0ken");
    match access.check(Some(authorization), Scope::Read) {
        Ok(_) => assert!(authorization.trim().ends_with("t0ken"), "{authorization:?}"),
        Err(denied) => assert!(!own && denied != Denied::Scope(Some("ci"))),
    }
    let operates = access.check(Some(authorization), Scope::Operate);
    assert!(operates.is_err(), "{authorization:?}");
}

/// What is passed on is what was sent, within bounds, and others can read it.
fn trace(parent: &str, states: &str) {
    if let Ok(read) = parent.parse::<TraceParent>() {
        let passed_on = read.to_string();
        assert_eq!(passed_on.parse(), Ok(read));
        assert_eq!(passed_on[3..52], parent[3..52], "{parent:?}");
        assert_eq!(passed_on.len(), 55);
        for id in [0, u64::MAX] {
            let next = read.with_parent(id).to_string();
            assert_eq!(next.parse(), Ok(read.with_parent(id)));
            assert_eq!(next[..36], passed_on[..36]);
        }
    }
    if let Some(passed_on) = trace_state(states.split('\n')) {
        assert!((3..=512).contains(&passed_on.len()), "{passed_on:?}");
        assert!(passed_on.parse::<http::HeaderValue>().is_ok());
        let again = trace_state([passed_on.as_str()]);
        assert_eq!(again, Some(passed_on));
    }
}
