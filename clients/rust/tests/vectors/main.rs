//! The calls, exchanges and outcomes that all clients share: see clients/README.md.

mod given;
mod scripted;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use given::{duration, enqueue_options, filter, number, workflow_options, written};
use handoff_client::{
    BatchItem, BatchOptions, Client, Each, ErrorKind, HandoffError, Json, Members, Queue, Schedule,
    ScheduleFields, Step, Task, TaskEvent, Workflow,
};
use scripted::Scripted;
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../../vectors.json");

/// The object of a call, and its outcome.
enum Thing {
    Client(Client),
    Task(Task),
    Workflow(Workflow),
    Schedule(Schedule),
    Queue(Queue),
    Value(Value),
    /// The entries of a list, and the error that ended it.
    List(Vec<Value>, Option<HandoffError>),
}

#[test]
fn the_client_passes_all_vectors() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).expect("vectors");
    assert!(vectors.len() > 100, "{} vectors", vectors.len());
    // Those that wait for time to pass do so beside each other.
    let vectors = Arc::new(Mutex::new(vectors.into_iter()));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let vectors = Arc::clone(&vectors);
            std::thread::spawn(move || {
                loop {
                    let Some(vector) = vectors.lock().expect("a lock").next() else {
                        return;
                    };
                    check(&vector);
                }
            })
        })
        .collect();
    let failed = workers
        .into_iter()
        .filter_map(|worker| worker.join().err())
        .count();
    assert_eq!(failed, 0, "vectors failed: see above");
}

fn check(vector: &Value) {
    let name = vector["name"].as_str().expect("a name").to_owned();
    let outcome = std::panic::catch_unwind(|| {
        let server = Scripted::start(&vector["exchanges"]);
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let url = format!(
            "{}{}",
            server.url,
            vector["url"].as_str().unwrap_or_default()
        );
        let ran = run(vector, &url, &pauses);
        server.check();
        let pauses = pauses.lock().expect("a lock");
        compare(ran, &vector["outcome"], &pauses);
    });
    if let Err(panic) = outcome {
        eprintln!("^ in the vector {name:?}");
        std::panic::resume_unwind(panic);
    }
}

type Ran = (Option<Value>, Option<HandoffError>);

/// Makes one call on the value of the one before, and reads the last one to its end.
fn run(vector: &Value, url: &str, pauses: &Arc<Mutex<Vec<Duration>>>) -> Ran {
    let pauses = Arc::clone(pauses);
    let sleep = move |pause| pauses.lock().expect("a lock").push(pause);
    let mut builder = Client::builder(url).sleep(sleep);
    for (name, value) in vector["options"].as_object().into_iter().flatten() {
        builder = match name.as_str() {
            "token" => builder.token(value.as_str().expect("a token")),
            "attempts" => builder.attempts(u32::try_from(number(value)).expect("attempts")),
            "within" => builder.within(duration(value)),
            "timeout" => builder.timeout(duration(value)),
            name => panic!("the option {name}"),
        };
    }
    let mut thing = Thing::Client(builder.build().expect("a client"));
    for step in vector["calls"].as_array().expect("calls") {
        thing = match call(thing, step) {
            Ok(thing) => thing,
            Err(error) => return (None, Some(error)),
        };
    }
    match thing {
        Thing::Task(task) => (Some(shown(&task)), None),
        Thing::Workflow(workflow) => {
            let object = workflow.object().map(value);
            (
                Some(json!({"workflow": workflow.id(), "object": object})),
                None,
            )
        }
        Thing::Value(value) => (Some(value), None),
        Thing::List(read, error) => (Some(read.into()), error),
        Thing::Client(_) | Thing::Schedule(_) | Thing::Queue(_) => panic!("no outcome"),
    }
}

fn call(thing: Thing, step: &Value) -> Result<Thing, HandoffError> {
    let name = step["call"].as_str().expect("a call");
    let none = Vec::new();
    let args = step["args"].as_array().unwrap_or(&none);
    let text = |i: usize| args.get(i).and_then(Value::as_str);
    let named = &step["with"];
    let limit = named["limit"]
        .as_u64()
        .and_then(|limit| u32::try_from(limit).ok());
    Ok(match (thing, name) {
        (Thing::Client(client), name) => on_client(&client, name, args, named)?,
        (Thing::Task(mut task), "refresh") => Thing::Value(value(task.refresh()?)),
        (Thing::Task(mut task), "cancel") => Thing::Value(value(task.cancel()?)),
        (Thing::Task(mut task), "discard") => Thing::Value(value(task.discard()?)),
        (Thing::Task(task), "retry") => Thing::Task(task.retry()?),
        (Thing::Task(mut task), "result") => {
            Thing::Value(value(&task.result(args.first().map(duration))?))
        }
        (Thing::Task(task), "events") => {
            let last = named["last_event_id"].as_str().unwrap_or_default();
            list(
                task.events_behind(last)
                    .map(|event| event.map(|event| of_event(&event))),
            )
        }
        (Thing::Workflow(mut it), "refresh") => Thing::Value(value(it.refresh()?)),
        (Thing::Workflow(mut it), "cancel") => Thing::Value(value(it.cancel()?)),
        (Thing::Workflow(mut it), "result") => {
            Thing::Value(value(&it.result(args.first().map(duration))?))
        }
        (Thing::Workflow(it), "tasks") => list(
            it.tasks(limit)
                .map(|member| member.map(|member| value(&member))),
        ),
        (Thing::Schedule(it), "get") => Thing::Value(value(&it.get()?)),
        (Thing::Schedule(it), "put") => {
            let json = Json::of(&written(&args[0]))?;
            Thing::Value(value(&it.put(&ScheduleFields::from_json(&json)?)?))
        }
        (Thing::Schedule(it), "pause") => Thing::Value(value(&it.pause()?)),
        (Thing::Schedule(it), "resume") => Thing::Value(value(&it.resume()?)),
        (Thing::Schedule(it), "delete") => {
            it.delete()?;
            Thing::Value(Value::Null)
        }
        (Thing::Queue(queue), "get") => Thing::Value(value(&queue.get()?)),
        (Thing::Queue(queue), "pause") => Thing::Value(value(&queue.pause()?)),
        (Thing::Queue(queue), "resume") => Thing::Value(value(&queue.resume()?)),
        (Thing::Queue(queue), "purge") => Thing::Value(value(&queue.purge()?)),
        (Thing::Queue(queue), "workflows") => list(queue.workflows(limit).map(|workflow| {
            workflow.map(|it| json!({"workflow": it.id(), "object": it.object().map(value)}))
        })),
        (Thing::Queue(queue), "tasks") => list(tasks(queue.tasks(&filter(named), limit))),
        (Thing::Queue(queue), "failed") => list(tasks(queue.failed(&filter(named), limit))),
        (Thing::Queue(queue), name) => {
            let (filter, dry_run) = (filter(named), named["dry_run"] == true);
            let count = match name {
                "retry_failed" => queue.retry_failed(&filter, dry_run)?,
                "discard_failed" => queue.discard_failed(&filter, dry_run)?,
                "cancel" => queue.cancel(&filter, dry_run)?,
                name => panic!("{name} of a queue"),
            };
            Thing::Value(count.into())
        }
        (_, name) => panic!("{name} {:?}", text(0)),
    })
}

fn on_client(
    client: &Client,
    name: &str,
    args: &[Value],
    named: &Value,
) -> Result<Thing, HandoffError> {
    let text = args.first().and_then(Value::as_str);
    let steps = |value: &Value| -> Vec<Step> {
        let steps = value.as_array().expect("steps").iter();
        steps
            .map(|step| Step::from_json(&Json::of(&written(step)).expect("JSON")).expect("a step"))
            .collect()
    };
    let members = |value: &Value| match value.is_array() {
        true => Members::Steps(steps(value)),
        false => Each::from_json(&Json::of(&written(value)).expect("JSON"))
            .expect("a group")
            .into(),
    };
    Ok(match name {
        "task" => Thing::Task(client.task(text.expect("an id"))),
        "workflow" => Thing::Workflow(client.workflow(text.expect("an id"))),
        "schedule" => Thing::Schedule(client.schedule(text.expect("a name"))),
        "queue" => Thing::Queue(client.queue(text.unwrap_or("default"))),
        "queues" => Thing::Value(client.queues()?.iter().map(value).collect()),
        "schedules" => Thing::Value(client.schedules()?.iter().map(value).collect()),
        "enqueue" => {
            let args = args.get(1).unwrap_or(&Value::Null);
            Thing::Task(client.enqueue_with(text.expect("a kind"), args, enqueue_options(named))?)
        }
        "batch" => {
            let items = args[0].as_array().expect("items").iter();
            let items = items.map(|item| BatchItem::from_json(&Json::of(&written(item))?));
            let options = BatchOptions {
                queue: named["queue"].as_str().map(str::to_owned),
                once: named["once"].as_bool().unwrap_or(true),
                traceparent: None,
            };
            let entries = client.batch(items.collect::<Result<_, _>>()?, &options)?;
            let entries = entries.iter().map(|entry| match entry {
                Ok(task) => shown(task),
                Err(error) => json!({"class": class(error), "type": error.problem(),
                    "status": error.status(), "detail": error.detail(), "field": error.field()}),
            });
            Thing::Value(entries.collect())
        }
        "chain" => Thing::Workflow(client.chain(&steps(&args[0]), workflow_options(named))?),
        "group" => Thing::Workflow(client.group(members(&args[0]), workflow_options(named))?),
        "chord" => {
            let then = Step::from_json(&Json::of(&written(&args[1]))?)?;
            Thing::Workflow(client.chord(members(&args[0]), &then, workflow_options(named))?)
        }
        name => panic!("{name} of the client"),
    })
}

fn value(shown: &impl serde::Serialize) -> Value {
    let text = serde_json::to_string(shown).expect("JSON");
    serde_json::from_str(&text).expect("JSON")
}

fn shown(task: &Task) -> Value {
    json!({"task": task.id(), "object": task.object().map(value)})
}

fn tasks(
    list: impl Iterator<Item = Result<Task, HandoffError>>,
) -> impl Iterator<Item = Result<Value, HandoffError>> {
    list.map(|task| task.map(|task| shown(&task)))
}

fn of_event(event: &TaskEvent) -> Value {
    let (name, data) = match event {
        TaskEvent::State { data, .. } => ("state", value(data)),
        TaskEvent::Progress { data, .. } => ("progress", value(data)),
        TaskEvent::Log { data, .. } => ("log", value(data)),
        TaskEvent::End { data, .. } => ("end", value(data)),
        event => panic!("{event:?}"),
    };
    json!({"type": name, "id": event.id(), "data": data})
}

fn list(items: impl Iterator<Item = Result<Value, HandoffError>>) -> Thing {
    let (mut read, mut failed) = (Vec::new(), None);
    for item in items {
        match item {
            Ok(item) => read.push(item),
            Err(error) => failed = Some(error),
        }
    }
    Thing::List(read, failed)
}

fn class(error: &HandoffError) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidRequest => "InvalidRequest",
        ErrorKind::Unauthorized => "Unauthorized",
        ErrorKind::Forbidden => "Forbidden",
        ErrorKind::NotFound => "NotFound",
        ErrorKind::Conflict => "Conflict",
        ErrorKind::Unavailable => "Unavailable",
        ErrorKind::Timeout => "TimeoutError",
        ErrorKind::TaskFailed => "TaskFailed",
        ErrorKind::TaskCancelled => "TaskCancelled",
        ErrorKind::TaskExpired => "TaskExpired",
        _ => "HandoffError",
    }
}

fn compare((value, error): Ran, outcome: &Value, pauses: &[Duration]) {
    match (error, outcome.get("error")) {
        (None, None) => {}
        (Some(error), Some(expected)) => compare_error(&error, expected),
        (error, expected) => panic!("the error is {error:?}, not {expected:?}; {value:?}"),
    }
    if let Some(expected) = outcome.get("value") {
        assert_eq!(value.as_ref().unwrap_or(&json!([])), expected);
    }
    if let Some(expected) = outcome["pauses"].as_array() {
        assert_eq!(pauses.len(), expected.len(), "{pauses:?}");
        for (pause, bounds) in pauses.iter().zip(expected) {
            let [least, most] = [0, 1].map(|i| Duration::from_millis(number(&bounds[i])));
            assert!((least..=most).contains(pause), "{pause:?}, not {bounds}");
        }
    }
}

fn compare_error(error: &HandoffError, expected: &Value) {
    let message = error.to_string();
    assert_eq!(class(error), expected["class"], "{message}");
    let object = error.object();
    for (field, wanted) in expected.as_object().expect("an error") {
        let words = || {
            wanted
                .as_array()
                .expect("words")
                .iter()
                .map(|word| word.as_str().expect("text"))
        };
        let actual = match field.as_str() {
            "class" => continue,
            "says" => {
                words().for_each(|word| assert!(message.contains(word), "{word:?} in {message}"));
                continue;
            }
            "hides" => {
                let all = format!("{message} {error:?}");
                words().for_each(|word| assert!(!all.contains(word), "{word:?} in {all}"));
                continue;
            }
            "length_max" => {
                assert!(
                    message.chars().count() as u64 <= number(wanted),
                    "{message}"
                );
                continue;
            }
            "type" => json!(error.problem()),
            "status" => json!(error.status()),
            "detail" => json!(error.detail()),
            "field" => json!(error.field()),
            "object" => json!(object.map(value)),
            "error" => json!(object.and_then(|object| object.error.clone())),
            "errors" => {
                let all = object.map(value).expect("an object");
                all.get("errors").cloned().unwrap_or(json!([]))
            }
            field => panic!("the field {field} of an error"),
        };
        assert_eq!(actual, *wanted, "{field}");
    }
}
