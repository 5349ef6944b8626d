//! The only way to standard output. Every text is cleaned on it.

use std::io::{self, IsTerminal, Stdout, Write};

use handoff_client::Json;

use crate::clean;
use crate::failure::Failure;

/// How a text looks, where colours are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

impl Style {
    /// The style of a state.
    pub(crate) fn of_state(state: &str) -> Self {
        match state {
            "succeeded" | "done" => Self::Green,
            "failed" => Self::Red,
            "retrying" | "running" | "paused" => Self::Yellow,
            "cancelled" | "expired" => Self::Dim,
            _ => Self::Plain,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\u{1b}[1m",
            Self::Dim => "\u{1b}[2m",
            Self::Red => "\u{1b}[31m",
            Self::Green => "\u{1b}[32m",
            Self::Yellow => "\u{1b}[33m",
        }
    }
}

/// A clean text with a style.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Text {
    pub(crate) fn new(style: Style, text: &str) -> Self {
        Self {
            text: clean::line(text),
            style,
        }
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        Self::new(Style::Plain, text.as_ref())
    }
}

pub(crate) struct Output {
    stdout: io::BufWriter<Stdout>,
    /// Whether it is a terminal.
    pub(crate) is_terminal: bool,
    colours: bool,
    /// The columns that a line may take, if there is a limit.
    pub(crate) width: Option<usize>,
    /// The lines that a terminal shows.
    pub(crate) height: Option<usize>,
}

impl Output {
    pub(crate) fn new(no_color: bool) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let given = std::env::var("COLUMNS").ok();
        let given = given.and_then(|columns| columns.parse().ok());
        let here = terminal_size::terminal_size().filter(|_| is_terminal);
        let (width, height) = here.unzip();
        Self {
            stdout: io::BufWriter::new(io::stdout()),
            is_terminal,
            colours: is_terminal && !no_color,
            width: given.or(width.map(|width| usize::from(width.0))),
            height: height.map(|height| usize::from(height.0)),
        }
    }

    /// A line of plain text.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.styled(&[text.as_ref().into()])
    }

    /// A line of several texts.
    pub(crate) fn styled(&mut self, texts: &[Text]) -> Result<(), Failure> {
        for Text { text, style } in texts {
            match self.colours && *style != Style::Plain {
                true => write!(self.stdout, "{}{text}\u{1b}[0m", style.code())?,
                false => write!(self.stdout, "{text}")?,
            }
        }
        Ok(writeln!(self.stdout)?)
    }

    /// An object as the API sent it, in one line.
    pub(crate) fn json(&mut self, json: &Json) -> Result<(), Failure> {
        Ok(writeln!(self.stdout, "{}", clean::json(json.text()))?)
    }

    /// Sets the cursor back by so many lines, and clears what is below.
    pub(crate) fn back(&mut self, lines: usize) -> Result<(), Failure> {
        if lines > 0 {
            write!(self.stdout, "\u{1b}[{lines}F")?;
        }
        Ok(write!(self.stdout, "\u{1b}[J")?)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.stdout.flush()?)
    }
}
