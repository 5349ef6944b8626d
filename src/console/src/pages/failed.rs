//! The failed tasks of a queue, or of all, by their causes.

use crate::answer::Answer;
use crate::causes::{self, Bounds, Found};
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::Filter;
use crate::model::Queues;
use crate::page::{Page, html};
use askama::Template;

/// How far a page looks that was not asked to look further, and how many times as far another does.
const BOUNDS: Bounds = Bounds {
    tasks: 3_000,
    ms: 8_000,
};
const FURTHER: u64 = 3;

#[derive(Template)]
#[template(path = "failed.html")]
struct FailedPage {
    page: Page,
    /// The queue, or nothing if the page is of all.
    queue: String,
    found: Found,
    is_further: bool,
}

pub(crate) async fn show(context: &Context, queue: Option<&str>) -> Result<Answer, Failure> {
    let all: Queues = match queue {
        Some(_) => Queues::default(),
        None => context.api.get("/v1/queues").await?,
    };
    let names = all.queues.iter().map(|queue| queue.name.as_str());
    let names: Vec<_> = names.chain(queue).collect();
    let is_further = !context.parameter("further").is_empty();
    let times = if is_further { FURTHER } else { 1 };
    let bounds = Bounds {
        tasks: BOUNDS.tasks * times,
        ms: BOUNDS.ms * times,
    };
    let filter = Filter::default();
    let found = causes::find(&context.api, &names, &filter, bounds).await?;
    let title = match queue {
        Some(queue) => format!("Failed tasks of {queue}"),
        None => "Failed tasks".to_owned(),
    };
    let lists = names.iter().map(|queue| causes::list(queue, &filter));
    let page = lists.fold(Page::new(context, title), |page, list| {
        page.curl(Curl::new("This list", "GET", list))
    });
    let page = FailedPage {
        page,
        queue: queue.unwrap_or_default().to_owned(),
        found,
        is_further,
    };
    html(200, &page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::{Cause, Read};

    fn page(found: Found, queue: &str) -> String {
        let page = FailedPage {
            page: Page::default(),
            queue: queue.to_owned(),
            found,
            is_further: false,
        };
        page.render().expect("a page")
    }

    fn read(queue: &str, count: u64, more: bool) -> Read {
        Read {
            queue: queue.to_owned(),
            count,
            more,
        }
    }

    #[test]
    fn a_cause_is_a_row_with_what_can_be_done() {
        let cause = Cause {
            count: 110,
            queue: "mails".to_owned(),
            kind: "mail".to_owned(),
            error: "<b> answered 503 *".to_owned(),
            when: "1970-01-01 00:00:01 to 00:00:05".to_owned(),
            example: "mails-1".to_owned(),
            filter: Filter {
                state: "failed".to_owned(),
                task: "mail".to_owned(),
                error: "<b> answered 503 *".to_owned(),
                ..Filter::default()
            },
        };
        let page = page(
            Found {
                causes: vec![cause],
                unreadable: vec![("mails-2".to_owned(), "its record is broken".to_owned())],
                read: vec![read("default", 0, false), read("mails", 110, true)],
            },
            "",
        );
        for part in [
            ">0</a> failed in default",
            ">110</a> or more failed in mails",
            "name=\"error\" value=\"&#60;b&#62; answered 503 *\"",
            "/queues/mails?state=failed&#38;task=mail&#38;error=%3Cb%3E%20answered%20503%20%2A&#38;",
            "/tasks/mails-1\"",
            "1970-01-01 00:00:01 to 00:00:05",
            "its record is broken",
            "?further=yes",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches("Retry…").count(), 1, "not of the broken one");
        assert!(!page.contains("name=\"state\""), "retries take none");
    }

    #[test]
    fn nothing_failed() {
        let found = Found {
            read: vec![read("mails", 0, false)],
            ..Found::default()
        };
        let page = page(found, "mails");
        assert!(page.contains("No task here has failed") && !page.contains("<table"));
    }
}
