//! `handoff failed`: failed tasks by their causes.

use handoff_client::Json;
use handoff_wire::{Cause, Causes, Time};

use super::s;
use crate::causes;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Failed;
use crate::output::{Style, Text};

pub(crate) fn run(context: &mut Context, options: &Failed) -> Result<(), Failure> {
    let filter = options.fits.filter();
    let names = match &options.queue {
        Some(queue) => vec![queue.clone()],
        None => {
            let queues = context.client.queues()?;
            queues.iter().map(|queue| queue.name.clone()).collect()
        }
    };
    let mut causes = Causes::default();
    let mut counts = Vec::new();
    for name in names {
        let queue = context.queue(&name);
        if context.json && !options.by_cause {
            causes::read(&queue, &filter, |task| context.out.json(task.json()))?;
            continue;
        }
        let count = causes::add(&mut causes, &queue, &filter)?;
        counts.push((name, count));
    }
    match (context.json, options.by_cause) {
        (true, true) => causes
            .list()
            .iter()
            .try_for_each(|cause| json(context, cause)),
        (true, false) => Ok(()),
        (false, _) => {
            causes::print(context, causes.list())?;
            let line = total(&counts);
            context.out.styled(&[Text::new(Style::Dim, &line)])
        }
    }
}

fn json(context: &mut Context, cause: &Cause) -> Result<(), Failure> {
    let time = |time: Option<Time>| time.map(|time| time.to_string());
    let object = serde_json::json!({
        "queue": cause.queue, "task": cause.kind, "error": cause.error, "count": cause.count,
        "first": time(cause.first), "last": time(cause.last), "example": cause.example,
    });
    context.out.json(&Json::of(&object)?)
}

/// How many tasks failed in each queue.
fn total(counts: &[(String, u64)]) -> String {
    if let [(queue, count)] = counts {
        return format!("{count} failed task{} of {queue}", s(*count));
    }
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let each = counts.iter().filter(|(_, count)| *count > 0);
    let each: Vec<_> = each
        .map(|(queue, count)| format!("{count} in {queue}"))
        .collect();
    match each[..] {
        [] => "0 failed tasks".to_owned(),
        _ => format!("{all} failed task{}: {}", s(all), each.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_queue_with_failures_is_counted() {
        let total = |counts: &[(&str, u64)]| {
            let counts = counts
                .iter()
                .map(|(queue, count)| ((*queue).to_owned(), *count));
            total(&counts.collect::<Vec<_>>())
        };
        assert_eq!(total(&[("default", 1)]), "1 failed task of default");
        let two = [("default", 280), ("idle", 0), ("mails", 220)];
        assert_eq!(
            total(&two),
            "500 failed tasks: 280 in default, 220 in mails"
        );
        assert_eq!(total(&two[1..2]), "0 failed tasks of idle");
        assert_eq!(total(&[("a", 0), ("b", 0)]), "0 failed tasks");
    }
}
