//! The failed tasks of a queue, by kind and error.

use super::tasks::first_line;
use crate::answer::Answer;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::{Filter, from_of};
use crate::model::{Task, Tasks};
use crate::page::{Page, html};
use crate::words;
use askama::Template;
use handoff_wire::{Time, encode};
use std::collections::BTreeMap;

/// So many pages of the API are read for one page here, of so many tasks each.
const PAGES: usize = 5;
const PAGE: usize = 100;

#[derive(Template)]
#[template(path = "failed.html")]
struct FailedPage {
    page: Page,
    queue: String,
    groups: Vec<Group>,
    /// Entries that the API can't read: their ids and errors.
    unreadable: Vec<(String, String)>,
    read: usize,
    /// Later failures are on an earlier page.
    is_further: bool,
    next: Option<String>,
}

/// Failed tasks of one kind with the same first line of their error.
#[derive(Debug, Default, PartialEq, Eq)]
struct Group {
    kind: String,
    error: String,
    count: u64,
    first: Option<Time>,
    last: Option<Time>,
    example: String,
    /// The begin of the error, by which the API finds such tasks.
    text: String,
}

impl Group {
    fn first_shown(&self) -> String {
        self.first.map(words::clock).unwrap_or_default()
    }

    fn last_shown(&self) -> String {
        self.last.map(words::clock).unwrap_or_default()
    }

    /// The list of tasks like these.
    fn query(&self) -> String {
        let filter = Filter {
            state: "failed".to_owned(),
            task: self.kind.clone(),
            text: self.text.clone(),
            ..Filter::default()
        };
        filter.query()
    }
}

#[derive(Default)]
struct Groups {
    groups: BTreeMap<(String, String), Group>,
    unreadable: Vec<(String, String)>,
}

impl Groups {
    fn add(&mut self, task: &Task) {
        let error = task.error.as_deref().unwrap_or_default();
        if task.state.is_empty() {
            return self.unreadable.push((task.id.clone(), first_line(error)));
        }
        let key = (task.task.clone(), first_line(error));
        let group = self
            .groups
            .entry(key)
            .or_insert_with_key(|(kind, line)| Group {
                kind: kind.clone(),
                error: line.clone(),
                example: task.id.clone(),
                text: line.trim_end_matches('…').to_owned(),
                ..Group::default()
            });
        group.count += 1;
        group.first = group.first.into_iter().chain(task.ended_at).min();
        group.last = group.last.into_iter().chain(task.ended_at).max();
    }

    /// The groups, the largest first, and what is in none.
    fn list(self) -> (Vec<Group>, Vec<(String, String)>) {
        let mut groups: Vec<_> = self.groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        (groups, self.unreadable)
    }
}

pub(crate) async fn show(context: &Context, queue: &str) -> Result<Answer, Failure> {
    let list = |limit| {
        let queue = encode(queue);
        format!("/v1/queues/{queue}/tasks?state=failed&limit={limit}")
    };
    let (mut groups, mut read) = (Groups::default(), 0);
    let mut from = match context.parameter("from") {
        "" => None,
        from => Some(encode(from)),
    };
    for _ in 0..PAGES {
        let from_here = from.map(|from| format!("&from={from}")).unwrap_or_default();
        let path = |limit| format!("{}{from_here}", list(limit));
        let tasks: Tasks = context.api.list(path, PAGE).await?;
        read += tasks.tasks.len();
        tasks.tasks.iter().for_each(|task| groups.add(task));
        from = from_of(tasks.next.as_deref());
        if from.is_none() {
            break;
        }
    }
    let (groups, unreadable) = groups.list();
    let page = FailedPage {
        page: Page::new(context, format!("Failed tasks of {queue}")).curl(Curl::new(
            "This list",
            "GET",
            list(PAGE),
        )),
        queue: queue.to_owned(),
        groups,
        unreadable,
        read,
        is_further: !context.parameter("from").is_empty(),
        next: from,
    };
    html(200, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: &str, error: &str, ended_ms: u64) -> Task {
        Task {
            id: format!("default-{ended_ms}"),
            state: "failed".to_owned(),
            task: kind.to_owned(),
            error: Some(error.to_owned()),
            ended_at: Some(Time { ms: ended_ms }),
            ..Task::default()
        }
    }

    #[test]
    fn tasks_are_grouped_by_kind_and_first_line() {
        let mut groups = Groups::default();
        for task in [
            task("mail", "no answer\nat 1", 5_000),
            task("mail", "no answer\nat 2", 1_000),
            task("mail", "bounced", 3_000),
            task("resize", "no answer", 9_000),
        ] {
            groups.add(&task);
        }
        groups.add(&Task {
            state: String::new(),
            ..task("", "its record is broken", 7)
        });
        let (groups, unreadable) = groups.list();
        let shown: Vec<_> = groups
            .iter()
            .map(|g| (g.kind.as_str(), g.error.as_str(), g.count))
            .collect();
        assert_eq!(shown[0], ("mail", "no answer", 2));
        assert_eq!(shown.len(), 3);
        assert_eq!(groups[0].first_shown(), "1970-01-01 00:00:01");
        assert_eq!(groups[0].last_shown(), "1970-01-01 00:00:05");
        let page = FailedPage {
            page: Page::default(),
            queue: "default".to_owned(),
            groups,
            unreadable,
            read: 5,
            is_further: false,
            next: Some("1f".to_owned()),
        };
        let page = page.render().expect("a page");
        assert!(
            page.contains("?state=failed&#38;task=mail&#38;text=no%20answer&#38;\""),
            "{page}"
        );
        for part in [
            "of the last 5",
            ">mail</a>: 2 or more",
            "its record is broken",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches("Retry…").count(), 3, "not of the broken one");
    }
}
