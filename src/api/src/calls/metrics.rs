//! `GET /metrics`, and `GET /v1/queues/{queue}/history`.

use super::queues::known;
use super::{After, Answer};
use crate::HostQueue;
use crate::exposition::{Exposition, Family, Format, Sample};
use handoff_platform::http::{Problem, Request, Response};
use handoff_platform::variables;
use handoff_queue::{Durations, Period, Statistics, TaskCounts};
use handoff_wire::{JsonObject, Time, accepts_openmetrics};
use std::collections::BTreeMap;

/// What is read of one queue.
struct QueueMetrics {
    name: String,
    statistics: Statistics,
}

/// `GET /metrics`: the metrics of all queues and schedules, as Prometheus reads them.
pub(crate) async fn metrics(queue: &HostQueue, request: &Request) -> Result<Answer, Problem> {
    super::no_parameters(request)?;
    let accepts = request.header_values("accept");
    let format = match accepts_openmetrics(accepts.iter().map(String::as_str)) {
        true => Format::OpenMetrics,
        false => Format::Prometheus,
    };
    let mut queues = Vec::new();
    for name in variables::queues()?.names() {
        let queue = queue.named(name)?;
        queues.push(QueueMetrics {
            name: name.clone(),
            statistics: queue.statistics().await?,
        });
    }
    let mut exposition = Exposition::new(format);
    counters(&mut exposition, &queues);
    histograms(&mut exposition, &queues);
    gauges(&mut exposition, &queues);
    schedules(&mut exposition, queue, &queues).await?;
    let build = Sample::of(1).with("version", env!("CARGO_PKG_VERSION"));
    exposition.put(
        Family::Info,
        "handoff_build",
        "The version that answers.",
        [build],
    );
    let response = Response::of(200, format.content_type(), exposition.finish());
    Ok(Answer {
        response: response.varies("Accept"),
        // A scrape is as good as a cron tick, and the next one finds newer counts.
        after: After::PushAll,
    })
}

/// A family: its name, its help, and how it is read.
type Described<Read> = (&'static str, &'static str, Read);
type DurationsOf = fn(&TaskCounts) -> &Durations;
type SampleOf = fn(&QueueMetrics) -> Sample;

/// Samples of a number of each kind of task.
fn by_task(queues: &[QueueMetrics], of: fn(&TaskCounts) -> u64) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (queue, kind, counts) in tasks(queues) {
        samples.push(
            Sample::of(of(counts))
                .with("queue", queue)
                .with("task", kind),
        );
    }
    samples
}

/// Each kind of task: (queue, kind, counts).
fn tasks(queues: &[QueueMetrics]) -> impl Iterator<Item = (&str, &str, &TaskCounts)> {
    queues.iter().flat_map(|queue| {
        let kinds = queue.statistics.metrics.kinds.iter();
        kinds.map(|(kind, counts)| (queue.name.as_str(), kind.as_str(), counts))
    })
}

fn counters(exposition: &mut Exposition, queues: &[QueueMetrics]) {
    exposition.put(
        Family::Counter,
        "handoff_tasks_enqueued",
        "Tasks enqueued, once their turn came. Those that wait are in handoff_queue_waiting.",
        by_task(queues, |counts| counts.enqueued),
    );
    let mut ended = Vec::new();
    for (queue, kind, counts) in tasks(queues) {
        for (state, count) in counts.ended.by_state() {
            let sample = Sample::of(count).with("queue", queue).with("task", kind);
            ended.push(sample.with("state", state));
        }
    }
    exposition.put(
        Family::Counter,
        "handoff_tasks_ended",
        "Tasks that reached a final state.",
        ended,
    );
    exposition.put(
        Family::Counter,
        "handoff_attempts_failed",
        "Attempts that returned an error, panicked or overran their timeout.",
        by_task(queues, |counts| counts.attempts_failed),
    );
    exposition.put(
        Family::Counter,
        "handoff_runs_lost",
        "Runs that were lost, of tasks that ended: the worker died, or the task computed without a pause.",
        by_task(queues, |counts| counts.runs_lost),
    );
}

fn histograms(exposition: &mut Exposition, queues: &[QueueMetrics]) {
    let table: [Described<DurationsOf>; 3] = [
        (
            "handoff_task_wait_seconds",
            "From when a task could begin to the start of its first attempt.",
            |counts| &counts.wait,
        ),
        (
            "handoff_task_run_seconds",
            "The lengths of the last attempts.",
            |counts| &counts.run,
        ),
        (
            "handoff_task_latency_seconds",
            "From when a task could begin to its end.",
            |counts| &counts.latency,
        ),
    ];
    for (name, help, of) in table {
        let mut samples = Vec::new();
        for (queue, kind, counts) in tasks(queues) {
            let durations = of(counts);
            let labelled = |sample: Sample| sample.with("queue", queue).with("task", kind);
            for (bound_ms, count) in durations.cumulative() {
                let sample = labelled(Sample::of(count).named("_bucket"));
                samples.push(sample.with("le", &seconds(bound_ms)));
            }
            let all = durations.total();
            samples.push(labelled(Sample::of(all).named("_bucket")).with("le", "+Inf"));
            samples.push(labelled(Sample::seconds(durations.sum_ms()).named("_sum")));
            samples.push(labelled(Sample::of(all).named("_count")));
        }
        exposition.put(Family::Histogram, name, help, samples);
    }
}

fn gauges(exposition: &mut Exposition, queues: &[QueueMetrics]) {
    let table: [Described<SampleOf>; 7] = [
        (
            "handoff_queue_waiting",
            "Tasks and retries that wait for a worker.",
            |queue| Sample::of(queue.statistics.depth.waiting),
        ),
        (
            "handoff_queue_oldest_waiting_seconds",
            "How long the longest of these has been waiting.",
            |queue| Sample::seconds(queue.statistics.oldest_waiting_ms.unwrap_or(0)),
        ),
        (
            "handoff_queue_running",
            "Tasks that run; of many an estimate.",
            |queue| Sample::of(queue.statistics.running),
        ),
        (
            "handoff_queue_workers",
            "Registered workers, computing ones included.",
            |queue| Sample::of(queue.statistics.depth.workers + queue.statistics.depth.computing),
        ),
        (
            "handoff_queue_paused",
            "Whether the queue is paused.",
            |queue| Sample::of(queue.statistics.depth.paused.into()),
        ),
        (
            "handoff_queue_failed",
            "Tasks in the list of failed ones; of its last 1000 entries.",
            |queue| Sample::of(queue.statistics.failed),
        ),
        (
            "handoff_keeper_lag_seconds",
            "How late the keeper is with the next due entry or ticket.",
            |queue| Sample::seconds(queue.statistics.keeper_lag_ms),
        ),
    ];
    for (name, help, of) in table {
        let samples = queues
            .iter()
            .map(|queue| of(queue).with("queue", &queue.name));
        exposition.put(Family::Gauge, name, help, samples);
    }
}

async fn schedules(
    exposition: &mut Exposition,
    queue: &HostQueue,
    queues: &[QueueMetrics],
) -> Result<(), Problem> {
    let schedules = queue.schedules().await?;
    let next = schedules.views.iter().filter_map(|view| {
        let sample = Sample::seconds(view.next_ms?);
        Some(sample.with("schedule", &view.schedule.name))
    });
    exposition.put(
        Family::Gauge,
        "handoff_schedule_next_run_timestamp_seconds",
        "When a schedule occurs next, in seconds since 1970. A past time is overdue.",
        next,
    );
    // From 0 on: a counter that begins with its first count shows no increase.
    let names = schedules.views.iter().map(|view| &view.schedule.name);
    let mut missed: BTreeMap<_, _> = names.map(|name| (name, 0)).collect();
    for queue in queues {
        let counts = queue.statistics.metrics.missed.iter();
        missed.extend(counts.map(|(schedule, count)| (schedule, *count)));
    }
    let missed = missed.into_iter();
    let missed = missed.map(|(schedule, count)| Sample::of(count).with("schedule", schedule));
    exposition.put(
        Family::Counter,
        "handoff_schedule_missed",
        "Occurrences that were found more than 60 s too late and got no task.",
        missed,
    );
    Ok(())
}

/// Writes milliseconds as seconds, with at least one decimal, as the bounds of buckets are written.
fn seconds(ms: u64) -> String {
    format!("{:?}", ms as f64 / 1_000.0)
}

/// `GET /v1/queues/{queue}/history`: what was counted in the last hour and the last day.
pub(crate) async fn history(
    queue: &HostQueue,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    known(name)?;
    super::no_parameters(request)?;
    let metrics = queue.metrics().await?;
    let periods = |periods: &[Period]| periods.iter().map(period).collect::<Vec<_>>();
    let body = JsonObject::default()
        .with("queue", name)
        .with("minutes", periods(&metrics.minutes))
        .with("hours", periods(&metrics.hours));
    Ok(Answer::new(Response::json(200, &body)))
}

fn period(period: &Period) -> JsonObject {
    let from = Time { ms: period.from_ms };
    let mut object = JsonObject::default()
        .with("from", from)
        .with("enqueued", period.enqueued);
    for (state, count) in period.ended.by_state() {
        object.put(state, count);
    }
    object.put("attempts_failed", period.attempts_failed);
    let wait_ms = period.waited_ms.checked_div(period.waited);
    object.put_some("wait_ms", wait_ms);
    object
}
