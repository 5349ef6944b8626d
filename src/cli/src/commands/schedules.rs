//! `handoff schedules`.

use handoff_client::{Json, ScheduleFields, ScheduleObject, Shown};

use super::{as_json, facts, plain, short};
use crate::context::Context;
use crate::failure::Failure;
use crate::input;
use crate::options::{PutSchedule, Schedules};
use crate::output::{Style, Text};
use crate::table::Table;
use crate::times;

pub(crate) fn run(context: &mut Context, command: Option<Schedules>) -> Result<(), Failure> {
    match command.unwrap_or(Schedules::List) {
        Schedules::List => list(context),
        Schedules::Show { name } => {
            let schedule = context.client.schedule(&name).get()?;
            show(context, &schedule)
        }
        Schedules::Put(options) => put(context, &options),
        Schedules::Pause { name } => {
            let schedule = context.client.schedule(&name).pause()?;
            paused(context, &schedule, "paused")
        }
        Schedules::Resume { name } => {
            let schedule = context.client.schedule(&name).resume()?;
            paused(context, &schedule, "resumed")
        }
        Schedules::Delete { name } => {
            context.client.schedule(&name).delete()?;
            match context.json {
                true => Ok(()),
                false => context.out.line(format!("{name}: deleted")),
            }
        }
    }
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let mut table = Table::new(&["SCHEDULE", "WHEN", "TASK", "QUEUE", "NEXT", "LAST"]);
    for schedule in context.client.schedules()? {
        if as_json(context, &schedule)? {
            continue;
        }
        let last = schedule.last_run.as_ref();
        let last = last.map(|run| times::ago(&run.at));
        let due = match &schedule.error {
            Some(error) => Text::new(Style::Red, error),
            None => Text::from(due(&schedule)),
        };
        table.row([
            Text::from(&schedule.name),
            due,
            Text::from(schedule.task.as_deref().unwrap_or_default()),
            Text::from(schedule.queue.as_deref().unwrap_or("default")),
            next(&schedule),
            Text::new(Style::Dim, &last.unwrap_or_default()),
        ]);
    }
    if context.json {
        return Ok(());
    }
    match table.is_empty() {
        true => context.out.line("there are no schedules"),
        false => table.print(&mut context.out, true),
    }
}

/// When it is due next, unless it is paused.
fn next(schedule: &ScheduleObject) -> Text {
    let next = schedule.next_run.as_deref().map(times::ago);
    match schedule.paused {
        true => Text::new(Style::Yellow, "paused"),
        false => Text::new(Style::Dim, &next.unwrap_or_default()),
    }
}

fn due(schedule: &ScheduleObject) -> String {
    match (&schedule.cron, &schedule.every) {
        (Some(cron), _) => match schedule.timezone.as_deref() {
            None | Some("UTC") => cron.clone(),
            Some(zone) => format!("{cron} {zone}"),
        },
        (None, Some(every)) => format!("every {every}"),
        (None, None) => String::new(),
    }
}

fn show(context: &mut Context, schedule: &Shown<ScheduleObject>) -> Result<(), Failure> {
    if as_json(context, schedule)? {
        return Ok(());
    }
    let time = |time: Option<&str>| plain(time.map(times::exact));
    let last = schedule.last_run.as_ref();
    facts(
        &mut context.out,
        vec![
            ("schedule", plain(Some(&schedule.name))),
            (
                "error",
                schedule.error.as_deref().map(|e| Text::new(Style::Red, e)),
            ),
            (
                "state",
                schedule.paused.then(|| Text::new(Style::Yellow, "paused")),
            ),
            ("when", plain(Some(due(schedule)))),
            ("task", plain(schedule.task.as_ref())),
            ("args", plain(short(schedule.args.as_ref()))),
            ("queue", plain(schedule.queue.as_ref())),
            ("overlap", plain(schedule.overlap.as_ref())),
            ("missed", plain(schedule.missed.as_ref())),
            ("next", time(schedule.next_run.as_deref())),
            ("last", time(last.map(|run| run.at.as_str()))),
            (
                "last task",
                plain(last.and_then(|run| run.task_id.as_ref())),
            ),
            ("put", time(schedule.put_at.as_deref())),
        ],
    )
}

fn paused(
    context: &mut Context,
    schedule: &Shown<ScheduleObject>,
    what: &str,
) -> Result<(), Failure> {
    if as_json(context, schedule)? {
        return Ok(());
    }
    context.out.line(format!("{}: {what}", schedule.name))
}

fn put(context: &mut Context, options: &PutSchedule) -> Result<(), Failure> {
    let mut fields = match &options.fields {
        Some(fields) => ScheduleFields::from_json(&input::json(fields)?)?,
        None => ScheduleFields::default(),
    };
    let set = [
        ("task", &options.task),
        ("cron", &options.cron),
        ("timezone", &options.timezone),
        ("every", &options.every),
        ("queue", &options.queue),
    ];
    for (name, value) in set {
        if let Some(value) = value {
            fields = fields.field(name, Json::of(value)?);
        }
    }
    if let Some(args) = &options.args {
        fields = fields.field("args", input::json(args)?);
    }
    let schedule = context.client.schedule(&options.name).put(&fields)?;
    show(context, &schedule)
}
