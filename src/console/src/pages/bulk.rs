//! Changes of all tasks that fit: first a count, then a confirmation, then the result.

use super::is_confirmed;
use crate::answer::Answer;
use crate::api::Api;
use crate::causes::{self, Bounds, Found};
use crate::context::{Context, field};
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::{Filter, from_of};
use crate::model::Swept;
use crate::page::{Page, html};
use askama::Template;
use handoff_wire::encode;

#[cfg(test)]
mod tests;

/// So many calls of the API are made to count. Each takes 3 s at most, or a little more.
const CALLS: usize = 5;
/// How far failed tasks are counted by their causes.
const BOUNDS: Bounds = Bounds {
    tasks: 3_000,
    ms: 8_000,
};

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
    /// Failed tasks that fit, by their causes.
    found: Found,
    is_done: bool,
    /// The page itself was sent on by a form of the console, so it may go on by itself.
    goes_on: bool,
    /// Why it is not all done.
    error: String,
    /// What was typed in place of the queue's name.
    wrong: String,
}

/// How many tasks all calls changed, or would.
#[derive(Debug, Default)]
struct Sum {
    count: u64,
    /// How many there were at first, if they were counted to the end.
    total: Option<u64>,
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

    fn is_of_failed(&self) -> bool {
        self.name != "cancel"
    }

    fn filter(&self, fields: &[(String, String)]) -> Filter {
        let filter = Filter::of(fields);
        match self.is_of_failed() {
            true => filter.of_state(""),
            false => filter,
        }
    }
}

impl Sum {
    /// Whether some of the tasks may be left.
    fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// How many were changed, of how many.
    fn said(&self) -> String {
        match self
            .total
            .filter(|total| *total > self.count && self.is_open())
        {
            Some(total) => format!("{} of {total}", self.count),
            None => self.count.to_string(),
        }
    }

    /// Reads the fields of a query or a form.
    fn of(fields: &[(String, String)]) -> Self {
        let from = Some(field(fields, "from")).filter(|from| !from.is_empty());
        Self {
            count: field(fields, "count").parse().unwrap_or(0),
            total: field(fields, "total").parse().ok(),
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
    /// Whether there may be more than were counted.
    fn is_partial(&self) -> bool {
        self.sum.is_open() || self.found.more()
    }

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
            found: Found::default(),
            is_done: false,
            goes_on: false,
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

    /// The query of the list of these tasks.
    fn list(&self) -> String {
        match self.action.is_of_failed() {
            true => self.filter.of_state("failed").query(),
            false => self.filter.query(),
        }
    }

    /// The query of the list of the newest tasks of this kind, if there is one.
    fn newest(&self) -> String {
        let filter = Filter {
            task: self.filter.task.clone(),
            ..Filter::default()
        };
        filter.query()
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
        let total = self.sum.total.map(|total| format!("&total={total}"));
        let total = total.unwrap_or_default();
        format!("/queues/{queue}/done?{query}action={action}&count={count}{total}{from}")
    }

    /// Changes some of the tasks, or counts them.
    async fn sweep(&mut self, api: &Api) -> Result<(), Failure> {
        if !self.is_done && self.action.is_of_failed() {
            match causes::find(api, &[&self.queue], &self.filter, BOUNDS).await {
                // A token may operate without the scope to read.
                Err(Failure::Refused { status: 403, .. }) => {}
                found => {
                    self.found = found?;
                    self.sum.count = self.found.count();
                    return Ok(());
                }
            }
        }
        let (dry_run, name, calls) = match self.is_done {
            // What was done so far is shown in between.
            true => ("", self.action.counts.0, 1),
            false => ("dry_run=true&", self.action.counts.1, CALLS),
        };
        for _ in 0..calls {
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
    page.goes_on = context.from_here;
    if context.from_elsewhere {
        // No link of another site leads to a button that asks nothing.
        page.sum.from = None;
    }
    html(200, &page)
}
