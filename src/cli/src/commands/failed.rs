//! `handoff failed`: failed tasks by kind and error.

use std::collections::BTreeMap;

use handoff_client::TaskObject;

use super::s;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Failed;
use crate::output::{Style, Text};
use crate::table::Table;
use crate::times;

const PAGE: u32 = 100;

/// Tasks of one kind that failed for the same reason.
#[derive(Default)]
struct Group {
    count: u64,
    first: Option<String>,
    last: Option<String>,
    /// The error and the task of the last of them.
    error: String,
    id: String,
}

impl Group {
    fn add(&mut self, task: &TaskObject) {
        self.count += 1;
        // The last failures come first.
        if self.count == 1 {
            self.error = task.error.clone().unwrap_or_default();
            self.id.clone_from(&task.id);
        }
        let Some(time) = &task.ended_at else {
            return;
        };
        // Times of the API have one form and one zone: their order is that of their text.
        if self.first.as_ref().is_none_or(|first| time < first) {
            self.first = Some(time.clone());
        }
        if self.last.as_ref().is_none_or(|last| time > last) {
            self.last = Some(time.clone());
        }
    }
}

pub(crate) fn run(context: &mut Context, options: &Failed) -> Result<(), Failure> {
    let filter = options.which.filter().state("failed");
    let queue = context.queue(&options.which.queue);
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    let (mut next, mut count) = (None, 0);
    loop {
        let page = queue.page(&filter, Some(PAGE), next.as_deref())?;
        for task in &page.tasks {
            if context.json {
                context.out.json(task.json())?;
                continue;
            }
            let kind = task.task.clone().unwrap_or_default();
            let error = alike(task.error.as_deref().unwrap_or_default());
            groups.entry((kind, error)).or_default().add(task);
            count += 1;
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    if context.json {
        return Ok(());
    }
    print(context, groups)?;
    let name = &options.which.queue;
    let line = format!("{count} failed task{} of {name}", s(count));
    context.out.styled(&[Text::new(Style::Dim, &line)])
}

fn print(context: &mut Context, groups: BTreeMap<(String, String), Group>) -> Result<(), Failure> {
    if groups.is_empty() {
        return Ok(());
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
    let mut table = Table::with_text(&["COUNT", "TASK", "FIRST", "LAST", "SUCH AS", "ERROR"], 4);
    for ((kind, _), group) in groups {
        let ago = |time: Option<String>| time.as_deref().map(times::ago).unwrap_or_default();
        table.row([
            Text::from(format!("{:>5}", group.count)),
            Text::from(&kind),
            Text::new(Style::Dim, &ago(group.first)),
            Text::new(Style::Dim, &ago(group.last)),
            Text::from(&group.id),
            Text::new(Style::Red, &group.error),
        ]);
    }
    table.print(&mut context.out, true)
}

/// The error without what differs between tasks: words with digits, such as ids and times.
fn alike(error: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric();
    let (mut alike, mut rest) = (String::new(), error);
    while let Some(c) = rest.chars().next() {
        let end = match is_word(c) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => c.len_utf8(),
        };
        let (part, behind) = rest.split_at(end);
        let differs = part.contains(|c: char| c.is_ascii_digit());
        alike.push_str(if differs { "#" } else { part });
        rest = behind;
    }
    alike
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_in_numbers_are_alike() {
        assert_eq!(
            alike("order 17 of a3f: 1.5s"),
            alike("order 4711 of b7: 20.25s")
        );
        assert_eq!(alike("503: Zoë is away"), "#: Zoë is away");
        assert_ne!(alike("refused"), alike("timed out"));
        assert_eq!(alike(""), "");
    }
}
