//! The HTTP API. `handle` finds a request's call in `routes`, admits its sender and dispatches it
//! to a function in `calls`.

mod calls;
mod exposition;
mod limits;
mod routes;

use calls::{After, Answer};
use handoff_kinds::Tasks;
use handoff_platform::http::{Caller, Cors, Problem, Request, Response, ResponseOutparam, access};
use handoff_platform::probe::check_variables;
use handoff_platform::variables::{DEFAULT_QUEUE, Queues};
use handoff_platform::{HostEnv, HostStore, Lifetime, hold_workers, lifetime, variables};
use handoff_queue::{Env, Queue, QueueError, Store, TaskId, check_name};
use handoff_wire::Scope;
use routes::{Call, Found};

type HostQueue = Queue<HostStore, HostEnv>;

/// Answers a request, and does the work after the answer, or before it where the host ends an
/// instance with its response.
pub async fn handle(tasks: Tasks, mut request: Request, out: ResponseOutparam) {
    let mut path = request.segments();
    // Below a route such as "/handoff/..." the rest of the path counts, below "/v1/..." all of it.
    if !routes::begins(request.path()) && request.enter_mount() {
        path = request.segments();
    }
    let base = request.base();
    let found = match &path {
        Ok(path) => routes::find(request.method(), path),
        Err(e) => Found::unreadable(e.clone()),
    };
    // What is answered whatever the state of the store and the variables is.
    let at_once: Option<fn(&str) -> Response> = match found.call {
        Ok(Call::Alive) => Some(|_| calls::health::alive()),
        Ok(Call::Describe) => Some(calls::openapi::document),
        _ => None,
    };
    let ready = matches!(found.call, Ok(Call::Ready));
    let cors = match Cors::of(&request) {
        Ok(cors) => cors,
        Err(_) if at_once.is_some() || ready => Cors::default(),
        Err(problem) => return calls::respond(problem).send(out),
    };
    if let Some(response) = cors.preflight(&request) {
        return cors.mark(response).send(out);
    }
    let admitted = admit(&request, &found, &cors);
    let is_foreign = matches!(&admitted, Err(problem) if problem.status == 403);
    if let Some(answer) = at_once
        && !is_foreign
    {
        let push = push_at_once(matches!(found.call, Ok(Call::Alive)));
        return send(cors.mark(answer(&base)), out, push).await;
    }
    if ready
        && !is_foreign
        && let Err(problem) = check_variables().await
    {
        return cors.mark(calls::respond(problem)).send(out);
    }
    if let (Ok(_), Ok(Call::Options)) = (&admitted, &found.call) {
        let response = Response::empty(204).header("allow", found.allow);
        return cors.mark(response).send(out);
    }
    let path = path.unwrap_or_default();
    // A request without permission costs no store call. Any other one pushes the queue along, also
    // one for a path that is not there.
    let opened = admitted.and_then(|caller| Ok((open(&path)?, caller)));
    let (queue, caller) = match opened {
        Ok(opened) => opened,
        Err(problem) => return cors.mark(calls::respond(problem)).send(out),
    };
    let answer = match found.call {
        Ok(call) => dispatch(tasks, &queue, call, &path, request.sent_by(caller)).await,
        Err(problem) => Err(problem),
    };
    let (response, after) = match answer {
        Ok(Answer {
            response,
            after: After::Follow(events),
        }) => return events.send(&queue, cors.mark(response), out).await,
        Ok(Answer { response, after }) => (response.below(&base), after),
        Err(problem) => (calls::respond(problem), After::Push { waits: false }),
    };
    send(cors.mark(response), out, push_along(&queue, after)).await;
}

/// The work with an answer that needs no store. Only a tick may make it wait for the store.
async fn push_at_once(is_tick: bool) {
    let after = match lifetime() {
        _ if is_tick => After::Tick,
        Lifetime::AfterResponse => After::PushAll,
        Lifetime::Response | Lifetime::Tick => return,
    };
    if let Ok(queue) = open(&[]) {
        push_along(&queue, after).await;
    }
}

/// Answers, and pushes along after the answer, as far as an instance lives then.
async fn send(response: Response, out: ResponseOutparam, push: impl Future<Output = ()>) {
    match lifetime() {
        Lifetime::AfterResponse => {
            response.send(out);
            push.await;
        }
        Lifetime::Response | Lifetime::Tick => {
            push.await;
            response.send(out);
        }
    }
}

/// Admits a request that has the scope of its call.
fn admit(request: &Request, found: &Found, cors: &Cors) -> Result<Caller, Problem> {
    match access::admit(request, found.scope, cors) {
        // A caller that may read the list may count it, too.
        Err(problem) if problem.kind == "forbidden" && found.only_counts(request) => {
            access::admit(request, Some(Scope::Read), cors)
        }
        admitted => admitted,
    }
}

/// Opens the queue that a path is about: that of its task or name, else the queue `default`.
fn open(path: &[String]) -> Result<HostQueue, Problem> {
    let store = HostStore::open()?;
    let parts: Vec<_> = path.iter().map(String::as_str).collect();
    let id = |id: &str| id.parse::<TaskId>().ok();
    let name = match parts.as_slice() {
        ["status", task, ..] | ["v1", "tasks" | "workflows", task, ..] => {
            id(task).map(|id| id.queue().to_owned())
        }
        ["v1", "queues", name, ..] if check_name(name).is_ok() => Some((*name).to_owned()),
        _ => None,
    };
    let name = name.as_deref().unwrap_or(DEFAULT_QUEUE);
    Ok(limited(Queue::new(name, store, HostEnv)?))
}

/// Adds its limits to a queue.
fn limited(queue: HostQueue) -> HostQueue {
    let name = queue.name().to_owned();
    queue.with_limits_from(move || {
        // While they can't be read no worker starts anyway.
        variables::limits_of(&name).unwrap_or_default()
    })
}

/// Runs a call. At most one segment of its path is not fixed.
async fn dispatch(
    tasks: Tasks,
    queue: &HostQueue,
    call: Call,
    path: &[String],
    request: Request,
) -> Result<Answer, Problem> {
    let name = match path {
        [first, name] if first == "status" => name,
        [_, _, name, ..] => name,
        _ => "",
    };
    if call.takes_no_body() {
        request.no_body().await?;
    }
    match call {
        // Answered before.
        Call::Options | Call::Alive | Call::Describe => Ok(Answer::new(calls::health::alive())),
        Call::Ready => calls::health::ready(tasks, queue).await,
        Call::Ping => calls::ping::call(tasks, queue, &request).await,
        Call::Status => calls::status::call(queue, name).await,
        Call::Enqueue => calls::enqueue::call(tasks, queue, request).await,
        Call::Batch => calls::batch::call(tasks, queue, request).await,
        Call::Show if request.accepts_events() => calls::events::call(queue, name, &request).await,
        Call::Show => calls::show::call(queue, name, &request).await,
        Call::Cancel => calls::cancel::call(queue, name, &request).await,
        Call::Retry => calls::failed::retry(queue, name, &request).await,
        Call::Discard => calls::failed::discard(queue, name, &request).await,
        Call::ListQueues => calls::queues::list(queue).await,
        Call::ShowQueue => calls::queues::show(queue, name).await,
        Call::List => calls::list::list(queue, name, &request).await,
        Call::CancelAll => calls::list::cancel_all(queue, name, &request).await,
        Call::RetryFailed => calls::failed::retry_all(queue, name, &request).await,
        Call::DiscardFailed => calls::failed::discard_all(queue, name, &request).await,
        Call::History => calls::metrics::history(queue, name, &request).await,
        Call::Metrics => calls::metrics::metrics(queue, &request).await,
        Call::Pause => calls::queues::operate(queue, name, "pause").await,
        Call::Resume => calls::queues::operate(queue, name, "resume").await,
        Call::Purge => calls::queues::operate(queue, name, "purge").await,
        Call::EnqueueWorkflow => calls::workflows::enqueue(tasks, queue, request).await,
        Call::ListWorkflows => calls::workflows::list(queue, name, &request).await,
        Call::ShowWorkflow => calls::workflows::show(queue, name, &request).await,
        Call::CancelWorkflow => calls::workflows::cancel(queue, name, &request).await,
        Call::ListMembers => calls::workflows::members(queue, name, &request).await,
        Call::ListSchedules => calls::schedules::list(queue).await,
        Call::ShowSchedule => calls::schedules::show(queue, name).await,
        Call::PutSchedule => calls::schedules::put(tasks, queue, name, request).await,
        Call::DeleteSchedule => calls::schedules::delete(queue, name).await,
        Call::PauseSchedule => calls::schedules::pause(queue, name, true, &request).await,
        Call::ResumeSchedule => calls::schedules::pause(queue, name, false, &request).await,
    }
}

/// Whether this deployment has the queue. Nobody is woken for another one.
fn is_listed(queue: &HostQueue) -> bool {
    variables::has_queue(queue.name()).is_ok_and(|has| has)
}

/// One of this many requests pushes another queue along.
const ANOTHER: u64 = 8;

/// Pushes one other queue along, by chance, so that no queue depends on its own requests.
async fn push_another(queue: &HostQueue) -> Result<bool, QueueError> {
    let dice = queue.env().random();
    if !dice.is_multiple_of(ANOTHER) {
        return Ok(false);
    }
    let Ok(queues) = variables::queues() else {
        return Ok(false);
    };
    let names = queues.names().iter();
    let others: Vec<_> = names.filter(|name| *name != queue.name()).collect();
    match others.get((dice / ANOTHER) as usize % others.len().max(1)) {
        Some(name) => queue.named(name)?.push_along(false).await,
        None => Ok(false),
    }
}

/// Pushes all queues along, so a cron job needs no other call. Where a worker lives only while it is
/// held, one of each queue that needs one is held to its end.
async fn push_all(queue: &HostQueue) -> Result<bool, QueueError> {
    let holds = lifetime() == Lifetime::Tick;
    let (mut idle, mut pushed) = (Vec::new(), Ok(()));
    for name in variables::queues().iter().flat_map(Queues::names) {
        match queue.named(name)?.push_along(holds).await {
            Ok(true) => idle.push(name.clone()),
            Ok(false) => {}
            // The other queues go on.
            Err(e) => pushed = Err(e),
        }
    }
    if holds {
        hold_workers(&idle).await;
    }
    pushed.map(|()| !idle.is_empty())
}

/// Makes sure, after the answer, that a worker runs: nothing depends on a resident process.
async fn push_along(queue: &HostQueue, after: After) {
    let pushed = match after {
        // Nobody else would hold a worker.
        After::Wake(..) | After::Push { .. } | After::PushAll if lifetime() == Lifetime::Tick => {
            return;
        }
        After::Wake(queue, receipt) => match queue.wake_for(&receipt, workers_max).await {
            Ok(false) => push_another(&queue).await,
            other => other,
        },
        After::Push { waits } => match queue.push_along(waits).await {
            Ok(true) if is_listed(queue) => Ok(true),
            Ok(_) => push_another(queue).await,
            Err(e) => Err(e),
        },
        After::PushAll | After::Tick => push_all(queue).await,
        // The stream pushes the queue along itself.
        After::Follow(_) => return,
    };
    match pushed {
        // Only a request that found no worker checks whether the warning was logged. Others need no
        // store call for it.
        Ok(true) => say_if_open(queue).await,
        Ok(false) => {}
        Err(e) => queue
            .env()
            .log(&format!("the next request wakes a worker: {e}")),
    }
}

/// The largest number of workers per queue that a backlog starts. It is 0 while a worker could not
/// start, since it can't read its variables.
fn workers_max() -> u64 {
    let readable = variables::queue_limits().and_then(|_| variables::number("workers_max"));
    readable.unwrap_or_else(|problem| {
        HostEnv.log(&problem.detail);
        0
    })
}

/// Logs once per store that everybody may do everything.
async fn say_if_open(queue: &HostQueue) {
    const SAID: &str = "access.open";
    if !matches!(access::is_open(), Ok(true)) {
        return;
    }
    match queue.store().increment(SAID, 1).await {
        Ok(1) => queue.env().log(
            "the API is open: every caller may enqueue, read and cancel. To change that set the variable api_tokens, \
             which applications made by templates name handoff_api_tokens.",
        ),
        Ok(_) => {}
        Err(e) => queue.env().log(&e.to_string()),
    }
}
