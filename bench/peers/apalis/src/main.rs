//! `bench-apalis server` answers requests, `bench-apalis worker` runs tasks.

use apalis::prelude::*;
use apalis_core::backend::ext::BackendExt;
use apalis_core::backend::{TaskSink, WaitForCompletion};
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use apalis_redis::{Config, RedisStorage};
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    task: String,
    args: u64,
}

#[derive(Deserialize)]
struct Batch {
    tasks: Vec<Job>,
}

/// What Handoff's workers wait, too, before they look again.
const POLL: Duration = Duration::from_millis(20);

type Storage = RedisStorage<Job>;

#[tokio::main]
async fn main() -> Result<(), BoxDynError> {
    let connection = apalis_redis::connect(std::env::var("REDIS_URL")?).await?;
    let config = Config::default().queue("bench").batch_size(100)
        // What a task came to is at times written with the next heartbeat only; that is after 30 s by default.
        .heartbeat_interval(Duration::from_millis(100));
    let storage = Storage::new(connection).with_config(config);
    if std::env::args().nth(1).as_deref() == Some("worker") {
        println!("ready");
        let worker = WorkerBuilder::new(format!("worker-{}", std::process::id()))
            // It puts every task among those that are due later, of which Redis tells nobody: the worker has to ask.
            .backend(storage.poll_with_interval(POLL))
            .parallelize(tokio::spawn)
            .build(run);
        worker.run().await?;
        return Ok(());
    }
    let app = Router::new()
        .route("/ping", get(ping))
        .route("/status/{id}", get(status))
        .route("/tasks", post(enqueue))
        .route("/batch", post(enqueue_batch))
        .route("/wait", get(wait))
        .with_state(storage);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("Serving http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn run(job: Job) -> Result<Value, BoxDynError> {
    Ok(match job.task.as_str() {
        "long_running_task" => {
            sleep(Duration::from_secs(5)).await;
            json!("Task Done.")
        }
        "sleep" => {
            sleep(Duration::from_secs(job.args)).await;
            Value::Null
        }
        "compute" => json!(tokio::task::spawn_blocking(move || primes(job.args)).await?),
        _ => json!(job.args),
    })
}

/// Counts primes by trial division.
fn primes(below: u64) -> usize {
    let prime = |n: &u64| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0);
    (2..below).filter(prime).count()
}

async fn push(mut storage: Storage, jobs: Vec<Job>) -> Vec<String> {
    let ids: Vec<_> = jobs
        .iter()
        .map(|_| TaskId::from_ulid(ulid::Ulid::generate()))
        .collect();
    let task = |(id, job): (&TaskId, Job)| TaskBuilder::new(job).task_id(id.clone()).build();
    let mut tasks: Vec<_> = ids.iter().zip(jobs).map(task).collect();
    let pushed = match tasks.len() {
        1 => storage.push_task(tasks.remove(0)).await,
        _ => storage.push_all(stream::iter(tasks)).await,
    };
    pushed.expect("Redis takes it");
    ids.iter().map(ToString::to_string).collect()
}

async fn ping(State(storage): State<Storage>) -> Json<Value> {
    let job = Job {
        task: "long_running_task".into(),
        args: 0,
    };
    Json(json!({"task_id": push(storage, vec![job]).await[0]}))
}

async fn enqueue(State(storage): State<Storage>, Json(job): Json<Job>) -> Json<Value> {
    Json(json!({"task_id": push(storage, vec![job]).await[0]}))
}

async fn enqueue_batch(State(storage): State<Storage>, Json(batch): Json<Batch>) -> Json<Value> {
    Json(json!({"task_ids": push(storage, batch.tasks).await}))
}

async fn status(State(mut storage): State<Storage>, Path(id): Path<String>) -> Json<Value> {
    let ids = id.parse::<TaskId>().ok();
    let found = WaitForCompletion::<Value>::check_status(&mut storage, ids).await;
    Json(
        match found
            .expect("Redis answers")
            .into_iter()
            .next()
            .map(|found| found.take())
        {
            None => json!({"status": "processing"}),
            Some(Ok(result)) => json!({"status": "done", "result": result}),
            Some(Err(error)) => json!({"status": "failed", "error": error.to_string()}),
        },
    )
}

async fn wait() -> Json<Value> {
    sleep(Duration::from_secs(1)).await;
    Json(json!({}))
}
