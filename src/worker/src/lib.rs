//! The worker: woken in its host's way, it answers once it is registered, and works then.

mod host;
mod http;
mod log;
mod panic;
mod span;
mod traces;

use futures::FutureExt;
use handoff_kinds::{Context, Registry, Tasks};
use handoff_platform::http::Problem;
use handoff_platform::log::print_json;
use handoff_platform::{HostEnv, HostStore, Lifetime, lifetime, variables};
use handoff_queue::{
    Control, Env, Json, Outcome, Queue, Run, Runner, Task, TaskId, Wake, Worker, WorkerLimits,
};
use handoff_wire::Log;
use host::TaskHost;
use log::{Event, is_error};
use std::rc::Rc;
use traces::Traces;

pub use http::{handle, takes};

/// The tasks of this deployment, run with this host's means.
struct Kinds {
    registry: Registry,
    host: Rc<TaskHost>,
    log: Log,
    traces: Option<Rc<Traces>>,
}

type HostWorker = Worker<HostStore, HostEnv, Kinds>;

/// Works on the queue that a path names. Calls `answer` when the worker is registered, or can't
/// start, and drops at the end of the work what that returns.
pub async fn work<T>(tasks: Tasks, path: &str, answer: impl FnOnce(Result<(), Problem>) -> T) {
    let (worker, traces) = match start(tasks, path).await {
        Ok(started) => started,
        Err(problem) => {
            HostEnv.log(&format!("a worker can't start: {}", problem.detail));
            answer(Err(problem));
            return;
        }
    };
    let held = answer(Ok(()));
    panic::report_to(worker.clone(), traces.clone());
    // On the heap: it is large, and would be on the stack once for each way that it can take.
    let work = worker.work().boxed_local();
    let ended = match traces {
        Some(traces) => traces.send_beside(work).await,
        None => work.await,
    };
    if let Err(e) = ended {
        HostEnv.log(&format!(
            "a worker ended early; what it had taken is rescued: {e}"
        ));
    }
    drop(held);
}

async fn start(tasks: Tasks, path: &str) -> Result<(Rc<HostWorker>, Option<Rc<Traces>>), Problem> {
    let (wake, queue) = match path.trim_start_matches('/').split_once('/') {
        Some(("work", queue)) => (Wake::Work, queue),
        Some(("keep", queue)) => (Wake::Keep, queue),
        _ => {
            return Err(Problem::not_found(format!(
                "a worker is woken by /work/QUEUE or /keep/QUEUE, not by {path}"
            )));
        }
    };
    if !variables::has_queue(queue)? {
        return Err(Problem::not_found(format!(
            "no queue is named {queue:?} (variable `queues`)"
        )));
    }
    let limits = WorkerLimits {
        budget_ms: variables::duration_ms("worker_budget")?,
        workers_max: variables::number("workers_max")?,
        result_max_bytes: variables::number("result_max_bytes")?,
        wakes_others: lifetime() != Lifetime::Tick,
        ..WorkerLimits::default()
    };
    let faults: fn() -> bool = match variables::switch("fault_tasks")? {
        true => || true,
        false => || false,
    };
    let registry = tasks().with_follow_ups().with_faults(faults);
    let collector = or_without(variables::collector());
    let traces = collector
        .flatten()
        .map(|collector| Rc::new(Traces::to(collector)));
    let kinds = Kinds {
        registry: registry.with_handlers(variables::handlers_or_reason),
        host: Rc::new(TaskHost {
            result_max_bytes: limits.result_max_bytes,
        }),
        log: or_without(variables::log()).unwrap_or(Log::ERRORS),
        traces: traces.clone(),
    };
    // While it can't be read, tasks wait.
    variables::handlers()?;
    let store = HostStore::open()?;
    let queue = Queue::new(queue, store, HostEnv)?.with_limits(variables::limits_of(queue)?);
    let worker = Worker::new(queue, kinds, limits);
    worker.start(wake).await?;
    Ok((Rc::new(worker), traces))
}

/// What the operator sees must not decide whether tasks run. `/readyz` names the fault, too.
fn or_without<T>(read: Result<T, Problem>) -> Option<T> {
    read.map_err(|problem| HostEnv.log(&problem.detail)).ok()
}

impl Runner for Kinds {
    fn computes(&self, kind: &str) -> bool {
        self.registry.computes(kind)
    }

    async fn run(&self, kind: &str, args: Json, control: Rc<Control>) -> Outcome {
        let context = Context::new(control, self.host.clone());
        self.registry.run(kind, args, context).await
    }

    fn began(&self, id: &TaskId, task: &Task, run: &Run) {
        if self.log.tasks {
            self.print(&Event::began(id, run));
        }
        if let Some(traces) = &self.traces {
            traces.began(id, task, run);
        }
    }

    fn ended(&self, id: &TaskId, run: &Run) {
        let wanted = self.log.tasks || self.log.errors && is_error(run);
        if wanted && let Some(event) = Event::ended(id, run) {
            self.print(&event);
        }
        if let Some(traces) = &self.traces {
            traces.ended(id, run);
        }
    }
}

impl Kinds {
    fn print(&self, event: &Event<'_>) {
        match self.log.json {
            true => print_json(&event.json()),
            false => HostEnv.log(&event.line()),
        }
    }
}
