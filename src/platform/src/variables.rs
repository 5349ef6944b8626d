//! The application's variables.

use crate::host;
use crate::http::Problem;
use handoff_input::{Duration, QueueLimits, WebhookSecrets, repeated};
use handoff_queue::{KeyLimits, Limits, Rate};
use std::fmt::Display;
use std::str::FromStr;

/// The queues of this deployment, the default one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queues(Vec<String>);

impl Queues {
    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// Their names; there is at least one.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Queues {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut queues = Vec::new();
        for name in handoff_input::items(text) {
            handoff_queue::check_name(name).map_err(|e| e.to_string())?;
            queues.push(name.to_owned());
        }
        if let Some(name) = repeated(&queues) {
            return Err(format!("{name:?} is there twice"));
        }
        if queues.is_empty() {
            return Err("there is none".to_owned());
        }
        Ok(Self(queues))
    }
}

/// The queues of this deployment.
///
/// # Errors
/// If the variable `queues` is not set or is no list of names.
pub fn queues() -> Result<Queues, Problem> {
    read("queues", "names of queues such as \"default emails\"")
}

/// The limits of the queues as this deployment writes them.
///
/// # Errors
/// If the variable `queue_limits` is not set, can't be read, or names what is no queue here.
pub fn queue_limits() -> Result<QueueLimits, Problem> {
    let expected = r#"JSON such as {"emails": {"concurrency": 4, "rate": "10/s", "per_key": {"concurrency": 1}}}, or nothing"#;
    let limits: QueueLimits = read("queue_limits", expected)?;
    let queues = queues()?;
    if let Some(name) = limits.names().find(|name| !queues.has(name)) {
        return Err(Problem::misconfigured(format!(
            "the variable \"queue_limits\" names the queue {name:?}, but this deployment has {} (variable `queues`)",
            queues.names().join(", ")
        )));
    }
    Ok(limits)
}

/// What limits the queue of this name.
///
/// # Errors
/// As for [`queue_limits`].
pub fn limits_of(queue: &str) -> Result<Limits, Problem> {
    let limits = queue_limits()?.of(queue);
    let rate = |rate: handoff_input::Rate| Rate {
        count: rate.count,
        period_s: rate.period_s,
    };
    Ok(Limits {
        concurrency: limits.concurrency,
        rate: limits.rate.map(rate),
        per_key: KeyLimits {
            concurrency: limits.per_key.0.concurrency,
            rate: limits.per_key.0.rate.map(rate),
        },
    })
}

fn read<T: FromStr<Err: Display>>(name: &str, expected: &str) -> Result<T, Problem> {
    let text = text(name)?;
    let wrong = |e| {
        Problem::misconfigured(format!(
            "the variable {name:?} is {text:?}, but must be {expected}: {e}"
        ))
    };
    text.trim().parse().map_err(wrong)
}

/// Any text.
///
/// # Errors
/// If the variable is not set.
pub fn text(name: &str) -> Result<String, Problem> {
    host::variable(name)
}

/// A number.
///
/// # Errors
/// If the variable is not set or not a number.
pub fn number(name: &str) -> Result<u64, Problem> {
    read(name, "a whole number")
}

/// A duration, in milliseconds.
///
/// # Errors
/// If the variable is not set or not a duration.
pub fn duration_ms(name: &str) -> Result<u64, Problem> {
    Ok(read::<Duration>(name, "a duration such as \"25s\"")?.ms)
}

/// What webhooks are signed with.
///
/// # Errors
/// If the variable `webhook_secrets` is not set or has something else. The error does not repeat it.
pub fn webhook_secrets() -> Result<WebhookSecrets, Problem> {
    text("webhook_secrets")?.parse().map_err(|e| {
        Problem::misconfigured(format!(
            "the variable \"webhook_secrets\" can't be used: {e}"
        ))
    })
}

/// A switch, `true` or `false`.
///
/// # Errors
/// If the variable is not set or neither.
pub fn switch(name: &str) -> Result<bool, Problem> {
    read(name, "true or false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_once() {
        let queues = |text: &str| text.parse::<Queues>().map(|queues| queues.0);
        let two = Ok(vec!["default".to_owned(), "emails".to_owned()]);
        assert_eq!(queues("default emails"), two);
        assert_eq!(queues("default,\n emails,"), two);
        for twice in [
            "emails emails",
            "default emails,default emails",
            "a,emails b emails",
        ] {
            let error = queues(twice).expect_err(twice);
            let name = if twice.starts_with('d') {
                "default"
            } else {
                "emails"
            };
            assert_eq!(error, format!("{name:?} is there twice"), "{twice}");
        }
        assert_eq!(queues(" , "), Err("there is none".to_owned()));
        assert!(queues("Default").is_err());
    }
}
