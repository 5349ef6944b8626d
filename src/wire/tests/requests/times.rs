//! Timeouts and waits that depend on each other.

use crate::{schedule, task, workflow};

/// Rows: a request, and the field of a call whose timeout is longer than that of its task's
/// attempt.
#[test]
fn a_call_may_take_no_longer_than_its_attempt() {
    let call = r#""task":"http.request","args":{"url":"http://x/","timeout":"2m"}"#;
    let each =
        r#""task":"http.request","each":[{"url":"http://x/"},{"url":"http://x/","timeout":"2m"}]"#;
    for (timeout, refused) in [
        ("", true),
        (r#","timeout":"119s""#, true),
        (r#","timeout":"2m""#, false),
    ] {
        let one = format!("{{{call}{timeout}}}");
        let after =
            |given: &str| format!(r#"{{"chain":[{{"task":"echo"}},{{{call}{timeout}{given}}}]}}"#);
        let of_schedule = format!(r#"{{{call}{timeout},"every":"1m"}}"#);
        let found = [
            task(&one).err(),
            schedule(&of_schedule).err(),
            workflow(&format!(r#"{{"chain":[{one}]}}"#)).err(),
            workflow(&format!(r#"{{"group":[{one}]}}"#)).err(),
            workflow(&after(r#","into":null"#)).err(),
            workflow(&format!(r#"{{"group":{{{each}{timeout}}}}}"#)).err(),
        ];
        let fields = [
            "args.timeout",
            "args.timeout",
            "chain[0].args.timeout",
            "group[0].args.timeout",
            "chain[1].args.timeout",
            "group.each[1].timeout",
        ];
        for (error, field) in found.into_iter().zip(fields) {
            let found = error.as_ref().and_then(|e| e.field.as_deref());
            assert_eq!(found, refused.then_some(field), "{timeout}: {error:?}");
        }
        // The step before may still add another one. The call's timeout is cut when it runs.
        assert_eq!(workflow(&after("")).err(), None, "{timeout}");
    }
}

#[test]
fn an_attempts_wait_is_never_cut_silently() {
    let retry = |fields: &str| {
        let task = task(&format!(r#"{{"task":"echo","retry":{{{fields}}}}}"#));
        task.map(|task| (task.retry.initial_ms, task.retry.max_ms))
    };
    assert_eq!(retry(r#""initial":"2h""#), Ok((7_200_000, 7_200_000)));
    assert_eq!(retry(r#""max":"100ms""#), Ok((100, 100)));
    assert_eq!(
        retry(r#""initial":"10s","max":"10s""#),
        Ok((10_000, 10_000))
    );
    assert_eq!(retry(""), Ok((1_000, 3_600_000)));
}
