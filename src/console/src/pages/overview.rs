//! The overview: each queue with what waits, what runs, and what ended.

use crate::answer::Answer;
use crate::api::Api;
use crate::chart::Chart;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::model::{History, Limits, Queue, Queues};
use crate::page::{Page, html};
use askama::Template;
use futures::future::{join, join_all};
use handoff_wire::{Duration, encode};

/// So many queues are asked at once.
const AT_ONCE: usize = 8;
const REFRESH_S: u32 = 5;
/// A keeper later than this is a warning.
const LAG_MAX_MS: u64 = 60_000;
const HOUR: (u64, u64) = (60, 60_000);
const DAY: (u64, u64) = (24, 3_600_000);

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    page: Page,
    queues: Vec<Shown>,
}

#[derive(Debug)]
struct Shown {
    queue: Queue,
    limits: String,
    charts: Vec<Chart>,
    /// How late the keeper is, if that is long.
    lag: Option<String>,
    /// Why nothing else of the queue is known.
    error: String,
}

impl Shown {
    fn of(queue: Queue, history: Option<History>, now_ms: u64) -> Self {
        let charts = history.map(|history| {
            vec![
                Chart::of("the last hour", &history.minutes, HOUR, now_ms),
                Chart::of("the last day", &history.hours, DAY, now_ms),
            ]
        });
        Self {
            limits: limits(queue.limits.as_ref()),
            charts: charts.unwrap_or_default(),
            lag: queue.keeper_lag.clone().filter(|lag| is_long(lag)),
            error: String::new(),
            queue,
        }
    }

    /// A queue of which the API says nothing.
    fn failed(name: &str, failure: Failure) -> Self {
        let said = failure.said(false);
        let queue = Queue {
            name: name.to_owned(),
            ..Queue::default()
        };
        Self {
            error: format!("{}: {}", said.title, said.detail),
            ..Self::of(queue, None, 0)
        }
    }
}

/// Whether an operator must know of so late a keeper.
fn is_long(lag: &str) -> bool {
    lag.parse::<Duration>().is_ok_and(|lag| lag.ms > LAG_MAX_MS)
}

/// Limits in words.
pub(crate) fn limits(limits: Option<&Limits>) -> String {
    fn part(limits: &Limits) -> Vec<String> {
        let running = limits.concurrency.map(|n| format!("{n} at once"));
        running.into_iter().chain(limits.rate.clone()).collect()
    }
    let Some(limits) = limits else {
        return String::new();
    };
    let mut words = part(limits);
    let per_key = limits.per_key.as_deref().map(part).unwrap_or_default();
    if !per_key.is_empty() {
        words.push(format!("per key {}", per_key.join(", ")));
    }
    words.join(", ")
}

pub(crate) async fn show(context: &Context) -> Result<Answer, Failure> {
    let all: Queues = context.api.get("/v1/queues").await?;
    let mut queues = Vec::new();
    for some in all.queues.chunks(AT_ONCE) {
        let some = some.iter().map(|queue| one(&context.api, &queue.name));
        for (name, found) in join_all(some).await {
            queues.push(match found {
                Ok((queue, history)) => Shown::of(queue, history, context.now_ms),
                Err(failure @ Failure::SignIn { .. }) => return Err(failure),
                Err(failure) => Shown::failed(name, failure),
            });
        }
    }
    let page = Page::new(context, "Queues").refresh(REFRESH_S);
    let page = page.curl(Curl::new("These queues", "GET", "/v1/queues"));
    html(200, &OverviewPage { page, queues })
}

type Found = Result<(Queue, Option<History>), Failure>;

async fn one<'a>(api: &Api, name: &'a str) -> (&'a str, Found) {
    let path = format!("/v1/queues/{}", encode(name));
    let history = format!("{path}/history");
    let (queue, history) = join(api.get(&path), api.get(&history)).await;
    // Without its history a queue is shown all the same.
    (name, queue.map(|queue| (queue, history.ok())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(queue: &str, history: Option<&str>) -> String {
        let history = history.map(|text| serde_json::from_str(text).expect(text));
        let queue: Queue = serde_json::from_str(queue).expect(queue);
        page(Shown::of(queue, history, 1_796_004_000_000))
    }

    fn page(shown: Shown) -> String {
        let page = OverviewPage {
            page: Page {
                base: "/console".to_owned(),
                ..Page::default()
            },
            queues: vec![shown],
        };
        page.render().expect("a page")
    }

    const QUEUE: &str = r#"{"name":"emails","paused":true,"waiting":3,"workers":2,"oldest_waiting":"1.5s","running":12,
        "failed":2,"computing":1,"keeper_lag":"1m 1s","ended":{"succeeded":4711,"failed":5},"limits":{"concurrency":4,"rate":"10/s","per_key":{"concurrency":1,"rate":null}}}"#;

    #[test]
    fn a_queue_is_shown_with_what_waits_and_runs() {
        let page = shown(QUEUE, None);
        for part in [
            "href=\"/console/queues/emails\"",
            "paused",
            "1.5s",
            "<dt>computing</dt><dd>1</dd>",
            "<a class=\"failed\" href=\"/console/queues/emails/failed\">2</a>",
            "Since the queue began: 4711 succeeded, 5 failed",
            "1m 1s late",
            "4 at once, 10/s, per key 1 at once",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<svg"), "{page}");
        let punctual = QUEUE.replace("1m 1s", "60s");
        assert!(!shown(&punctual, None).contains("late"));
    }

    #[test]
    fn a_queue_that_can_not_be_read_is_shown_with_its_error() {
        let problem = serde_json::from_str(r#"{"title":"Broken","detail":"It is <broken>."}"#);
        let problem = problem.expect("a problem");
        let failure = Failure::Refused {
            status: 500,
            problem,
        };
        let page = page(Shown::failed("emails", failure));
        assert!(page.contains("href=\"/console/queues/emails\""), "{page}");
        assert!(page.contains("Broken: It is &#60;broken&#62;."), "{page}");
        assert!(!page.contains("waiting"), "nothing is known: {page}");
    }

    #[test]
    fn a_history_is_drawn() {
        let history = r#"{"queue":"emails","minutes":[{"from":"2026-11-30T02:00:00Z","enqueued":12,"succeeded":10,"failed":1,"attempts_failed":3,"wait_ms":35}],"hours":[]}"#;
        let page = shown(QUEUE, Some(history));
        assert_eq!(page.matches("<svg").count(), 2, "{page}");
        assert!(
            page.contains("2026-11-30 02:00:00: 10 succeeded, 1 failed"),
            "{page}"
        );
        assert!(page.contains("35 ms"), "{page}");
        assert!(page.contains("3 failed attempts"), "{page}");
    }
}
