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
        let ago = |time: Option<&str>| time.map(times::ago).unwrap_or_default();
        let last = schedule.last_run.as_ref().map(|run| run.at.as_str());
        let due = match &schedule.error {
            Some(error) => Text::new(Style::Red, error),
            None => Text::from(due(&schedule)),
        };
        table.row([
            Text::from(&schedule.name),
            due,
            Text::from(schedule.task.as_deref().unwrap_or_default()),
            Text::from(schedule.queue.as_deref().unwrap_or("default")),
            Text::new(Style::Dim, &ago(schedule.next_run.as_deref())),
            Text::new(Style::Dim, &ago(last)),
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
