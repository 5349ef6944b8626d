//! A workflow: how its tasks ended, and where each is.

use crate::answer::Answer;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::from_of;
use crate::json::Shown;
use crate::model::{Task, Tasks, Workflow, is_final};
use crate::page::{Page, html};
use crate::pages::tasks::Row;
use crate::words;
use askama::Template;
use futures::future::join;
use handoff_wire::{Time, encode};

const PAGE: usize = 100;
const REFRESH_S: u32 = 2;
/// So many squares of the drawing are in a row, each of so many units.
const COLUMNS: u64 = 20;
const SQUARE: u64 = 24;

#[derive(Template)]
#[template(path = "workflow.html")]
struct WorkflowPage {
    page: Page,
    workflow: Workflow,
    is_final: bool,
    open: u64,
    times: Vec<(&'static str, String)>,
    squares: Vec<Square>,
    height: u64,
    members: Vec<(u64, u64, Row)>,
    result: Option<Shown>,
    next: Option<String>,
}

/// A task of the workflow in its drawing.
#[derive(Debug)]
struct Square {
    x: u64,
    y: u64,
    state: String,
    title: String,
    /// A line leads here from the square before.
    follows: bool,
}

/// Draws the tasks of a page. A step begins a new row, unless each step is one task.
fn squares(tasks: &[Task], is_chain: bool) -> (Vec<Square>, u64) {
    let (mut column, mut row) = (0, 0);
    let mut before: Option<u64> = None;
    let mut squares = Vec::new();
    for task in tasks {
        let new_step = before.is_some_and(|step| step != task.step);
        if column == COLUMNS || (new_step && !is_chain) {
            (column, row) = (0, row + 1);
        }
        let state = match task.state.as_str() {
            "" => "waiting",
            state => state,
        };
        squares.push(Square {
            x: column * SQUARE,
            y: row * SQUARE,
            state: state.to_owned(),
            title: format!(
                "step {}, task {}: {} {state}",
                task.step, task.index, task.task
            ),
            follows: is_chain && column > 0,
        });
        column += 1;
        before = Some(task.step);
    }
    (squares, (row + 1) * SQUARE)
}

impl WorkflowPage {
    fn of(context: &Context, workflow: Workflow, tasks: &Tasks) -> Self {
        let path = format!("/v1/workflows/{}", encode(&workflow.id));
        let is_final = is_final(&workflow.state);
        let mut page = Page::new(context, format!("{} {}", workflow.workflow, workflow.id))
            .curl(Curl::new("This workflow", "GET", path.clone()))
            .curl(Curl::new(
                "Its tasks",
                "GET",
                format!("{path}/tasks?limit={PAGE}"),
            ));
        if !is_final {
            page = page
                .refresh(REFRESH_S)
                .curl(Curl::new("Cancel", "DELETE", path));
        }
        let ended = workflow.progress.ended();
        let times = [
            ("Enqueued", workflow.enqueued_at),
            ("Due", workflow.next_at),
            ("Expires", workflow.expires_at),
            ("Ended", workflow.ended_at),
        ];
        let shown = |time: Time| {
            format!(
                "{} UTC ({})",
                words::clock(time),
                words::relative(time, context.now_ms)
            )
        };
        let times = times
            .into_iter()
            .filter_map(|(name, time)| Some((name, shown(time?))));
        let (squares, height) = squares(&tasks.tasks, workflow.workflow == "chain");
        let members = tasks.tasks.iter().map(|task| {
            let mut row = Row::of(task, &context.redact, context.now_ms);
            if task.id.is_empty() {
                row.state = "waiting".to_owned();
            }
            (task.step, task.index, row)
        });
        let result = workflow.result.as_deref();
        Self {
            page,
            is_final,
            open: workflow.progress.total.saturating_sub(ended),
            times: times.collect(),
            squares,
            height,
            members: members.collect(),
            result: result.map(|raw| Shown::of(raw, &context.redact)),
            next: from_of(tasks.next.as_deref()),
            workflow,
        }
    }
}

pub(crate) async fn show(context: &Context, id: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/workflows/{}", encode(id));
    let from = match context.parameter("from") {
        "" => String::new(),
        from => format!("&from={}", encode(from)),
    };
    let list = |limit| format!("{path}/tasks?limit={limit}{from}");
    let (workflow, tasks) = join(
        context.api.get::<Workflow>(&path),
        context.api.list::<Tasks>(list, PAGE),
    )
    .await;
    html(200, &WorkflowPage::of(context, workflow?, &tasks?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(steps: &[u64]) -> Vec<Task> {
        let tasks = steps.iter().map(|step| Task {
            step: *step,
            state: "succeeded".to_owned(),
            ..Task::default()
        });
        tasks.collect()
    }

    #[test]
    fn steps_are_drawn_apart() {
        let places = |steps: &[u64], is_chain| {
            let (squares, height) = squares(&tasks(steps), is_chain);
            let places: Vec<_> = squares.iter().map(|s| (s.x, s.y, s.follows)).collect();
            (places, height)
        };
        let chord = places(&[0, 0, 1], false);
        assert_eq!(
            chord,
            (vec![(0, 0, false), (24, 0, false), (0, 24, false)], 48)
        );
        let chain = places(&[0, 1, 2], true);
        assert_eq!(
            chain,
            (vec![(0, 0, false), (24, 0, true), (48, 0, true)], 24)
        );
    }

    #[test]
    fn a_task_that_is_not_enqueued_yet_has_no_link() {
        let workflow: Workflow = serde_json::from_str(
            r#"{"id":"default-7","workflow":"chain","state":"running","queue":"default","progress":{"total":2,"succeeded":1}}"#,
        )
        .expect("a workflow");
        let page: Tasks = serde_json::from_str(
            r#"{"tasks":[{"id":"default-8","state":"succeeded","task":"echo","step":0,"index":0},{"step":1,"index":0}],"next":null}"#,
        )
        .expect("tasks");
        let page = WorkflowPage::of(&Context::default(), workflow, &page);
        assert_eq!(page.open, 1);
        let page = page.render().expect("a page");
        assert_eq!(
            page.matches("href=\"/tasks/").count(),
            2,
            "the task and the workflow itself: {page}"
        );
    }
}
