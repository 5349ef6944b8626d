use super::*;
use crate::causes::Cause;

fn page(is_done: bool, from: Option<&str>) -> String {
    let filter = Filter {
        key: "<b>".to_owned(),
        ..Filter::default()
    };
    let mut page = BulkPage::of(&Context::default(), "default", &ACTIONS[2], filter);
    page.sum = Sum {
        count: 12,
        from: from.map(str::to_owned),
        total: Some(20),
    };
    page.is_done = is_done;
    page.render().expect("a page")
}

#[test]
fn a_count_is_confirmed_before_anything_is_done() {
    let asked = page(false, None);
    assert!(asked.contains("12 open tasks"), "{asked}");
    assert!(asked.contains("name=\"confirm\" value=\"yes\""), "{asked}");
    assert!(
        asked.contains("name=\"key\" value=\"&#60;b&#62;\""),
        "{asked}"
    );
    let done = page(true, None);
    assert!(
        done.contains("Cancelled 12") && !done.contains("confirm"),
        "{done}"
    );
    let more = page(true, Some("1f"));
    assert!(
        more.contains("name=\"from\" value=\"1f\"") && more.contains("confirm"),
        "{more}"
    );
    assert!(more.contains("Cancelled 12 of 20, not finished"), "{more}");
    // Nothing goes on by itself on a page that a link leads to.
    assert!(!more.contains("data-go-on"), "{more}");
}

#[test]
fn only_the_named_number_counts() {
    for (action, is_dry, text) in [
        (0, true, r#"{"would_retry":3,"more":false,"next":null}"#),
        (
            2,
            false,
            r#"{"aborted":4,"cancelled":3,"more":true,"next":"/a?from=1"}"#,
        ),
    ] {
        let swept: Swept = serde_json::from_str(text).expect(text);
        let (done, would) = ACTIONS[action].counts;
        let mut sum = Sum::default();
        sum.add(&swept, if is_dry { would } else { done });
        assert_eq!(sum.count, 3);
        assert_eq!(sum.from.is_some(), swept.more);
    }
}

#[test]
fn all_open_tasks_are_cancelled_only_by_the_name_of_the_queue() {
    let context = Context::default();
    let of = |action, filter| BulkPage::of(&context, "default", &ACTIONS[action], filter);
    let asked = of(2, Filter::default()).render().expect("a page");
    assert!(!asked.contains("name=\"name\""), "nothing fits: {asked}");
    let mut page = of(2, Filter::default());
    page.sum.count = 1;
    page.wrong = "other".to_owned();
    let asked = page.render().expect("a page");
    assert!(asked.contains("name=\"name\"") && asked.contains("“other” is not"));
    let some = Filter {
        state: "queued".to_owned(),
        ..Filter::default()
    };
    assert!(!of(2, some).needs_name() && !of(0, Filter::default()).needs_name());
}

#[test]
fn the_done_page_has_all_to_go_on() {
    let filter = Filter {
        key: "a&b".to_owned(),
        ..Filter::default()
    };
    let mut page = BulkPage::of(&Context::default(), "default", &ACTIONS[2], filter);
    page.sum = Sum {
        count: 12,
        from: Some("1f".to_owned()),
        total: None,
    };
    let path = page.done_path();
    assert_eq!(
        path,
        "/queues/default/done?key=a%26b&action=cancel&count=12&from=1f"
    );
    page.is_done = true;
    page.error = "The store is busy".to_owned();
    let page = page.render().expect("a page");
    for part in [
        "Cancelled 12",
        "The store is busy",
        "Go on",
        "name=\"count\" value=\"12\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn failed_tasks_are_confirmed_by_their_causes() {
    let filter = Filter {
        error: "answered 503 *".to_owned(),
        ..Filter::default()
    };
    let mut page = BulkPage::of(&Context::default(), "mails", &ACTIONS[0], filter);
    page.sum.count = 2;
    page.found.causes = Vec::from(["mail", "sms"].map(|kind| Cause {
        count: 1,
        kind: kind.to_owned(),
        ..Cause::default()
    }));
    page.found.causes[1].error = "answered 503 (<b>)".to_owned();
    let asked = page.render().expect("a page");
    for part in [
        "Retry 2 failed tasks?",
        "<td>mail",
        "answered 503 (&#60;b&#62;)",
        "name=\"total\" value=\"2\"",
        "/queues/mails?state=failed&#38;error=answered%20503%20%2A&#38;\">To the list",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(!asked.contains("name=\"state\""), "retries take none");
}
