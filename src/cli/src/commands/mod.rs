//! A function for each command.

mod change;
mod enqueue;
mod failed;
mod health;
mod list;
mod queues;
mod schedules;
mod show;
mod top;
mod watch;
mod workflows;

use std::io;

use clap::CommandFactory;
use handoff_client::{Json, Shown};

use crate::context::Context;
use crate::failure::Failure;
use crate::options::{Cli, Command};
use crate::output::{Output, Style, Text};

pub(crate) fn run(context: &mut Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Enqueue(options) => enqueue::run(context, &options),
        Command::Show { ids } => show::tasks(context, &ids),
        Command::Watch { id } => watch::run(context, &id),
        Command::Status { id } => show::status(context, &id),
        Command::List(options) => list::run(context, &options),
        Command::Failed(options) => failed::run(context, &options),
        Command::Retry(options) => change::retry(context, &options),
        Command::Discard(options) => change::discard(context, &options),
        Command::Cancel { change, state } => change::cancel(context, &change, state.as_deref()),
        Command::Queues => queues::list(context),
        Command::Queue(queue) => queues::show(context, &queue.name),
        Command::Pause(queue) => queues::pause(context, &queue.name),
        Command::Resume(queue) => queues::resume(context, &queue.name),
        Command::Purge { queue, yes } => queues::purge(context, &queue.name, yes),
        Command::Schedules { command } => schedules::run(context, command),
        Command::Workflows { command } => workflows::run(context, command),
        Command::Ready { alive } => health::run(context, alive),
        Command::Top { every, count } => top::run(context, every, count),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "handoff", &mut script);
            Ok(io::Write::write_all(&mut io::stdout(), &script)?)
        }
    }
}

/// Prints an object as JSON, if that is wanted. Returns whether it was.
fn as_json<T>(context: &mut Context, shown: &Shown<T>) -> Result<bool, Failure> {
    if context.json {
        context.out.json(shown.json())?;
    }
    Ok(context.json)
}

/// Prints lines of names and values, the values below each other. What is not there is left out.
fn facts(out: &mut Output, facts: Vec<(&str, Option<Text>)>) -> Result<(), Failure> {
    let names = facts.iter().filter(|(_, value)| value.is_some());
    let width = names.map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in facts {
        if let Some(value) = value {
            let name = Text::new(Style::Dim, &format!("{name:width$}  "));
            out.styled(&[name, value])?;
        }
    }
    Ok(())
}

/// A text that may be missing, as a fact.
fn plain(text: Option<impl AsRef<str>>) -> Option<Text> {
    text.map(Text::from)
}

fn state(state: &str) -> Text {
    Text::new(Style::of_state(state), state)
}

/// JSON in few characters: empty arguments are nothing.
fn short(json: Option<&Json>) -> Option<&str> {
    let text = json?.text();
    (text != "{}" && text != "null").then_some(text)
}

/// `s` for all numbers but one.
fn s(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
