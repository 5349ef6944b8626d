//! `handoff watch`: follows a task until its end.

use handoff_client::{Shown, State, StateData, TaskEvent, TaskObject};

use super::state;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Style, Text};
use crate::times;

pub(crate) fn run(context: &mut Context, id: &str) -> Result<(), Failure> {
    let task = context.client.task(id);
    let mut ended = None;
    for event in task.events() {
        let event = event?;
        match &event {
            TaskEvent::End { data, .. } => ended = Some(data.state.clone()),
            _ if context.json => {}
            TaskEvent::State { data, .. } => changed(context, data)?,
            TaskEvent::Progress { data, .. } => {
                let progress = data.progress.as_ref().map(|json| json.text());
                let words = [progress, data.message.as_deref()];
                let words: Vec<_> = words.into_iter().flatten().collect();
                context.out.line(format!("progress {}", words.join(", ")))?;
            }
            TaskEvent::Log { data, .. } => {
                let time = format!("{}  ", times::clock(&data.at));
                let line = [Text::new(Style::Dim, &time), Text::from(&data.message)];
                context.out.styled(&line)?;
            }
            _ => {}
        }
        match &event {
            TaskEvent::End { data, .. } => end(context, data)?,
            event if context.json => json(context, event)?,
            _ => {}
        }
        context.out.flush()?;
    }
    match ended {
        Some(State::Succeeded) => Ok(()),
        Some(_) => Err(Failure::Said),
        None => Err(Failure::Refused(format!(
            "the events of {id} ended before the task did"
        ))),
    }
}

fn changed(context: &mut Context, data: &Shown<StateData>) -> Result<(), Failure> {
    let mut line = vec![state(data.state.as_str())];
    if data.attempt > 0 {
        line.push(format!(", attempt {}", data.attempt).into());
    }
    if let Some(due) = &data.next_at {
        line.push(format!(", due {}", times::ago(due)).into());
    }
    if let Some(error) = &data.error {
        line.push(format!(": {error}").into());
    }
    context.out.styled(&line)
}

fn end(context: &mut Context, task: &Shown<TaskObject>) -> Result<(), Failure> {
    if context.json {
        return context.out.json(task.json());
    }
    let mut line = vec![state(task.state.as_str())];
    let result = task.result.as_ref().map(|json| json.text());
    if let Some(behind) = task.error.as_deref().or(result) {
        line.push(format!(": {behind}").into());
    }
    context.out.styled(&line)
}

/// The data of an event, as the API sent it.
fn json(context: &mut Context, event: &TaskEvent) -> Result<(), Failure> {
    match event {
        TaskEvent::State { data, .. } => context.out.json(data.json()),
        TaskEvent::Progress { data, .. } => context.out.json(data.json()),
        TaskEvent::Log { data, .. } => context.out.json(data.json()),
        _ => Ok(()),
    }
}
