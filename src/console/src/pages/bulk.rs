//! Changes of all tasks that fit: first a count, then a confirmation, then the result.

use super::is_confirmed;
use crate::answer::Answer;
use crate::api::Api;
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
    sum: Sum,
    is_done: bool,
    /// Why it is not all done.
    error: String,
    /// What was typed in place of the queue's name.
    wrong: String,
}

/// How many tasks all calls changed, or would.
#[derive(Debug, Default)]
struct Sum {
    count: u64,
    /// Where to go on: there may be more.
    from: Option<String>,
}

/// What can be done to many tasks.
#[derive(Debug)]
struct Action {
    name: &'static str,
    /// The number in the answer, and in that to a dry run.
    counts: (&'static str, &'static str),
    verb: &'static str,
    done: &'static str,
    tasks: &'static str,
    warning: &'static str,
}

const ACTIONS: [Action; 3] = [
    Action {
        name: "retry-failed",
        counts: ("retried", "would_retry"),
        verb: "Retry",
        done: "Retried",
        tasks: "failed tasks",
        warning: "Each is enqueued anew, with the same arguments.",
    },
    Action {
        name: "discard-failed",
        counts: ("discarded", "would_discard"),
        verb: "Discard",
        done: "Discarded",
        tasks: "failed tasks",
        warning: "They leave the list of failed tasks, and stay readable until their retention is over.",
    },
    Action {
        name: "cancel",
        counts: ("cancelled", "would_cancel"),
        verb: "Cancel",
        done: "Cancelled",
        tasks: "open tasks",
        warning: "Running ones stop at their next checkpoint. This can't be undone.",
    },
];

impl Action {
    fn find(name: &str) -> Result<&'static Self, Failure> {
        let action = ACTIONS.iter().find(|action| action.name == name);
        action.ok_or_else(|| Failure::Form("It names no action.".to_owned()))
    }

    fn filter(&self, fields: &[(String, String)]) -> Filter {
        let filter = Filter::of(fields);
        match self.name {
            "cancel" => filter,
            _ => filter.of_any_state(),
        }
    }
}

impl Sum {
    /// Reads the fields of a query or a form.
    fn of(fields: &[(String, String)]) -> Self {
        let from = Some(field(fields, "from")).filter(|from| !from.is_empty());
        Self {
            count: field(fields, "count").parse().unwrap_or(0),
            from: from.map(str::to_owned),
        }
    }

    /// Adds an answer.
    fn add(&mut self, swept: &Swept, name: &str) {
        let count = swept.counts.get(name).and_then(serde_json::Value::as_u64);
        self.count = self.count.saturating_add(count.unwrap_or(0));
        self.from = from_of(swept.next.as_deref()).filter(|_| swept.more);
    }
}

impl BulkPage {
    fn of(context: &Context, queue: &str, action: &'static Action, filter: Filter) -> Self {
        let which = match filter.words() {
            words if words.is_empty() => format!("all {} of {queue}", action.tasks),
            words => format!("{} of {queue} with {words}", action.tasks),
        };
        let mut page = Self {
            page: Page::new(context, format!("{} many tasks", action.verb)),
            queue: queue.to_owned(),
            action,
            filter,
            which,
            sum: Sum::default(),
            is_done: false,
            error: String::new(),
            wrong: String::new(),
        };
        let path = page.path("");
        page.page = page.page.curl(Curl::new("This action", "POST", path));
        page
    }

    /// The path of the API, with more parameters.
    fn path(&self, more: &str) -> String {
        let (queue, name, query) = (encode(&self.queue), self.action.name, self.filter.query());
        let path = format!("/v1/queues/{queue}/{name}?{query}{more}");
        path.trim_end_matches(['&', '?']).to_owned()
    }

    /// Whether so much is meant that the queue's name must be typed.
    fn needs_name(&self) -> bool {
        self.action.name == "cancel" && self.filter.fields().is_empty()
    }

    /// The path of the page that shows what was done, which a browser may load again.
    fn done_path(&self) -> String {
        let (queue, query) = (encode(&self.queue), self.filter.query());
        let (action, count) = (self.action.name, self.sum.count);
        let from = self.sum.from.as_ref();
        let from = from.map(|from| format!("&from={}", encode(from)));
        let from = from.unwrap_or_default();
        format!("/queues/{queue}/done?{query}action={action}&count={count}{from}")
    }

    /// Changes the tasks, or only counts them.
    async fn sweep(&mut self, api: &Api) -> Result<(), Failure> {
        let (dry_run, name) = match self.is_done {
            true => ("", self.action.counts.0),
            false => ("dry_run=true&", self.action.counts.1),
        };
        for _ in 0..CALLS {
            let from = self.sum.from.as_ref();
            let from = from.map(|from| format!("from={}", encode(from)));
            let path = self.path(&format!("{dry_run}{}", from.unwrap_or_default()));
            let swept: Swept = api.change("POST", &path).await?;
            self.sum.add(&swept, name);
            if self.sum.from.is_none() {
                break;
            }
        }
        Ok(())
    }
}

pub(crate) async fn act(
    context: &Context,
    queue: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    let action = Action::find(field(form, "action"))?;
    let mut page = BulkPage::of(context, queue, action, action.filter(form));
    page.is_done = is_confirmed(form);
    let typed = field(form, "name").trim();
    if page.is_done && page.needs_name() && typed != queue {
        page.is_done = false;
        page.wrong = typed.to_owned();
    }
    if page.is_done {
        page.sum = Sum::of(form);
    }
    match page.sweep(&context.api).await {
        Ok(()) if page.is_done => Ok(Answer::to(page.done_path())),
        Ok(()) => html(200, &page),
        // Earlier calls have changed tasks.
        Err(failure) if page.is_done && page.sum.from.is_some() => {
            let said = failure.said(true);
            page.error = format!("{}: {}", said.title, said.detail);
            html(said.status, &page)
        }
        Err(failure) => Err(failure),
    }
}

/// Shows what was done.
pub(crate) fn done(context: &Context, queue: &str) -> Result<Answer, Failure> {
    let action = Action::find(context.parameter("action"))?;
    let mut page = BulkPage::of(context, queue, action, action.filter(&context.query));
    page.sum = Sum::of(&context.query);
    page.is_done = true;
    if context.from_elsewhere {
        // No link of another site leads to a button that asks nothing.
        page.sum.from = None;
    }
    html(200, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(is_done: bool, from: Option<&str>) -> String {
        let filter = Filter {
            key: "<b>".to_owned(),
            ..Filter::default()
        };
        let mut page = BulkPage::of(&Context::default(), "default", &ACTIONS[2], filter);
        page.sum = Sum {
            count: 12,
            from: from.map(str::to_owned),
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
}
