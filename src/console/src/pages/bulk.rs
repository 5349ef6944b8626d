//! Changes of all tasks that fit: first a count, then a confirmation, then the result.

use super::is_confirmed;
use crate::answer::Answer;
use crate::context::{Context, field};
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::{Filter, from_of};
use crate::model::Swept;
use crate::page::{Page, html};
use askama::Template;
use handoff_wire::encode;

/// So many calls of the API are made for one page. Each takes 3 s at most, or a little more.
const CALLS: usize = 5;

#[derive(Template)]
#[template(path = "bulk.html")]
struct BulkPage {
    page: Page,
    queue: String,
    action: &'static Action,
    filter: Filter,
    /// The tasks in words.
    which: String,
    count: u64,
    /// Where to go on: there may be more.
    from: Option<String>,
    is_done: bool,
}

/// What can be done to many tasks.
#[derive(Debug)]
struct Action {
    name: &'static str,
    verb: &'static str,
    done: &'static str,
    tasks: &'static str,
    warning: &'static str,
}

const ACTIONS: [Action; 3] = [
    Action {
        name: "retry-failed",
        verb: "Retry",
        done: "Retried",
        tasks: "failed tasks",
        warning: "Each is enqueued anew, with the same arguments.",
    },
    Action {
        name: "discard-failed",
        verb: "Discard",
        done: "Discarded",
        tasks: "failed tasks",
        warning: "They leave the list of failed tasks, and stay readable until their retention is over.",
    },
    Action {
        name: "cancel",
        verb: "Cancel",
        done: "Cancelled",
        tasks: "open tasks",
        warning: "Running ones stop at their next checkpoint. This can't be undone.",
    },
];

/// What is said to be done, or would be.
fn count(swept: &Swept) -> u64 {
    swept
        .counts
        .values()
        .filter_map(serde_json::Value::as_u64)
        .sum()
}

pub(crate) async fn act(
    context: &Context,
    queue: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    let name = field(form, "action");
    let action = ACTIONS.iter().find(|action| action.name == name);
    let action = action.ok_or_else(|| Failure::Form("It names no action.".to_owned()))?;
    let filter = match (action.name, Filter::of(form)) {
        ("cancel", filter) => filter,
        (_, filter) => filter.of_any_state(),
    };
    let is_done = is_confirmed(form);
    let dry_run = if is_done { "" } else { "dry_run=true&" };
    let path = format!("/v1/queues/{}/{}", encode(queue), action.name);
    let mut from = match field(form, "from") {
        "" => None,
        from => Some(encode(from)),
    };
    let mut done = 0;
    for _ in 0..CALLS {
        let from_here = from.map(|from| format!("from={from}")).unwrap_or_default();
        let call = format!("{path}?{}{dry_run}{from_here}", filter.query());
        let call = call.trim_end_matches(['&', '?']);
        let swept: Swept = context.api.change("POST", call).await?;
        done += count(&swept);
        from = from_of(swept.next.as_deref()).filter(|_| swept.more);
        if from.is_none() {
            break;
        }
    }
    let query = filter.query();
    let curl = format!("{path}?{query}");
    let which = match filter.words() {
        words if words.is_empty() => format!("all {} of {queue}", action.tasks),
        words => format!("{} of {queue} with {words}", action.tasks),
    };
    let page = Page::new(context, format!("{} many tasks", action.verb));
    let page = BulkPage {
        page: page.curl(Curl::new(
            "This action",
            "POST",
            curl.trim_end_matches(['&', '?']),
        )),
        queue: queue.to_owned(),
        action,
        filter,
        which,
        count: done,
        from,
        is_done,
    };
    html(200, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(is_done: bool, from: Option<&str>) -> String {
        let page = BulkPage {
            page: Page::default(),
            queue: "default".to_owned(),
            action: &ACTIONS[2],
            filter: Filter {
                key: "<b>".to_owned(),
                ..Filter::default()
            },
            which: "open tasks".to_owned(),
            count: 12,
            from: from.map(str::to_owned),
            is_done,
        };
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
    }

    #[test]
    fn counts_of_all_actions_are_read() {
        for text in [
            r#"{"would_retry":3,"more":false,"next":null}"#,
            r#"{"cancelled":3,"more":true,"next":"/a?from=1"}"#,
        ] {
            let swept: Swept = serde_json::from_str(text).expect(text);
            assert_eq!(count(&swept), 3);
        }
    }
}
