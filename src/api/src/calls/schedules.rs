//! `/v1/schedules`: tasks that are enqueued again and again. The queue `default` holds all schedules.

use super::{After, Answer};
use crate::{HostQueue, limits};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Request, Response};
use handoff_queue::{Put, SCHEDULES_MAX, check_name};
use handoff_wire::{FieldError, JsonObject, ScheduleRequest, object, quoted};
use std::collections::BTreeMap;

/// `GET /v1/schedules`: lists all schedules, in the order of their names.
pub(crate) async fn list(queue: &HostQueue) -> Result<Answer, Problem> {
    let found = queue.schedules().await?;
    let views = found.views.iter();
    let views = views.map(|view| (view.schedule.name.as_str(), object::schedule(view)));
    let broken = found.unreadable.iter().map(|(name, e)| {
        let object = JsonObject::default().with("name", name);
        (name.as_str(), object.with("error", e.to_string()))
    });
    let schedules: BTreeMap<_, _> = views.chain(broken).collect();
    let schedules: Vec<_> = schedules.into_values().collect();
    let body = JsonObject::default().with("schedules", schedules);
    Ok(Answer::new(Response::json(200, &body)))
}

/// `GET /v1/schedules/{name}`: shows one schedule.
pub(crate) async fn show(queue: &HostQueue, name: &str) -> Result<Answer, Problem> {
    match queue.schedule(name).await? {
        Some(view) => Ok(Answer::new(Response::json(200, &object::schedule(&view)))),
        None => Err(unknown(name)),
    }
}

/// `PUT /v1/schedules/{name}`: creates or replaces a schedule. Answers 201 if it is new.
pub(crate) async fn put(
    tasks: Tasks,
    queue: &HostQueue,
    name: &str,
    request: Request,
) -> Result<Answer, Problem> {
    if check_name(name).is_err() {
        let reason = format!(
            "{} must be 1 to 32 characters of a-z, 0-9 and _",
            quoted(name)
        );
        return Err(FieldError::new("name", reason).into());
    }
    let (body, bytes): (ScheduleRequest, _) = request.json(limits::body_max_bytes).await?;
    let target = super::named(queue, body.queue())?;
    let registry = limits::registry(tasks, bytes)?;
    let schedule = body.check(name, target.name(), &registry)?;
    limits::check_webhook(&schedule.task, "webhook")?;
    match queue.put_schedule(schedule).await? {
        Put::Done {
            created,
            view,
            receipt,
        } => {
            let status = if created { 201 } else { 200 };
            let location = format!("/v1/schedules/{name}");
            let response = Response::json(status, &object::schedule(&view));
            Ok(Answer {
                response: response.header("location", location),
                after: After::Wake(super::named(queue, None)?, receipt),
            })
        }
        Put::Never => {
            let reason = "there is no such day: it would never occur";
            Err(FieldError::new("cron", reason).into())
        }
        Put::Full => Err(Problem::new(
            409,
            "too-many-schedules",
            "There are too many schedules",
            format!("There are {SCHEDULES_MAX} schedules, which is the most. Delete one first."),
        )),
    }
}

/// `DELETE /v1/schedules/{name}`: deletes a schedule. The tasks that it enqueued stay.
pub(crate) async fn delete(queue: &HostQueue, name: &str) -> Result<Answer, Problem> {
    if queue.delete_schedule(name).await? {
        Ok(Answer::new(Response::empty(204)))
    } else {
        Err(unknown(name))
    }
}

/// `POST /v1/schedules/{name}/pause` or `resume`: does it. A caller without the scope `read` gets
/// only the name and whether it is paused.
pub(crate) async fn pause(
    queue: &HostQueue,
    name: &str,
    paused: bool,
    request: &Request,
) -> Result<Answer, Problem> {
    let Some((view, receipt)) = queue.pause_schedule(name, paused).await? else {
        return Err(unknown(name));
    };
    let object = match request.caller().reads {
        true => object::schedule(&view),
        false => JsonObject::default()
            .with("name", name)
            .with("paused", paused),
    };
    Ok(Answer {
        response: Response::json(200, &object),
        after: After::Wake(super::named(queue, None)?, receipt),
    })
}

fn unknown(name: &str) -> Problem {
    Problem::new(
        404,
        "unknown-schedule",
        "There is no such schedule",
        format!("No schedule here is named {}.", quoted(name)),
    )
}
