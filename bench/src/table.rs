//! Results as Markdown.

use std::fmt::Write;

use crate::goals::Goal;
use crate::measure::{self, idle};
use crate::results::{Metric, Results, Unit, digits};
use crate::system::System;

/// Every metric, in the order of the table.
pub fn metrics() -> Vec<Metric> {
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
pub fn table(systems: &[System], results: &Results) -> String {
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
pub fn goals(goals: &[Goal]) -> String {
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
