//! Metrics as text: the format of Prometheus, and OpenMetrics 1.0.

use std::fmt::Write;

/// The format of an exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// One number with its labels.
pub(crate) struct Sample {
    suffix: &'static str,
    labels: Vec<(&'static str, String)>,
    value: String,
}

impl Sample {
    pub(crate) fn of(value: u64) -> Self {
        Self {
            suffix: "",
            labels: Vec::new(),
            value: value.to_string(),
        }
    }

    /// Milliseconds, written as seconds.
    pub(crate) fn seconds(ms: u64) -> Self {
        let mut sample = Self::of(ms / 1_000);
        if !ms.is_multiple_of(1_000) {
            sample.value.push_str(&format!(".{:03}", ms % 1_000));
        }
        sample
    }

    pub(crate) fn named(mut self, suffix: &'static str) -> Self {
        self.suffix = suffix;
        self
    }

    pub(crate) fn with(mut self, label: &'static str, value: &str) -> Self {
        self.labels.push((label, value.to_owned()));
        self
    }
}

/// The text of all families.
pub(crate) struct Exposition {
    format: Format,
    text: String,
}

impl Exposition {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            text: String::new(),
        }
    }

    /// Adds a family. `name` has no suffix of its type.
    pub(crate) fn put(
        &mut self,
        family: Family,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        let suffix = match family {
            Family::Counter => "_total",
            Family::Info => "_info",
            Family::Gauge | Family::Histogram => "",
        };
        // Prometheus' own text has no infos, and names a counter with its suffix.
        let (kind, family_suffix) = match (self.format, family) {
            (Format::OpenMetrics, Family::Info) => ("info", ""),
            (Format::Prometheus, Family::Info) => ("gauge", suffix),
            (Format::OpenMetrics, Family::Counter) => ("counter", ""),
            (Format::Prometheus, Family::Counter) => ("counter", suffix),
            (_, Family::Gauge) => ("gauge", ""),
            (_, Family::Histogram) => ("histogram", ""),
        };
        let text = &mut self.text;
        // Writing to a string does not fail.
        _ = writeln!(text, "# HELP {name}{family_suffix} {help}");
        _ = writeln!(text, "# TYPE {name}{family_suffix} {kind}");
        for sample in samples {
            _ = write!(text, "{name}{suffix}{}", sample.suffix);
            for (i, (label, value)) in sample.labels.iter().enumerate() {
                let before = if i == 0 { '{' } else { ',' };
                _ = write!(text, "{before}{label}=\"{}\"", escaped(value));
            }
            let end = if sample.labels.is_empty() { "" } else { "}" };
            _ = writeln!(text, "{end} {}", sample.value);
        }
    }

    pub(crate) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut exposition = Exposition::new(format);
        let sample = Sample::of(3).with("queue", "a").with("task", "\\ \"b\"\n");
        exposition.put(Family::Counter, "x_tasks", "Tasks.", [sample]);
        let samples = [1_500, 2_000].map(Sample::seconds);
        exposition.put(Family::Gauge, "x_age_seconds", "Ages.", samples);
        let info = Sample::of(1).with("version", "1");
        exposition.put(Family::Info, "x_build", "Build.", [info]);
        exposition.finish()
    }

    #[test]
    fn each_format_names_counters_and_infos_in_its_own_way() {
        let samples = [
            r#"x_tasks_total{queue="a",task="\\ \"b\"\n"} 3"#,
            "x_age_seconds 1.500",
            "x_age_seconds 2",
            r#"x_build_info{version="1"} 1"#,
        ];
        let heads = |names: [&str; 3], kinds: [&str; 3]| {
            let [tasks, ages, build] = [0, 1, 2].map(|i| {
                let help = ["Tasks.", "Ages.", "Build."][i];
                format!("# HELP {0} {help}\n# TYPE {0} {1}", names[i], kinds[i])
            });
            let [task, first, second, info] = samples;
            format!("{tasks}\n{task}\n{ages}\n{first}\n{second}\n{build}\n{info}\n")
        };
        assert_eq!(
            written(Format::Prometheus),
            heads(
                ["x_tasks_total", "x_age_seconds", "x_build_info"],
                ["counter", "gauge", "gauge"]
            )
        );
        assert_eq!(
            written(Format::OpenMetrics),
            heads(
                ["x_tasks", "x_age_seconds", "x_build"],
                ["counter", "gauge", "info"]
            ) + "# EOF\n"
        );
    }
}
