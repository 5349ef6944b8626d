//! The workflows of a queue.

use super::tasks::{first_line, said};
use crate::answer::Answer;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::from_of;
use crate::model::{Queues, Workflow, Workflows};
use crate::page::{Page, html};
use crate::words;
use askama::Template;
use futures::future::join;
use handoff_wire::encode;

const PAGE: usize = 20;
/// The page fetches itself again after so many seconds.
const REFRESH_S: u32 = 5;

#[derive(Template)]
#[template(path = "workflows.html")]
struct WorkflowsPage {
    page: Page,
    queue: String,
    others: Vec<String>,
    rows: Vec<Row>,
    searched: String,
    next: Option<String>,
}

/// A workflow in a list.
struct Row {
    state: String,
    error: String,
    ended: u64,
    enqueued: String,
    workflow: Workflow,
}

impl Row {
    fn of(workflow: Workflow, now_ms: u64) -> Self {
        let enqueued = workflow.enqueued_at;
        Self {
            state: match workflow.state.as_str() {
                "" => "unreadable".to_owned(),
                state => state.to_owned(),
            },
            error: first_line(workflow.error.as_deref().unwrap_or_default()),
            ended: workflow.progress.ended(),
            enqueued: enqueued
                .map(|time| words::relative(time, now_ms))
                .unwrap_or_default(),
            workflow,
        }
    }
}

pub(crate) async fn show(context: &Context, queue: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/queues/{}/workflows", encode(queue));
    let from = match context.parameter("from") {
        "" => String::new(),
        from => format!("&from={}", encode(from)),
    };
    let list = |limit| format!("{path}?limit={limit}{from}");
    let (queues, found) = join(
        context.api.get::<Queues>("/v1/queues"),
        context.api.list::<Workflows>(&list, PAGE),
    )
    .await;
    let (queues, found) = (queues?, found?);
    let names = queues.queues.into_iter().map(|queue| queue.name);
    let page = WorkflowsPage {
        page: Page::new(context, format!("Workflows of {queue}"))
            .refresh(REFRESH_S)
            .curl(Curl::new("This list", "GET", list(PAGE))),
        queue: queue.to_owned(),
        others: names.filter(|name| name != queue).collect(),
        searched: said(&found.searched),
        next: from_of(found.next.as_deref()).map(|from| format!("?from={from}")),
        rows: found
            .workflows
            .into_iter()
            .map(|workflow| Row::of(workflow, context.now_ms))
            .collect(),
    };
    html(200, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_a_row_with_its_counts() {
        let found: Workflows = serde_json::from_str(
            r#"{"workflows":[{"id":"default-7","workflow":"group","state":"running","queue":"default",
               "enqueued_at":"1970-01-01T00:00:00.000Z","progress":{"total":9,"succeeded":4,"failed":2,"cancelled":1,"expired":0}},
               {"id":"default-8","error":"it is <b>broken</b>"}],"next":null,"searched":{"slots":2}}"#,
        )
        .expect("a page");
        let page = WorkflowsPage {
            page: Page::default(),
            queue: "default".to_owned(),
            others: vec!["emails".to_owned()],
            searched: said(&found.searched),
            next: None,
            rows: found
                .workflows
                .into_iter()
                .map(|workflow| Row::of(workflow, 60_000))
                .collect(),
        };
        let page = page.render().expect("a page");
        assert!(page.contains("<td>7</td><td>2</td><td>9</td>"), "{page}");
        assert!(page.contains("href=\"/workflows/default-7\""), "{page}");
        assert!(
            page.contains("unreadable") && !page.contains("<b>"),
            "{page}"
        );
    }
}
