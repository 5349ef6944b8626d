//! What one button does to one task, workflow or queue.

use super::is_confirmed;
use crate::answer::Answer;
use crate::context::{Context, field};
use crate::curl::Curl;
use crate::failure::Failure;
use crate::model::{Queue, Task, Workflow};
use crate::page::{Page, html};
use askama::Template;
use handoff_wire::encode;

#[derive(Template)]
#[template(path = "purge.html")]
struct PurgePage {
    page: Page,
    queue: Queue,
    wrong: String,
    /// So many tasks were cancelled.
    purged: Option<u64>,
}

/// Retries, discards or cancels a task.
pub(crate) async fn task(context: &Context, id: &str, what: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/tasks/{}", encode(id));
    let (task, done): (Task, _) = match what {
        "retry" => (
            context.api.change("POST", &format!("{path}/retry")).await?,
            "retried",
        ),
        "discard" => (
            context
                .api
                .change("POST", &format!("{path}/discard"))
                .await?,
            "discarded",
        ),
        _ => (context.api.change("DELETE", &path).await?, "cancelled"),
    };
    Ok(Answer::to(format!(
        "/tasks/{}?done={done}",
        encode(&task.id)
    )))
}

pub(crate) async fn cancel_workflow(context: &Context, id: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/workflows/{}", encode(id));
    let workflow: Workflow = context.api.change("DELETE", &path).await?;
    Ok(Answer::to(format!(
        "/workflows/{}?done=cancelled",
        encode(&workflow.id)
    )))
}

/// Pauses, resumes or purges a queue.
pub(crate) async fn queue(
    context: &Context,
    name: &str,
    what: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    if what == "purge" && (!is_confirmed(form) || field(form, "name").trim() != name) {
        return purge_form(context, name, field(form, "name")).await;
    }
    let path = format!("/v1/queues/{}/{what}", encode(name));
    let queue: Queue = context.api.change("POST", &path).await?;
    let to = format!("/queues/{}", encode(name));
    match what {
        "pause" => Ok(Answer::to(format!("{to}?done=paused"))),
        "resume" => Ok(Answer::to(format!("{to}?done=resumed"))),
        // This page may be loaded again, the action not.
        _ => Ok(Answer::to(format!("{to}/purge?purged={}", queue.purged))),
    }
}

/// Asks for the name of the queue that is to be purged, or shows what was purged.
pub(crate) async fn purge_form(
    context: &Context,
    name: &str,
    typed: &str,
) -> Result<Answer, Failure> {
    let path = format!("/v1/queues/{}", encode(name));
    let queue: Queue = context.api.get(&path).await?;
    let purged = context.parameter("purged").parse().ok();
    let page = PurgePage {
        page: Page::new(context, format!("Purge {}", queue.name)).curl(Curl::new(
            "This action",
            "POST",
            format!("{path}/purge"),
        )),
        queue,
        wrong: typed.to_owned(),
        purged: purged.filter(|_| !context.is_post),
    };
    html(200, &page)
}
