//! Everything about tasks over HTTP. Each call is one file in `calls/`.

mod calls;
#[cfg(feature = "component")]
mod component;
mod limits;
mod scope;

use calls::{After, Answer};
use handoff_platform::http::{
    Cors, IncomingRequest, Method, Problem, Request, ResponseOutparam, access,
};
use handoff_platform::variables::Queues;
use handoff_platform::{HostEnv, HostStore, variables};
use handoff_queue::{Env, Queue, QueueError, Store, TaskId, check_name};

type HostQueue = Queue<HostStore, HostEnv>;

/// Answers a request, and goes on with what comes after the answer.
pub async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let request = Request::new(incoming);
    let alive = request.path() == "/healthz";
    let cors = match Cors::of(&request) {
        Ok(cors) => cors,
        Err(_) if alive => Cors::default(),
        Err(problem) => return calls::respond(problem).send(out),
    };
    if let Some(response) = cors.preflight(&request) {
        return cors.mark(response).send(out);
    }
    let admitted = scope::admit(&request, &cors);
    if alive && !matches!(&admitted, Err(problem) if problem.status == 403) {
        // Whatever the store and the variables say.
        cors.mark(calls::health::alive(&request)).send(out);
        if let Ok(queue) = open("/") {
            push_along(&queue, After::PushAll).await;
        }
        return;
    }
    // Who may not ask costs no store call.
    let opened = admitted.and_then(|()| open(request.path()));
    let queue = match opened {
        Ok(queue) => queue,
        Err(problem) => return cors.mark(calls::respond(problem)).send(out),
    };
    match route(&queue, request).await {
        Ok(Answer {
            response,
            after: After::Follow(events),
        }) => events.send(&queue, cors.mark(response), out).await,
        Ok(Answer { response, after }) => {
            cors.mark(response).send(out);
            push_along(&queue, after).await;
        }
        Err(problem) => {
            cors.mark(calls::respond(problem)).send(out);
            push_along(&queue, After::Push { waits: false }).await;
        }
    }
}

/// The queue that a path is about: that of the task or the one that it names, else the default one.
fn open(path: &str) -> Result<HostQueue, Problem> {
    let store = HostStore::open()?;
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let id = |id: &str| id.parse::<TaskId>().ok();
    let name = match parts.as_slice() {
        ["status", task, ..] | ["v1", "tasks" | "workflows", task, ..] => {
            id(task).map(|id| id.queue().to_owned())
        }
        ["v1", "queues", name, ..] if check_name(name).is_ok() => Some((*name).to_owned()),
        _ => None,
    };
    let name = match name {
        Some(name) => name,
        None => limits::queues()?.names()[0].clone(),
    };
    limited(Queue::new(&name, store, HostEnv)?)
}

/// The same queue with its limits.
fn limited(queue: HostQueue) -> Result<HostQueue, Problem> {
    let limits = variables::limits_of(queue.name())?;
    Ok(queue.with_limits(limits))
}

async fn route(queue: &HostQueue, request: Request) -> Result<Answer, Problem> {
    let path = request.path().to_owned();
    let mut parts = path.strip_prefix('/').unwrap_or(&path).split('/');
    let unknown = || Problem::not_found(format!("{path} is not a path of this application."));
    let first = [parts.next(), parts.next(), parts.next(), parts.next()];
    if parts.next().is_some() {
        return Err(unknown());
    }
    let parts = first;
    let get = matches!(request.method(), Method::Get);
    let post = matches!(request.method(), Method::Post);
    let put = matches!(request.method(), Method::Put);
    let delete = matches!(request.method(), Method::Delete);
    match parts {
        [Some("ping"), None, ..] if get || post => calls::ping::call(queue, &request).await,
        [Some("ping"), None, ..] => Err(Problem::method_not_allowed("GET, POST")),
        [Some("status"), Some(id), None, _] if get => calls::status::call(queue, id).await,
        [Some("status"), Some(_), None, _] => Err(Problem::method_not_allowed("GET")),
        [Some("readyz"), None, ..] if get => calls::health::ready(queue).await,
        [Some("readyz"), None, ..] => Err(Problem::method_not_allowed("GET")),
        [Some("v1"), Some("tasks"), None, _] if post => calls::enqueue::call(queue, request).await,
        [Some("v1"), Some("tasks"), None, _] => Err(Problem::method_not_allowed("POST")),
        [Some("v1"), Some("tasks:batch"), None, _] if post => {
            calls::batch::call(queue, request).await
        }
        [Some("v1"), Some("tasks:batch"), None, _] => Err(Problem::method_not_allowed("POST")),
        [Some("v1"), Some("tasks"), Some(id), None] if get && request.accepts_events() => {
            calls::events::call(queue, id, &request).await
        }
        [Some("v1"), Some("tasks"), Some(id), None] if get => {
            calls::show::call(queue, id, &request).await
        }
        [Some("v1"), Some("tasks"), Some(id), None] if delete => {
            calls::cancel::call(queue, id).await
        }
        [Some("v1"), Some("tasks"), Some(_), None] => {
            Err(Problem::method_not_allowed("GET, DELETE"))
        }
        [
            Some("v1"),
            Some("tasks"),
            Some(id),
            Some(what @ ("retry" | "discard")),
        ] => match what {
            _ if !post => Err(Problem::method_not_allowed("POST")),
            "retry" => calls::failed::retry(queue, id, &request).await,
            _ => calls::failed::discard(queue, id, &request).await,
        },
        [Some("v1"), Some("queues"), None, _] if get => calls::queues::list(queue).await,
        [Some("v1"), Some("queues"), None, _] => Err(Problem::method_not_allowed("GET")),
        [Some("v1"), Some("queues"), Some(name), None] if get => {
            calls::queues::show(queue, name).await
        }
        [Some("v1"), Some("queues"), Some(_), None] => Err(Problem::method_not_allowed("GET")),
        [Some("v1"), Some("queues"), Some(name), Some("tasks")] if get => {
            calls::failed::list(queue, name, &request).await
        }
        [Some("v1"), Some("queues"), Some(_), Some("tasks")] => {
            Err(Problem::method_not_allowed("GET"))
        }
        [
            Some("v1"),
            Some("queues"),
            Some(name),
            Some(what @ ("retry-failed" | "discard-failed")),
        ] => match what {
            _ if !post => Err(Problem::method_not_allowed("POST")),
            "retry-failed" => calls::failed::retry_all(queue, name, &request).await,
            _ => calls::failed::discard_all(queue, name, &request).await,
        },
        [
            Some("v1"),
            Some("queues"),
            Some(name),
            Some(what @ ("pause" | "resume" | "purge")),
        ] => {
            if post {
                calls::queues::operate(queue, name, what).await
            } else {
                Err(Problem::method_not_allowed("POST"))
            }
        }
        [Some("v1"), Some("workflows"), None, _] if post => {
            calls::workflows::enqueue(queue, request).await
        }
        [Some("v1"), Some("workflows"), None, _] => Err(Problem::method_not_allowed("POST")),
        [Some("v1"), Some("workflows"), Some(id), None] if get => {
            calls::workflows::show(queue, id, &request).await
        }
        [Some("v1"), Some("workflows"), Some(id), None] if delete => {
            calls::workflows::cancel(queue, id).await
        }
        [Some("v1"), Some("workflows"), Some(_), None] => {
            Err(Problem::method_not_allowed("GET, DELETE"))
        }
        [Some("v1"), Some("workflows"), Some(id), Some("tasks")] if get => {
            calls::workflows::members(queue, id, &request).await
        }
        [Some("v1"), Some("workflows"), Some(_), Some("tasks")] => {
            Err(Problem::method_not_allowed("GET"))
        }
        [Some("v1"), Some("schedules"), None, _] if get => calls::schedules::list(queue).await,
        [Some("v1"), Some("schedules"), None, _] => Err(Problem::method_not_allowed("GET")),
        [Some("v1"), Some("schedules"), Some(name), None] if get => {
            calls::schedules::show(queue, name).await
        }
        [Some("v1"), Some("schedules"), Some(name), None] if put => {
            calls::schedules::put(queue, name, request).await
        }
        [Some("v1"), Some("schedules"), Some(name), None] if delete => {
            calls::schedules::delete(queue, name).await
        }
        [Some("v1"), Some("schedules"), Some(_), None] => {
            Err(Problem::method_not_allowed("GET, PUT, DELETE"))
        }
        _ => Err(unknown()),
    }
}

/// Pushes the queue along that a request was about, if this deployment has it, and another one.
async fn push(queue: &HostQueue, waits: bool) -> Result<bool, QueueError> {
    let Ok(queues) = limits::queues() else {
        return Ok(false); // Whoever enqueues is told.
    };
    if queues.has(queue.name()) && queue.push_along(waits).await? {
        return Ok(true);
    }
    push_another(queue).await
}

/// Of several queues one by chance goes along with any request, so that none waits for requests of its own.
async fn push_another(queue: &HostQueue) -> Result<bool, QueueError> {
    let Ok(queues) = limits::queues() else {
        return Ok(false);
    };
    let names = queues.names();
    let name = &names[(queue.env().random() % names.len() as u64) as usize];
    if name == queue.name() {
        return Ok(false);
    }
    queue.named(name)?.push_along(false).await
}

/// Pushes all queues along: a cron job need call nothing else.
async fn push_all(queue: &HostQueue) -> Result<bool, QueueError> {
    let mut idle = false;
    for name in limits::queues().iter().flat_map(Queues::names) {
        idle |= queue.named(name)?.push_along(false).await?;
    }
    Ok(idle)
}

/// Sees that somebody works, after the answer: nothing waits for a resident process.
async fn push_along(queue: &HostQueue, after: After) {
    let pushed = match after {
        After::Wake(queue, receipt) => match limits::workers_max() {
            Ok(max) => match queue.wake_for(&receipt, max).await {
                Ok(false) => push_another(&queue).await,
                other => other,
            },
            Err(problem) => return queue.env().log(&problem.detail),
        },
        After::Push { waits } => push(queue, waits).await,
        After::PushAll => push_all(queue).await,
        // It does so itself.
        After::Follow(_) => return,
    };
    match pushed {
        // Whoever finds nobody at work looks whether it was said: others need no store call for it.
        Ok(true) => say_if_open(queue).await,
        Ok(false) => {}
        Err(e) => queue
            .env()
            .log(&format!("the next request wakes a worker: {e}")),
    }
}

/// Says once, for as long as the store is kept, that everybody may do everything.
async fn say_if_open(queue: &HostQueue) {
    const SAID: &str = "access.open";
    if !matches!(access::is_open(), Ok(true)) {
        return;
    }
    match queue.store().increment(SAID, 1).await {
        Ok(1) => queue.env().log(
            "the API is open: whoever reaches it may enqueue, read and cancel. Set the variable api_tokens to change that.",
        ),
        Ok(_) => {}
        Err(e) => queue.env().log(&e.to_string()),
    }
}
