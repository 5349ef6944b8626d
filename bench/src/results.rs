//! What was measured: samples of each metric of each system, one for each round.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::system::System;

/// What is measured of a system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    /// Names it in the program.
    pub key: &'static str,
    /// In the table.
    pub title: &'static str,
    /// What it is measured in.
    pub unit: Unit,
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A second: more is better.
    PerS,
    /// Milliseconds: less is better.
    Ms,
    /// Seconds: less is better.
    S,
    /// Megabytes.
    Mb,
    /// Percent.
    Percent,
    /// How many times as much as something else.
    Times,
    /// Bytes.
    Bytes,
    /// A number of things.
    Count,
}

/// Samples by system and metric.
#[derive(Default)]
pub(crate) struct Results {
    samples: BTreeMap<(&'static str, &'static str), Vec<f64>>,
    /// What could not be measured, and why.
    pub failures: Vec<String>,
}

impl Results {
    /// Adds a sample.
    pub(crate) fn add(&mut self, system: &System, metric: &'static str, value: f64) {
        eprintln!("    {:18} {metric:22} {}", system.name, digits(value));
        self.samples
            .entry((system.name, metric))
            .or_default()
            .push(value);
    }

    /// The middle one of a system's samples.
    pub(crate) fn median(&self, system: &str, metric: &str) -> Option<f64> {
        let found = self
            .samples
            .iter()
            .find(|((s, m), _)| *s == system && *m == metric);
        found.map(|(_, values)| median(values))
    }

    /// How many times as good a system is as another.
    pub(crate) fn ratio(&self, system: &str, than: &str, metric: &Metric) -> Option<f64> {
        let (own, other) = (
            self.median(system, metric.key)?,
            self.median(than, metric.key)?,
        );
        match metric.unit {
            Unit::PerS => Some(own / other),
            Unit::Ms | Unit::S => Some(other / own),
            _ => None,
        }
    }

    /// Every sample, a line each, to be looked at.
    pub(crate) fn raw(&self) -> String {
        let mut text = String::from("system,metric,samples\n");
        for ((system, metric), values) in &self.samples {
            let values: Vec<_> = values.iter().map(f64::to_string).collect();
            _ = writeln!(text, "{system},{metric},{}", values.join(" "));
        }
        text
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// What so large a part of the values is not above.
pub(crate) fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len().max(1) - 1) as f64;
    let (low, high) = (
        sorted.get(place.floor() as usize),
        sorted.get(place.ceil() as usize),
    );
    match (low, high) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

/// Three digits that count, and commas between thousands.
pub(crate) fn digits(value: f64) -> String {
    let places = match value.abs() {
        v if v >= 99.95 || v == 0.0 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.0995 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), ""), |(w, r)| (w, r));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0
            && (whole.len() - i).is_multiple_of(3)
            && digit.is_ascii_digit()
            && !grouped.ends_with('-')
        {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !rest.is_empty() {
        grouped.push('.');
        grouped += rest;
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_counts() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0, 5.0], 1.0), 5.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn numbers_are_as_long_as_they_are_sure() {
        for (value, text) in [
            (0.0, "0"),
            (0.0123, "0.012"),
            (0.5, "0.50"),
            (9.999, "10.0"),
            (42.04, "42.0"),
            (999.6, "1,000"),
            (1234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-123.4, "-123"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(digits(value), text, "{value}");
        }
    }
}
