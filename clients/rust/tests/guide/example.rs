use std::time::Duration;

use handoff_client::{BatchItem, BatchOptions, Client, Each, EnqueueOptions, ErrorKind, Filter};
use handoff_client::{HandoffError, ScheduleFields, State, Step, TaskEvent, WorkflowOptions};

fn main() -> Result<(), HandoffError> {
    let url = std::env::var("HANDOFF_URL").unwrap_or("http://127.0.0.1:3000".to_owned());
    let client = Client::new(&url)?; // Client::builder(&url).token("…").build()? with a token
    let options = EnqueueOptions::new().delay("50ms").priority("high");
    let mut task = client.enqueue_with("echo", [1, 2], options)?;
    match task.result(Duration::from_secs(30)) {
        Ok(result) => println!("{} {:?}", task.id(), result.parse::<Vec<u32>>()?),
        Err(error) if error.kind() == ErrorKind::TaskFailed => println!("{:?}", error.object()),
        Err(error) if error.kind() == ErrorKind::Timeout => println!("it goes on"),
        Err(error) => return Err(error),
    }
    let mut same = client.task(task.id()); // no request
    assert_eq!(same.refresh()?.state, State::Succeeded);

    let counting = client.enqueue("primes.count", Below { below: 10_000 })?;
    for event in counting.events() {
        if let TaskEvent::End { data, .. } = event? {
            println!("{} {:?}", data.state, data.ended_at);
        }
    }

    let items = vec![BatchItem::new("echo").args(1)?, BatchItem::new("unknown")];
    let entries = client.batch(items, &BatchOptions::default())?;
    println!("{entries:?}"); // a task, and an InvalidRequest with the field tasks[1].task

    let each = Each::new("echo", [1, 2])?;
    let mut workflow = client.chord(each, &Step::new("echo"), WorkflowOptions::new())?;
    println!("{}", workflow.result(Duration::from_secs(30))?); // {"results":[1,2]}

    let nightly = client.schedule("nightly");
    let fields = ScheduleFields::new("echo").cron("30 6 * * MON-FRI");
    nightly.put(&fields.timezone("Europe/Berlin"))?;
    nightly.delete()?;

    let queue = client.queue("default");
    for failed in queue.failed(&Filter::new().task("echo"), None) {
        println!("{:?}", failed?.object());
    }
    println!("{}", queue.retry_failed(&Filter::new(), true)?); // how many it would retry
    Ok(())
}

#[derive(serde::Serialize)]
struct Below {
    below: u32,
}
