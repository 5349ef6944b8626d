//! The memory cost of a request before and after it is taken. An instance has 128 MiB.

// An allocator is an unsafe interface; this one counts and passes on.
#![allow(unsafe_code)]

use handoff_kinds::Registry;
use handoff_queue::{GROUP_MAX, State, TaskId, TaskView};
use handoff_tasks::registry;
use handoff_wire::{
    BatchRequest, Checked, GatherRequest, JsonObject, TaskRequest, WorkflowRequest, from_slice,
    object,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, with the bytes in use and the most so far.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls are passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(used, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The largest body by default.
const BODY_MAX: usize = 1 << 20;
/// The most memory for one request, in bytes: a tenth of an instance's.
const MOST_FOR_ONE: usize = 13 << 20;

/// Measures the most memory that `work` needed at any moment, in bytes.
fn cost<T>(what: &str, work: impl FnOnce() -> T) -> usize {
    let before = USED.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let kept = work();
    let cost = MOST.load(Ordering::Relaxed) - before;
    drop(kept);
    println!("{what}: {} KiB", cost >> 10);
    cost
}

fn tasks() -> Registry {
    registry().with_args_max(256 << 10)
}

/// A list of copies of an item, as many as fit into a body.
fn list(item: &str, most: usize) -> String {
    let count = ((BODY_MAX - 100) / (item.len() + 1)).min(most);
    format!("[{}]", vec![item; count].join(","))
}

fn take_task(body: &str) -> Option<Checked> {
    let request: TaskRequest = from_slice(body.as_bytes()).ok()?;
    request.check(&tasks(), 0).ok()
}

fn take_batch(body: &str) -> Option<Vec<Checked>> {
    let request: BatchRequest = from_slice(body.as_bytes()).ok()?;
    request
        .check(&tasks(), 0)
        .ok()?
        .into_iter()
        .collect::<Result<_, _>>()
        .ok()
}

fn take_workflow(body: &str) -> Option<Checked> {
    let request: WorkflowRequest = from_slice(body.as_bytes()).ok()?;
    let checked = request.check(&tasks(), None, 256 << 10, 0).ok()?;
    Some(checked.1)
}

/// One single test, so that nothing else is counted.
#[test]
fn no_request_costs_much_more_than_its_body() {
    for item in [r#"{"":0}"#, "[]", "0", r#"[{"a":[{}]}]"#, r#""""#] {
        let many = list(item, usize::MAX);
        let large = format!(r#"{{"task":"echo","args":{many}}}"#);
        let refused = cost("arguments that are too large", || {
            take_task(&large).is_none()
        });
        let batch = format!(r#"{{"tasks":{many}}}"#);
        let batch = cost("a batch that is too long", || take_batch(&batch).is_none());
        let group = format!(r#"{{"group":{many}}}"#);
        let group = cost("a group that is too long", || {
            take_workflow(&group).is_none()
        });
        let each = format!(r#"{{"group":{{"task":"echo","each":{many}}}}}"#);
        let each = cost("a group of one kind that is too long", || {
            take_workflow(&each).is_none()
        });
        let calls = format!(r#"{{"requests":{many}}}"#);
        let calls = cost("too many calls", || {
            from_slice::<GatherRequest>(calls.as_bytes()).is_err()
        });
        let name =
            format!(r#"{{"task":"http.request","args":{{"url":"http://x/","headers":{many}}}}}"#);
        let name = cost("headers that are too large", || take_task(&name).is_none());
        let most = [refused, batch, group, each, calls, name].into_iter().max();
        assert!(most < Some(MOST_FOR_ONE), "{item}: {most:?}");
    }

    // Items at the bounds of every limit.
    let item = format!(
        r#"{{"task":"echo","args":{}}}"#,
        list(r#"{"a":{"b":[1]}}"#, 60)
    );
    let batch = format!(r#"{{"tasks":{}}}"#, list(&item, 1_000));
    let taken = take_batch(&batch).expect("it is valid");
    assert_eq!(taken.len(), 1_000);
    let read = cost("a batch of 1,000 tasks", || take_batch(&batch).is_some());
    let answered = cost("its answer", || {
        let id: TaskId = "default-1-0123456789abcdef01234567".parse().expect("an id");
        let object = |checked: &Checked| {
            let task = handoff_queue::Task {
                nonce: String::new(),
                enqueued_ms: 1,
                spec: checked.task.clone(),
                kept_until_ms: None,
                member_of: None,
            };
            object::task(&id, &TaskView::waiting(task, State::Queued))
        };
        let objects: Vec<_> = taken.iter().map(object).collect();
        serde_json::to_vec(&JsonObject::default().with("tasks", objects))
    });
    let member = format!(r#"{{"task":"echo","args":{}}}"#, list(r#"{"":0}"#, 10));
    let group = format!(r#"{{"group":{}}}"#, list(&member, GROUP_MAX));
    let group = cost("a group of 10,000 tasks", || {
        take_workflow(&group).expect("it is valid")
    });
    let each = format!(
        r#"{{"group":{{"task":"echo","each":{}}}}}"#,
        list(r#"{"":0}"#, GROUP_MAX)
    );
    let each = cost("the same of one kind", || {
        take_workflow(&each).expect("it is valid")
    });
    let most = [read, answered, group, each].into_iter().max();
    assert!(most < Some(MOST_FOR_ONE), "{most:?}");
}
