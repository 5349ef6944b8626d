//! The application's variables. On Spin each costs as much as a store call, so a request reads only
//! those that it needs, and each once.

use crate::host::settings::{self, HOW_TO_GIVE};
use crate::http::problem::Problem;
use crate::lifetime;
use handoff_queue::{KeyLimits, Limits, Rate};
use handoff_wire::{
    Collector, Duration, FieldError, Handler, Handlers, Log, QueueLimits, WebhookSecrets, quoted,
    repeated,
};
use std::cell::RefCell;
use std::fmt::Display;
use std::str::FromStr;

/// The largest number of a variable: more than any limit here can mean.
const NUMBER_MAX: u64 = 1_000_000_000;

/// The least that a limit of bytes from outside may be. A body within it is within every limit, so
/// no variable is read for it.
pub const BYTES_MIN: u64 = 256;

/// The queue of tasks that name none. Every deployment has it.
pub const DEFAULT_QUEUE: &str = "default";

/// What a variable is that the deployment does not give this component. Who may call has no default:
/// a name that is misspelt must not open the API.
const DEFAULTS: [(&str, &str); 20] = [
    ("store", "key-value"),
    ("handlers", ""),
    ("worker_budget", "25s"),
    ("queues", ""),
    ("queue_limits", ""),
    ("workers_max", "16"),
    ("events_max", "25s"),
    ("body_max_bytes", "1048576"),
    ("args_max_bytes", "262144"),
    ("result_max_bytes", "262144"),
    ("webhook_secrets", ""),
    ("cors_origins", ""),
    ("allowed_hosts", ""),
    ("log", "errors"),
    ("otlp_endpoint", ""),
    ("otlp_headers", ""),
    ("otlp_service", "handoff"),
    ("console_api", "http://handoff.spin.internal"),
    (
        "redact",
        "*password*,*passwd*,*secret*,*token*,*credential*,*signature*,*cookie*,*authorization*,*api_key*,*api-key*,*apikey*,proxy-*,x-auth*",
    ),
    ("fault_tasks", "false"),
];

/// What both the API and the worker read, and must be the same. The last is in the environment.
const SHARED: [&str; 5] = [
    "store",
    "handlers",
    "queues",
    "queue_limits",
    lifetime::VARIABLE,
];

/// The texts of the variables that the API and the worker share, in order.
///
/// # Errors
/// If the host can't read one.
pub(crate) fn shared() -> Result<Vec<String>, Problem> {
    let read = |name: &&str| match *name {
        lifetime::VARIABLE => Ok(lifetime().to_string()),
        name => text(name),
    };
    SHARED.iter().map(read).collect()
}

/// The names of the shared variables that differ from those of another component.
///
/// # Errors
/// If the host can't read one.
pub(crate) fn differing(theirs: &[String]) -> Result<Vec<&'static str>, Problem> {
    let own = shared()?;
    let both = SHARED.iter().zip(own.iter().zip(theirs));
    Ok(both
        .filter(|(_, (own, theirs))| own.trim() != theirs.trim())
        .map(|(name, _)| *name)
        .collect())
}

thread_local! {
    /// The variables that this instance has read.
    static KNOWN: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// The queues of this deployment, `default` first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queues(Vec<String>);

impl Queues {
    /// Whether a queue has this name.
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
        for name in handoff_wire::items(text) {
            handoff_queue::check_name(name).map_err(|e| e.to_string())?;
            queues.push(name.to_owned());
        }
        if let Some((first, _)) = repeated(&queues) {
            return Err(format!("{:?} is there twice", queues[first]));
        }
        queues.retain(|name| name != DEFAULT_QUEUE);
        queues.insert(0, DEFAULT_QUEUE.to_owned());
        Ok(Self(queues))
    }
}

/// The queues of this deployment.
///
/// # Errors
/// If the variable `queues` is no list of names.
pub fn queues() -> Result<Queues, Problem> {
    read("queues", "names of queues such as \"emails reports\"")
}

/// Whether this deployment has a queue of this name.
///
/// # Errors
/// If that depends on the variable `queues`, as for [`queues`].
pub fn has_queue(name: &str) -> Result<bool, Problem> {
    Ok(name == DEFAULT_QUEUE || queues()?.has(name))
}

/// Reads the limits of all queues.
///
/// # Errors
/// If the variable `queue_limits` can't be read, or names a queue that does not exist
/// here.
pub fn queue_limits() -> Result<QueueLimits, Problem> {
    let expected = r#"JSON such as {"emails": {"concurrency": 4, "rate": "10/s", "per_key": {"concurrency": 1}}}, or nothing"#;
    let limits: QueueLimits = read("queue_limits", expected)?;
    if limits.names().next().is_none() {
        return Ok(limits);
    }
    let queues = queues()?;
    if let Some(name) = limits.names().find(|name| !queues.has(name)) {
        return Err(Problem::misconfigured(format!(
            "the variable \"queue_limits\" names the queue {name:?}, but this deployment has {} (variable `queues`)",
            queues.names().join(", ")
        )));
    }
    Ok(limits)
}

/// Reads the limits of one queue.
///
/// # Errors
/// As for [`queue_limits`].
pub fn limits_of(queue: &str) -> Result<Limits, Problem> {
    let limits = queue_limits()?.of(queue);
    let rate = |rate: handoff_wire::Rate| Rate {
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
    let read = text.trim().parse();
    read.map_err(|e| not(name, &text, &format!("{expected}: {e}")))
}

fn not(name: &str, text: &str, expected: &str) -> Problem {
    let text = quoted(text);
    Problem::misconfigured(format!(
        "the variable {name:?} is {text}, but must be {expected}"
    ))
}

/// Reads a variable as text.
///
/// # Errors
/// If the host can't read it.
pub fn text(name: &str) -> Result<String, Problem> {
    let known = |known: &[(String, String)]| {
        let mut known = known.iter();
        known.find_map(|(other, text)| (other == name).then(|| text.clone()))
    };
    if let Some(text) = KNOWN.with_borrow(|all| known(all)) {
        return Ok(text);
    }
    let default = || DEFAULTS.iter().find(|(other, _)| *other == name);
    let text = settings::variable(name)?;
    let text = text.or_else(|| default().map(|(_, text)| (*text).to_owned()));
    let text = text.ok_or_else(|| {
        Problem::misconfigured(format!(
            "the manifest does not give this component the variable {name:?}"
        ))
    })?;
    KNOWN.with_borrow_mut(|all| all.push((name.to_owned(), text.clone())));
    Ok(text)
}

/// Reads a variable as a number from 1.
///
/// # Errors
/// If the variable is no such number.
pub fn number(name: &str) -> Result<u64, Problem> {
    number_from(1, name)
}

/// Reads a limit of bytes that come from outside, from [`BYTES_MIN`].
///
/// # Errors
/// If the variable is no such number.
pub fn bytes(name: &str) -> Result<u64, Problem> {
    number_from(BYTES_MIN, name)
}

fn number_from(least: u64, name: &str) -> Result<u64, Problem> {
    let text = text(name)?;
    let number = whole_number(&text).filter(|number| *number >= least);
    let expected = || format!("a whole number from {least} to {NUMBER_MAX}");
    number.ok_or_else(|| not(name, &text, &expected()))
}

/// A whole number from 1 to [`NUMBER_MAX`].
fn whole_number(text: &str) -> Option<u64> {
    let digits = text.trim();
    let are_digits = digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| are_digits);
    number.filter(|number| (1..=NUMBER_MAX).contains(number))
}

/// Reads a variable as a duration above zero, in milliseconds.
///
/// # Errors
/// If the variable is no such duration.
pub fn duration_ms(name: &str) -> Result<u64, Problem> {
    let expected = "a duration such as \"25s\"";
    match read::<Duration>(name, expected)?.ms {
        0 => Err(not(
            name,
            &text(name)?,
            &format!("{expected}, longer than 0s"),
        )),
        ms => Ok(ms),
    }
}

/// What a worker prints.
///
/// # Errors
/// If the variable `log` is something else.
pub fn log() -> Result<Log, Problem> {
    read("log", "off, errors or tasks, with json behind it for JSON")
}

/// Where a worker sends spans, if anywhere.
///
/// # Errors
/// If the variable `otlp_endpoint`, `otlp_headers` or `otlp_service` can't be used.
pub fn collector() -> Result<Option<Collector>, Problem> {
    let endpoint = text("otlp_endpoint")?;
    if endpoint.trim().is_empty() {
        return Ok(None);
    }
    let (headers, service) = (text("otlp_headers")?, text("otlp_service")?);
    Collector::read(&endpoint, &headers, &service).map_err(|e| {
        Problem::misconfigured(format!(
            "the variables \"otlp_endpoint\", \"otlp_headers\" and \"otlp_service\" can't be used: they must be a URL such as \"http://127.0.0.1:4318\", name=value,name=value, and a name: {e}"
        ))
    })
}

/// Reads the secrets that sign webhooks.
///
/// # Errors
/// If the variable `webhook_secrets` can't be read. The error does not repeat it.
pub fn webhook_secrets() -> Result<WebhookSecrets, Problem> {
    text("webhook_secrets")?.parse().map_err(|e| {
        Problem::misconfigured(format!(
            "the variable \"webhook_secrets\" can't be used: {e}"
        ))
    })
}

/// The handlers of this deployment.
///
/// # Errors
/// If the variable `handlers` can't be read, or if one is to be signed and there are
/// no secrets.
pub fn handlers() -> Result<Handlers, Problem> {
    // Not shown: a URL may hold a secret.
    let handlers: Handlers = text("handlers")?.parse().map_err(|e: FieldError| {
        Problem::misconfigured(format!(
            r#"the variable "handlers" must be JSON such as {{"mail.*": {{"url": "http://mail.spin.internal/run"}}}}, or nothing: {e}"#
        ))
    })?;
    let signed = |(_, handler): &(&str, &Handler)| handler.secret == Some(true);
    if let Some((kind, _)) = handlers.all().find(signed)
        && webhook_secrets()?.is_empty()
    {
        return Err(Problem::misconfigured(format!(
            "the variable \"handlers\" has calls for {kind:?} signed, but the variable \"webhook_secrets\" has none to sign with"
        )));
    }
    Ok(handlers)
}

/// The same for a registry of tasks, which knows no problems.
///
/// # Errors
/// The reason of [`handlers`], as a text.
pub fn handlers_or_reason() -> Result<Handlers, String> {
    handlers().map_err(|problem| problem.detail)
}

/// Reads a variable of the application's own.
///
/// # Errors
/// If the component is not given it, or the host can't read it.
pub fn of_application(name: &str) -> Result<String, Problem> {
    settings::variable(name)?.ok_or_else(|| {
        Problem::misconfigured(format!(
            "this component is not given a variable {name:?}: {HOW_TO_GIVE}"
        ))
    })
}

/// Reads a switch, `true` or `false`.
///
/// # Errors
/// If the variable is neither.
pub fn switch(name: &str) -> Result<bool, Problem> {
    let text = text(name)?;
    let switch = text.trim().parse();
    switch.map_err(|_| not(name, &text, "true or false"))
}

#[cfg(test)]
mod tests;
