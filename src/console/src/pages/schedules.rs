//! Schedules: what they enqueue, when, and when they last did.

use super::is_confirmed;
use crate::answer::Answer;
use crate::context::{Context, field};
use crate::curl::Curl;
use crate::failure::Failure;
use crate::json::{self, Json, Shown};
use crate::model::{Schedule, Schedules, Task};
use crate::page::{Page, html};
use crate::words;
use askama::Template;
use handoff_wire::{Duration, Time, encode};

/// So many next times are shown of an interval.
const NEXT: u64 = 3;
/// So many bytes of arguments are in a command.
const CURL_ARGS_MAX: usize = 2_000;
/// Later than this an occurrence counts as overdue.
const OVERDUE_MS: u64 = 60_000;

#[derive(Template)]
#[template(path = "schedules.html")]
struct SchedulesPage {
    page: Page,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "schedule.html")]
struct SchedulePage {
    page: Page,
    row: Row,
    args: Option<Shown>,
    once: String,
    /// The API hides a part of the arguments, so the task can't be enqueued here.
    has_hidden: bool,
    wrong: bool,
}

/// A schedule as it is shown.
struct Row {
    rule: String,
    next: Vec<String>,
    last: String,
    is_overdue: bool,
    schedule: Schedule,
}

impl Row {
    fn of(schedule: Schedule, now_ms: u64) -> Self {
        let time = |time: Time| {
            format!(
                "{} UTC ({})",
                words::clock(time),
                words::relative(time, now_ms)
            )
        };
        let every = schedule
            .every
            .as_deref()
            .and_then(|every| every.parse::<Duration>().ok());
        let next = schedule.next_run.into_iter().flat_map(|next| {
            // Only an interval's later times need no calendar.
            let count = every.map_or(1, |_| NEXT);
            let ms = every.map_or(0, |every| every.ms);
            (0..count).map(move |i| Time {
                ms: next.ms.saturating_add(i * ms),
            })
        });
        let last = schedule.last_run.as_ref().and_then(|last| last.at);
        Self {
            rule: rule(&schedule),
            next: next.map(time).collect(),
            last: last.map(time).unwrap_or_default(),
            is_overdue: schedule
                .next_run
                .is_some_and(|next| next.ms + OVERDUE_MS < now_ms),
            schedule,
        }
    }
}

/// When a schedule enqueues, in words.
fn rule(schedule: &Schedule) -> String {
    match (&schedule.every, &schedule.cron) {
        (Some(every), _) => format!("every {every}"),
        (None, Some(cron)) => {
            let zone = schedule.timezone.as_deref().unwrap_or("UTC");
            let words = words::cron(cron).unwrap_or_else(|| "by cron".to_owned());
            format!("{words} ({cron}), {zone}")
        }
        (None, None) => String::new(),
    }
}

pub(crate) async fn list(context: &Context) -> Result<Answer, Failure> {
    let all: Schedules = context.api.get("/v1/schedules").await?;
    let rows = all.schedules.into_iter();
    let page = SchedulesPage {
        page: Page::new(context, "Schedules").curl(Curl::new("This list", "GET", "/v1/schedules")),
        rows: rows
            .map(|schedule| Row::of(schedule, context.now_ms))
            .collect(),
    };
    html(200, &page)
}

async fn get(context: &Context, name: &str) -> Result<Schedule, Failure> {
    context
        .api
        .get(&format!("/v1/schedules/{}", encode(name)))
        .await
}

pub(crate) async fn show(context: &Context, name: &str) -> Result<Answer, Failure> {
    html(200, &page_of(context, get(context, name).await?, false))
}

fn page_of(context: &Context, schedule: Schedule, wrong: bool) -> SchedulePage {
    let path = format!("/v1/schedules/{}", encode(&schedule.name));
    let args = schedule.args.as_deref();
    let given = |args| {
        json::whole(args, &context.redact, CURL_ARGS_MAX).unwrap_or_else(|| "ARGS".to_owned())
    };
    let body = request(&schedule, args.map(given), "");
    let (label, what) = match schedule.paused {
        true => ("Resume", "resume"),
        false => ("Pause", "pause"),
    };
    SchedulePage {
        page: Page::new(context, format!("Schedule {}", schedule.name))
            .curl(Curl::new("This schedule", "GET", path.clone()))
            .of(schedule.paused)
            .curl(Curl::new("Run now", "POST", "/v1/tasks").body(body))
            .curl(Curl::new(label, "POST", format!("{path}/{what}")))
            .curl(Curl::new("Delete", "DELETE", path)),
        args: args.map(|args| Shown::of(args, &context.redact)),
        once: format!("console:{}:{}", schedule.name, context.now_ms),
        has_hidden: has_hidden(&schedule),
        row: Row::of(schedule, context.now_ms),
        wrong,
    }
}

/// Whether the API hides a part of the arguments.
fn has_hidden(schedule: &Schedule) -> bool {
    let args = schedule.args.as_ref();
    let args = args.and_then(|args| Json::read(args.get()).ok());
    args.is_some_and(|args| args.has_hidden())
}

/// Enqueues a schedule's task now. Its next occurrence comes all the same.
pub(crate) async fn run(
    context: &Context,
    name: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    let schedule = get(context, name).await?;
    if has_hidden(&schedule) {
        return Err(Failure::Form(
            "The API hides a part of the arguments, so the console can't enqueue them.".to_owned(),
        ));
    }
    let once = field(form, "once");
    let args = schedule.args.as_ref().map(|args| args.get().to_owned());
    let body = request(&schedule, args, once);
    let new: Task = context.api.post("/v1/tasks", &body).await?;
    Ok(Answer::to(format!(
        "/tasks/{}?done=enqueued",
        encode(&new.id)
    )))
}

/// The body of a request for a schedule's task, with arguments as JSON text.
fn request(schedule: &Schedule, args: Option<String>, once: &str) -> String {
    let quote = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let once = Some(once).filter(|once| (1..=255).contains(&once.len()));
    let text = |text: &Option<String>| text.as_deref().map(quote);
    let fields = [
        ("task", Some(quote(&schedule.task))),
        ("queue", Some(quote(&schedule.queue))),
        ("args", args),
        (
            "retry",
            schedule.retry.as_ref().map(|retry| retry.get().to_owned()),
        ),
        ("key", text(&schedule.key)),
        ("priority", text(&schedule.priority)),
        ("expires", text(&schedule.expires)),
        ("timeout", text(&schedule.timeout)),
        ("heartbeat_timeout", text(&schedule.heartbeat_timeout)),
        ("retention", text(&schedule.retention)),
        ("webhook", text(&schedule.webhook)),
        ("idempotency_key", once.map(quote)),
        ("idempotency_ttl", once.map(|_| quote("1h"))),
    ];
    let given = fields.into_iter();
    let given = given.filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)));
    format!("{{{}}}", given.collect::<Vec<_>>().join(","))
}

/// Pauses or resumes a schedule.
pub(crate) async fn pause(context: &Context, name: &str, what: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/schedules/{}/{what}", encode(name));
    context.api.change::<Schedule>("POST", &path).await?;
    let done = match what {
        "pause" => "paused-schedule",
        _ => "resumed-schedule",
    };
    Ok(Answer::to(format!(
        "/schedules/{}?done={done}",
        encode(name)
    )))
}

/// Deletes a schedule, once its name was typed.
pub(crate) async fn delete(
    context: &Context,
    name: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    if !is_confirmed(form) || field(form, "name").trim() != name {
        return html(200, &page_of(context, get(context, name).await?, true));
    }
    let path = format!("/v1/schedules/{}", encode(name));
    context.api.change::<Option<()>>("DELETE", &path).await?;
    Ok(Answer::to("/schedules?done=deleted".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_arguments_are_enqueued() {
        let context = Context {
            redact: "*token*".parse().unwrap_or_default(),
            ..Context::default()
        };
        let page = |args: &str| {
            let mut schedule = schedule();
            schedule.args = serde_json::from_str(args).expect(args);
            page_of(&context, schedule, false).render().expect("a page")
        };
        let hidden = page(r#"{"headers":{"cookie":"[redacted]"}}"#);
        assert!(hidden.contains("disabled") && hidden.contains("the API hides"));
        for (args, command) in [
            (r#"{"a":1}"#, "&#34;args&#34;:{&#34;a&#34;:1}"),
            (r#"{"token":1}"#, "&#34;args&#34;:ARGS"),
            (
                &format!("[{}1]", "1,".repeat(CURL_ARGS_MAX)),
                "&#34;args&#34;:ARGS",
            ),
        ] {
            let page = page(args);
            assert!(page.contains(command), "{command}: {page}");
            assert!(!page.contains("disabled"), "{args}");
        }
    }

    fn schedule() -> Schedule {
        serde_json::from_str(
            r#"{"name":"poll","every":"10m","next_run":"1970-01-01T00:10:00.000Z","last_run":{"at":"1970-01-01T00:00:00.000Z","task_id":"default-1"},
               "task":"http.request","args":{"url":"http://a/","headers":{"x-token":"[redacted]"}},"queue":"default","retry":{"attempts":2},"overlap":"skip","missed":"latest"}"#,
        )
        .expect("a schedule")
    }

    #[test]
    fn a_schedule_is_shown_in_words() {
        let schedule = schedule();
        assert!(request(&schedule, None, "").contains(r#""retry":{"attempts":2}"#));
        let row = Row::of(schedule, 601_000);
        assert_eq!(row.rule, "every 10m");
        assert_eq!(row.next[1], "1970-01-01 00:20:00 UTC (in 9 min 59 s)");
        assert!(!row.is_overdue);
        let page = SchedulesPage {
            page: Page::default(),
            rows: vec![row],
        };
        let page = page.render().expect("a page");
        assert!(page.contains("href=\"/tasks/default-1\""), "{page}");
    }
}
