//! The pages, and what their buttons do.

mod actions;
mod again;
mod bulk;
mod docs;
mod failed;
mod overview;
mod schedules;
pub(crate) mod sign_in;
mod task;
mod tasks;
mod workflow;
mod workflows;

use crate::answer::Answer;
use crate::assets;
use crate::context::{Context, field};
use crate::failure::Failure;
use crate::routes::Route;
use handoff_wire::encode;

/// The page of a route.
pub(crate) async fn show(context: &Context, route: &Route<'_>) -> Result<Answer, Failure> {
    match *route {
        Route::Asset(name) => Ok(assets::file(name)),
        Route::Overview => overview::show(context).await,
        Route::Find => match context.parameter("id").trim() {
            "" => Ok(Answer::to("/".to_owned())),
            id => Ok(Answer::to(format!("/tasks/{}", encode(id)))),
        },
        Route::Tasks(queue) => tasks::show(context, queue).await,
        Route::Failed(queue) => failed::show(context, Some(queue)).await,
        Route::AllFailed => failed::show(context, None).await,
        Route::PurgeForm(queue) => actions::purge_form(context, queue, "").await,
        Route::BulkDone(queue) => bulk::done(context, queue),
        Route::Task(id) => task::show(context, id).await,
        Route::AgainForm(id) => again::form(context, id).await,
        Route::Schedules => schedules::list(context).await,
        Route::Schedule(name) => schedules::show(context, name).await,
        Route::AllWorkflows => Ok(Answer::to("/queues/default/workflows".to_owned())),
        Route::Workflows(queue) => workflows::show(context, queue).await,
        Route::Workflow(id) => workflow::show(context, id).await,
        Route::Docs => docs::show(context).await,
        Route::SignInForm => Ok(sign_in::SignInPage::answer(context, 200, false, "/")),
        _ => Err(Failure::NoPage),
    }
}

/// Does what a form asks for.
pub(crate) async fn act(
    context: &Context,
    route: &Route<'_>,
    form: &[(String, String)],
    secure: bool,
) -> Result<Answer, Failure> {
    match *route {
        Route::SignIn => sign_in::sign_in(context, form, secure).await,
        Route::SignOut => Ok(sign_in::sign_out(context, secure)),
        Route::Queue(queue, what) => actions::queue(context, queue, what, form).await,
        Route::Bulk(queue) => bulk::act(context, queue, form).await,
        Route::ChangeTask(id, what) => actions::task(context, id, what).await,
        Route::Again(id) => again::run(context, id, form).await,
        Route::CancelWorkflow(id) => actions::cancel_workflow(context, id).await,
        Route::ChangeSchedule(name, "run") => schedules::run(context, name, form).await,
        Route::ChangeSchedule(name, what @ ("pause" | "resume")) => {
            schedules::pause(context, name, what).await
        }
        Route::ChangeSchedule(name, _) => schedules::delete(context, name, form).await,
        _ => Err(Failure::NoPage),
    }
}

/// Whether a form's box is ticked.
fn is_confirmed(form: &[(String, String)]) -> bool {
    field(form, "confirm") == "yes"
}
