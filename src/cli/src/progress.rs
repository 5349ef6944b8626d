//! Shows how far a change of many tasks has come, where somebody looks.

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;

pub(crate) struct Progress {
    /// The participle, such as `retried`.
    done: &'static str,
    /// How many there are, if they were counted.
    of: String,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(done: &'static str, total: Option<u64>) -> Self {
        Self {
            done,
            of: total
                .map(|total| format!(" of {total}"))
                .unwrap_or_default(),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Shows the number so far, in place of the one before.
    pub(crate) fn show(&self, count: u64) -> Result<(), Failure> {
        if !self.is_terminal {
            return Ok(());
        }
        write!(io::stderr(), "\r\u{1b}[K{} {count}{}…", self.done, self.of)?;
        Ok(io::stderr().flush()?)
    }

    /// Clears the line for what is printed next.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        if !self.is_terminal {
            return Ok(());
        }
        write!(io::stderr(), "\r\u{1b}[K")?;
        Ok(io::stderr().flush()?)
    }
}
