//! The main results as bars, in SVG.

use std::fmt::Write;

use crate::results::{Results, digits};
use crate::system::System;

/// Metrics that are shown: what they are called, the unit, and whether the longer bar is the better one.
const PANELS: [(&str, &str, &str, bool); 6] = [
    ("enqueue_c32", "enqueue, 32 connections", "/s", true),
    ("status_c32", "status, 32 connections", "/s", true),
    ("drain", "run tasks that do nothing", "/s", true),
    ("batch_c8", "enqueue by batches of 100", "/s", true),
    (
        "end_to_end_p50",
        "enqueue until the result is read, p50",
        " ms",
        false,
    ),
    ("memory_load", "memory under load", " MB", false),
];

const WIDTH: u32 = 1_000;
const COLUMNS: u32 = 2;
const LABEL: u32 = 230;
const VALUE: u32 = 75;
const BAR: u32 = 16;
const STEP: u32 = 21;
const TITLE: u32 = 30;
const GAP: u32 = 20;
const OWN: &str = "#2f6fde";
const OTHERS: &str = "#9aa4b2";

/// A panel for each of the main metrics, a bar for each system.
pub(crate) fn picture(systems: &[System], results: &Results) -> String {
    let panel_height = TITLE + STEP * systems.len() as u32 + GAP;
    let rows = (PANELS.len() as u32).div_ceil(COLUMNS);
    let height = rows * panel_height;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (i, panel) in (0..).zip(PANELS) {
        let (x, y) = (i % COLUMNS * (WIDTH / COLUMNS), i / COLUMNS * panel_height);
        _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        draw(&mut svg, systems, results, panel);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn draw(svg: &mut String, systems: &[System], results: &Results, panel: (&str, &str, &str, bool)) {
    let (metric, title, unit, more) = panel;
    let hint = if more {
        "more is better"
    } else {
        "less is better"
    };
    _ = writeln!(
        svg,
        "<text x=\"8\" y=\"20\" font-weight=\"bold\" fill=\"#111\">{title} <tspan font-weight=\"normal\" fill=\"#667\">({hint})</tspan></text>"
    );
    let values: Vec<_> = systems
        .iter()
        .map(|system| results.median(system.name, metric))
        .collect();
    let most = values
        .iter()
        .flatten()
        .copied()
        .fold(f64::MIN_POSITIVE, f64::max);
    let longest = WIDTH / COLUMNS - LABEL - VALUE;
    for ((place, system), value) in (0..).zip(systems).zip(values) {
        let y = TITLE + place * STEP;
        let text_y = y + BAR - 4;
        let name = escaped(system.title);
        _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\" fill=\"#333\">{name}</text>",
            LABEL - 6
        );
        let length = value.map_or(0.0, |value| value / most * f64::from(longest));
        let color = if system.title.starts_with("Handoff") {
            OWN
        } else {
            OTHERS
        };
        _ = writeln!(
            svg,
            "<rect x=\"{LABEL}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{color}\"/>"
        );
        let shown = value.map_or("–".to_owned(), |value| format!("{}{unit}", digits(value)));
        _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{text_y}\" fill=\"#333\">{shown}</text>",
            f64::from(LABEL) + length + 5.0
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
