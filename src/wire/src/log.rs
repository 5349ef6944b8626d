//! What a worker prints for the operator: the variable `log`.

use std::str::FromStr;

/// Which runs a worker prints, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Failed attempts, and tasks that failed for good.
    pub errors: bool,
    /// Each begin and each end of an attempt.
    pub tasks: bool,
    /// A JSON object a line, instead of text.
    pub json: bool,
}

impl Log {
    /// Errors, as text.
    pub const ERRORS: Self = Self {
        errors: true,
        tasks: false,
        json: false,
    };
}

impl FromStr for Log {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (errors, tasks) = match words.next() {
            Some("off") => (false, false),
            Some("errors") => (true, false),
            Some("tasks") => (true, true),
            _ => return Err("the first word says what is printed".to_owned()),
        };
        let json = match words.next() {
            None => false,
            Some("json") => true,
            Some(_) => return Err("the second word may be json".to_owned()),
        };
        match words.next() {
            None => Ok(Self {
                errors,
                tasks,
                json,
            }),
            Some(_) => Err("there are too many words".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_two_words() {
        let read = |text: &str| text.parse::<Log>();
        let log = |errors, tasks, json| {
            Ok(Log {
                errors,
                tasks,
                json,
            })
        };
        assert_eq!(read("off"), log(false, false, false));
        assert_eq!(read(" errors\n"), log(true, false, false));
        assert_eq!(read("tasks json"), log(true, true, true));
        for text in ["", "all", "json", "tasks text", "tasks json json"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
