//! The history of one task.

use super::load::Asked;
use crate::support::{Line, parts};
use std::fmt::Write;

const LINES_MAX: usize = 400;

/// The lines about a task. Without a task they are about the first key in the message, or else the
/// last ones.
pub(crate) fn history(lines: &[Line], asked: Option<&Asked>, what: &str) -> String {
    let mut text = String::new();
    let number = what.split(' ').next().and_then(|key| parts(key).1);
    let chosen: Vec<&Line> = match (asked, number) {
        (Some(asked), _) => lines.iter().filter(|l| is_about(l, asked)).collect(),
        (None, Some(_)) => lines.iter().filter(|l| parts(&l.key).1 == number).collect(),
        (None, None) => lines.iter().collect(),
    };
    let skipped = chosen.len().saturating_sub(LINES_MAX);
    if skipped > 0 {
        let _ = writeln!(text, "… {skipped} lines before");
    }
    for line in &chosen[skipped..] {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn is_about(line: &Line, asked: &Asked) -> bool {
    let slot = asked.id.slot();
    if line.who.starts_with("client") && matches!(line.operation, "get" | "counter") {
        return false; // The look at every task, every few seconds.
    }
    let (kind, number) = parts(&line.key);
    if matches!(kind, "s" | "h" | "c" | "o" | "r" | "x") && number == Some(slot) {
        return true;
    }
    if kind == "i" {
        return asked.key_until_ms > 0;
    }
    let named = [
        format!(r#""announce":[{slot},"#),
        format!(r#"{{"t":{slot},"#),
        format!("RUNS {} ", asked.name),
        asked.id.to_string(),
    ];
    named.iter().any(|n| line.text.contains(n))
        || (line.operation.is_empty()
            && !line.text.starts_with("RUNS")
            && !line.text.starts_with("wakes"))
}
