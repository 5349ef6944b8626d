//! Which tasks a call for many is about: parameters of its query.

use super::no_parameter;
use handoff_platform::clock;
use handoff_platform::http::{Problem, Request, Response, access};
use handoff_queue::{Failure, State, Task, TaskId};
use handoff_wire::{
    ErrorPattern, FieldError, JsonObject, Time, When, encode, not_one_of, object, quoted,
};

/// The largest size of a page, and its default.
const PAGE_MAX: u64 = 100;
const PAGE_DEFAULT: u64 = 20;
/// The longest text that is searched for, in characters.
const TEXT_MAX: usize = 200;

/// The longest pattern of an error, in characters. One that the console makes has 202 at most.
const ERROR_MAX: usize = 300;

/// The parameters that a task must fit.
pub(crate) const OPEN: [&str; 4] = ["task", "key", "schedule", "text"];
/// Those of failed tasks.
pub(crate) const FAILED: [&str; 6] = ["task", "key", "schedule", "text", "error", "since"];

/// The states that a list can have.
const STATES: [State; 8] = [
    State::Scheduled,
    State::Queued,
    State::Running,
    State::Retrying,
    State::Succeeded,
    State::Failed,
    State::Cancelled,
    State::Expired,
];

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub state: Option<State>,
    limit: Option<u64>,
    /// Where an earlier answer ended.
    pub from: Option<String>,
    pub dry_run: bool,
    task: Option<String>,
    key: Option<String>,
    schedule: Option<String>,
    /// In lower case.
    text: Option<String>,
    error: Option<ErrorPattern>,
    /// It failed then or later, in milliseconds since 1970.
    since_ms: Option<u64>,
    /// All of them but `from`, for the next page.
    same: String,
}

/// Whether a request changes nothing, as [`Asked::of`] reads it.
pub(crate) fn is_dry_run(request: &Request) -> bool {
    let query = request.query().unwrap_or_default();
    let mut dry_run = query.iter().filter(|(name, _)| name == "dry_run");
    dry_run
        .next()
        .is_some_and(|(name, value)| matches!(switch(name, value), Ok(true)))
}

impl Asked {
    /// Reads the parameters. Besides those of the `filter` only those in `more` are known.
    ///
    /// # Errors
    /// 400 that names a wrong parameter. 403 if the caller may not read, and filters.
    pub(crate) fn of(request: &Request, filter: &[&str], more: &[&str]) -> Result<Self, Problem> {
        let known = [filter, more].concat();
        let mut asked = Self::default();
        for (name, mut value) in request.query()? {
            if !known.contains(&name.as_str()) {
                return Err(no_parameter(&name, &known).into());
            }
            // A caller without the scope `read` could find out arguments by what fits.
            if !more.contains(&name.as_str()) && !request.caller().reads {
                return Err(access::needs_read(&name));
            }
            match name.as_str() {
                "limit" => asked.limit = Some(number(&name, &value, 1, PAGE_MAX)?),
                "state" => asked.state = Some(state(&value)?),
                "dry_run" => asked.dry_run = switch(&name, &value)?,
                "task" => asked.task = Some(value.clone()),
                "key" => asked.key = Some(value.clone()),
                "schedule" => asked.schedule = Some(value.clone()),
                "text" => asked.text = Some(text(&name, &value, TEXT_MAX)?.to_lowercase()),
                "error" => {
                    let pattern = text(&name, &value, ERROR_MAX)?;
                    asked.error = Some(ErrorPattern::new(pattern));
                }
                "since" => {
                    let since = since(&value, clock::now_ms())?;
                    asked.since_ms = Some(since.ms);
                    // Later pages are since the same time.
                    value = since.to_string();
                }
                _ => {
                    asked.from = Some(value);
                    continue;
                }
            }
            asked.same += &format!("{name}={}&", encode(&value));
        }
        // Only failed tasks have these.
        if asked.error.is_some() || asked.since_ms.is_some() {
            let state = *asked.state.get_or_insert(State::Failed);
            if state != State::Failed {
                let reason =
                    format!("{state} tasks have neither error nor since: failed ones have");
                return Err(FieldError::new("state", reason).into());
            }
        }
        Ok(asked)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_DEFAULT) as usize
    }

    /// Reads `from` as one number.
    pub(crate) fn number(&self) -> Result<Option<u64>, FieldError> {
        let from = self.from.as_ref();
        from.map(|from| number("from", from, 0, 1 << 53))
            .transpose()
    }

    /// Reads `from` as places in the lanes of a queue.
    pub(crate) fn places(&self) -> Result<Option<Vec<u64>>, FieldError> {
        let Some(from) = &self.from else {
            return Ok(None);
        };
        let places = from.split('-').map(|place| u64::from_str_radix(place, 16));
        let places = places.collect::<Result<Vec<_>, _>>();
        let places = places.ok().filter(|p| p.iter().all(|slot| *slot < 1 << 53));
        let reason = || {
            let from = quoted(from);
            FieldError::new("from", format!("{from} is not from a `next`"))
        };
        places.map(Some).ok_or_else(reason)
    }

    /// The tasks that the request is about.
    pub(crate) fn filter(&self) -> impl Fn(&TaskId, &Task, Option<Failure<'_>>) -> bool {
        |id, task, failure| self.fits(id, task, failure)
    }

    /// Whether a task is one of those that the request is about. Redacted secrets are not searched: a
    /// reader could find them letter by letter.
    fn fits(&self, id: &TaskId, task: &Task, failure: Option<Failure<'_>>) -> bool {
        let is = |asked: &Option<String>, value: Option<&str>| {
            asked.as_deref().is_none_or(|asked| value == Some(asked))
        };
        let schedule = task.occurrence.as_ref();
        let error = failure.map(|failure| failure.error);
        let (pattern, since_ms) = (self.error.as_ref(), self.since_ms);
        is(&self.task, Some(&task.kind))
            && is(&self.key, task.key.as_deref())
            && is(&self.schedule, schedule.map(|o| o.schedule.as_str()))
            && pattern.is_none_or(|pattern| error.is_some_and(|error| pattern.fits(error)))
            && since_ms.is_none_or(|ms| failure.is_some_and(|failure| failure.at_ms >= ms))
            && self.text.as_ref().is_none_or(|text| {
                let has = |part: &str| part.to_lowercase().contains(text);
                has(&id.to_string())
                    || has(&task.kind)
                    || task.key.as_deref().is_some_and(has)
                    || error.is_some_and(has)
                    || has(object::shown_args(task).as_str())
            })
    }

    /// The path of the same request, from another place on.
    pub(crate) fn next(&self, request: &Request, from: &str) -> String {
        let (base, path, same) = (request.base(), request.path(), &self.same);
        format!("{base}{path}?{same}from={from}")
    }
}

/// The answer to a call for many tasks: how many it did, and where to go on.
pub(crate) fn swept(
    request: &Request,
    asked: &Asked,
    (done, count): (&'static str, u64),
    next: Option<String>,
) -> Response {
    let next = next.map(|from| asked.next(request, &from));
    let body = JsonObject::default()
        .with(done, count)
        .with("more", next.is_some())
        .with("next", next);
    Response::json(200, &body)
}

/// Places as a parameter.
pub(crate) fn shown(places: &[u64]) -> String {
    let places: Vec<_> = places.iter().map(|place| format!("{place:x}")).collect();
    places.join("-")
}

pub(super) fn number(name: &str, value: &str, min: u64, max: u64) -> Result<u64, FieldError> {
    let number = value.parse().ok().filter(|n| (min..=max).contains(n));
    number.ok_or_else(|| {
        let reason = format!(
            "it must be a whole number from {min} to {max}, not {}",
            quoted(value)
        );
        FieldError::new(name, reason)
    })
}

fn switch(name: &str, value: &str) -> Result<bool, FieldError> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            let reason = format!("it must be true or false, not {}", quoted(value));
            Err(FieldError::new(name, reason))
        }
    }
}

fn state(value: &str) -> Result<State, FieldError> {
    let state = STATES.into_iter().find(|state| state.to_string() == value);
    state.ok_or_else(|| {
        let names = STATES.map(|state| state.to_string());
        let reason = not_one_of(value, names.iter().map(String::as_str));
        FieldError::new("state", reason)
    })
}

fn text<'a>(name: &str, value: &'a str, max: usize) -> Result<&'a str, FieldError> {
    match value.chars().count() {
        count if (1..=max).contains(&count) => Ok(value),
        count => {
            let reason = format!("it must have 1 to {max} characters, not {count}");
            Err(FieldError::new(name, reason))
        }
    }
}

/// A time, or one that is so long ago.
fn since(value: &str, now_ms: u64) -> Result<Time, FieldError> {
    let when = value.parse::<When>();
    let when = when.map_err(|reason| FieldError::new("since", reason))?;
    Ok(match when {
        When::In(ago) => Time {
            ms: now_ms.saturating_sub(ago.ms),
        },
        When::At(time) => time,
    })
}
