//! Results as Markdown.

use std::fmt::Write;

use crate::goals::Goal;
use crate::measure::{self, idle};
use crate::results::{Metric, Results, Unit, digits};
use crate::system::System;

/// Every metric, in the order of the table.
pub(crate) fn metrics() -> Vec<Metric> {
    let mut metrics: Vec<_> = measure::ALL
        .iter()
        .flat_map(|one| one.metrics)
        .copied()
        .collect();
    metrics.push(measure::FIRST_ANSWER);
    metrics.extend(idle::METRICS);
    metrics
}

/// A row for each metric, a column for each system. What is faster than the first system says how many times.
pub(crate) fn table(systems: &[System], results: &Results) -> String {
    let mut text = String::from("| |");
    for system in systems {
        _ = write!(text, " {} |", system.title);
    }
    text += "\n|---|";
    text += &"---:|".repeat(systems.len());
    text += "\n| **acknowledged when** |";
    for system in systems {
        _ = write!(text, " {} |", system.acknowledged);
    }
    text += "\n";
    for metric in metrics() {
        let cells: Vec<_> = systems
            .iter()
            .map(|system| cell(systems, results, system, &metric))
            .collect();
        if cells.iter().any(|cell| cell != ABSENT) {
            _ = writeln!(text, "| {} | {} |", metric.title, cells.join(" | "));
        }
    }
    text
}

const ABSENT: &str = "–";

fn cell(systems: &[System], results: &Results, system: &System, metric: &Metric) -> String {
    let Some(value) = results.median(system.name, metric.key) else {
        return ABSENT.to_owned();
    };
    let mut text = format!("{}{}", digits(value), unit(metric.unit));
    let base = systems[0].name;
    if let Some(ratio) = results.ratio(system.name, base, metric)
        && system.name != base
        && ratio.is_finite()
        && !metric.key.starts_with("computing")
    {
        _ = write!(text, " ({}×)", digits(ratio));
    }
    text
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::PerS => "/s",
        Unit::Ms => " ms",
        Unit::S => " s",
        Unit::Mb => " MB",
        Unit::Percent => " %",
        Unit::Times => "×",
        Unit::Bytes => " B",
        Unit::Count => "",
    }
}

/// What is aimed at, and what was found.
pub(crate) fn goals(goals: &[Goal]) -> String {
    let mut text = String::from("| goal | aimed at | measured | |\n|---|---:|---:|---|\n");
    for goal in goals {
        let found = goal.found.map_or(ABSENT.to_owned(), digits);
        let met = match (goal.found, goal.met) {
            (None, _) => "not measured",
            (_, true) => "met",
            (_, false) if goal.counted => "**BROKEN**",
            (_, false) => "**missed**",
        };
        _ = writeln!(text, "| {} | {} | {found} | {met} |", goal.text, goal.bound);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems;

    /// Two systems, the second measured at twice the rate and half the time of the first.
    fn measured() -> (Vec<System>, Results) {
        let mut systems = systems::all();
        systems.truncate(2);
        let mut results = Results::default();
        for (system, factor) in systems.iter().zip([1.0, 2.0]) {
            results.add(system, "enqueue_c1", 1_000.0 * factor);
            results.add(system, "end_to_end_p50", 4.0 / factor);
        }
        results.add(&systems[1], "memory_load", 200.0);
        (systems, results)
    }

    #[test]
    fn better_is_more_than_once_for_rates_and_times() {
        let (systems, results) = measured();
        let table = table(&systems, &results);
        for row in [
            "| enqueue one, concurrency 1 | 1,000/s | 2,000/s (2.00×) |",
            "| enqueue until the result is read, one at a time, p50 | 4.00 ms | 2.00 ms (2.00×) |",
            "| memory under that load | – | 200 MB |",
        ] {
            assert!(table.lines().any(|line| line == row), "{row}\n{table}");
        }
        assert!(
            !table.contains("concurrency 8"),
            "nothing was measured: {table}"
        );
    }

    #[test]
    fn a_goal_that_is_counted_breaks() {
        let goal = |found, counted| Goal {
            text: "few",
            bound: "≤ 2".into(),
            found,
            met: found.is_some_and(|found| found <= 2.0),
            counted,
        };
        let found = goals(&[
            goal(Some(1.0), true),
            goal(Some(3.0), true),
            goal(Some(3.0), false),
            goal(None, true),
        ]);
        let ends: Vec<_> = found
            .lines()
            .skip(2)
            .map(|line| line.rsplit("| ").next())
            .collect();
        let expected = ["met |", "**BROKEN** |", "**missed** |", "not measured |"];
        assert_eq!(ends, expected.map(Some));
    }
}
