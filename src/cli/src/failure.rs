//! Why a command did not do what it was asked for, and its exit status.

use std::io::{self, Write};
use std::process::ExitCode;

use handoff_client::{ErrorKind, HandoffError};

use crate::clean;

/// A failure. Each has an exit status, which docs/guide/command-line.md lists.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody reads the output any more. It is no failure.
    Closed,
    /// Handoff refused, or the task did not succeed: 1.
    Refused(String),
    /// The same, and everything is said already: 1.
    Said,
    /// The command can't be used so: 2.
    Usage(String),
    /// There was no answer, or one that says to come back later: 3.
    Unavailable(String),
    /// The same, and everything is said already: 3.
    SaidUnavailable,
    /// It is not final in time: 4.
    Timeout(String),
}

impl Failure {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Closed => 0,
            Self::Refused(_) | Self::Said => 1,
            Self::Usage(_) => 2,
            Self::Unavailable(_) | Self::SaidUnavailable => 3,
            Self::Timeout(_) => 4,
        })
    }

    /// The same, about one of several tasks.
    pub(crate) fn about(self, id: &str) -> Self {
        let about = |what: String| format!("{id}: {what}");
        match self {
            Self::Refused(what) => Self::Refused(about(what)),
            Self::Usage(what) => Self::Usage(about(what)),
            Self::Unavailable(what) => Self::Unavailable(about(what)),
            Self::Timeout(what) => Self::Timeout(about(what)),
            said => said,
        }
    }

    /// Says it on standard error.
    pub(crate) fn print(&self) {
        let (Self::Refused(what)
        | Self::Usage(what)
        | Self::Unavailable(what)
        | Self::Timeout(what)) = self
        else {
            return;
        };
        // Nobody reads it: no reason to panic.
        _ = writeln!(io::stderr(), "handoff: {}", clean::line(what));
    }
}

impl From<HandoffError> for Failure {
    fn from(error: HandoffError) -> Self {
        let what = error.to_string();
        let hint = match error.kind() {
            ErrorKind::Unauthorized => "; set HANDOFF_TOKEN, or name a file with --token-file",
            ErrorKind::Unavailable if error.status().is_none() => {
                "; is the URL right (--url or HANDOFF_URL)?"
            }
            _ => "",
        };
        // A sentence of the problem ends before the hint.
        let what = match hint.is_empty() {
            true => what,
            false => format!("{}{hint}", what.trim_end_matches('.')),
        };
        match error.kind() {
            ErrorKind::Unavailable => Self::Unavailable(what),
            // The instance that was to answer ended: it may have happened.
            ErrorKind::Other if error.status() == Some(500) => Self::Unavailable(what),
            ErrorKind::Timeout => Self::Timeout(what),
            // Without a status no request was made.
            ErrorKind::InvalidRequest if error.status().is_none() => Self::Usage(what),
            _ => Self::Refused(what),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Refused(format!("the output can't be written: {error}")),
        }
    }
}
