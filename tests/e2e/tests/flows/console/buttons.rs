//! What the console's buttons do.

use super::{assert_has, enqueue, follow, page, put_schedule, send, two_tasks, wait_for};
use handoff_e2e::{Host, Pair, on_every_pair};
use serde_json::json;

on_every_pair!(
    a_task_is_run_again,
    a_schedule_is_run_paused_and_deleted,
    a_queue_is_paused_and_purged,
    many_tasks_are_changed_after_a_question,
    a_group_of_failed_tasks_is_retried
);

fn a_task_is_run_again(pair: Pair) {
    let host = Host::start(pair, &[]);
    let (done, failed) = two_tasks(&host);
    let retried = follow(&host, &format!("/console/tasks/{failed}/do/retry"), "");
    assert_has(&page(&host, &retried), &["Retry of", &failed]);

    let to = format!("/console/tasks/{done}/do/again");
    let form = "once=a&args=%7B%22b%22%3A2%2C%22api_token%22%3A%22%5Bredacted%5D%22%7D";
    let new = follow(&host, &to, form);
    let same = follow(&host, &to, form);
    assert_eq!(same, new, "a form that is sent twice enqueues one task");
    let new = new.trim_start_matches("/console").split('?').next();
    let path = format!("/v1{}?wait=30s", new.unwrap_or_default());
    let task = host.http().get(&path).expect(200).json();
    assert_eq!(task["args"], json!({"b": 2, "api_token": "s3cret"}));
    let form = "once=b&args=%7B%22c%22%3A%22%5Bredacted%5D%22%7D";
    let lost = send(&host, "POST", &to, &[], form).expect(400);
    // The form comes again, with what was typed.
    assert_has(&lost.text(), &["args.c", "<textarea", "&#34;c&#34;"]);

    let later = enqueue(&host, &json!({"task": "echo", "delay": "1h"}));
    follow(&host, &format!("/console/tasks/{later}/do/cancel"), "");
    wait_for(&host, &later, "cancelled");
    let discard = format!("/console/tasks/{later}/do/discard");
    let refused = send(&host, "POST", &discard, &[], "").expect(409);
    assert_has(&refused.text(), &["did not fail"]);
}

fn a_schedule_is_run_paused_and_deleted(pair: Pair) {
    let host = Host::start(pair, &[]);
    put_schedule(&host, "report");
    let run = follow(&host, "/console/schedules/report/do/run", "once=c");
    assert_has(&page(&host, &run), &["This is the new task."]);
    let pause = follow(&host, "/console/schedules/report/do/pause", "");
    assert_has(
        &page(&host, &pause),
        &["The schedule is paused", "None while", "Resume"],
    );
    let list = page(&host, "/console/schedules");
    assert_has(&list, &[">paused<", "Resume report"]);
    let resume = follow(&host, "/console/schedules/report/do/resume", "");
    assert_has(&page(&host, &resume), &["The schedule goes on", "Pause"]);
    assert!(!page(&host, &pause).contains("is paused"), "an old link");
    let delete = "/console/schedules/report/do/delete";
    for form in ["confirm=yes&name=x", "name=report", ""] {
        let kept = send(&host, "POST", delete, &[], form).expect(200);
        assert_has(&kept.text(), &["not the name"]);
    }
    host.http().get("/v1/schedules/report").expect(200);
    follow(&host, delete, "confirm=yes&name=report");
    host.http().get("/v1/schedules/report").expect(404);
}

fn a_queue_is_paused_and_purged(pair: Pair) {
    let host = Host::start(pair, &[]);
    let list = "/console/queues/default";
    follow(&host, &format!("{list}/do/pause"), "");
    let waits = enqueue(&host, &json!({"task": "echo"}));
    assert_has(&page(&host, list), &["paused", "Resume"]);
    let purge = format!("{list}/do/purge");
    let kept = send(&host, "POST", &purge, &[], "confirm=yes&name=other").expect(200);
    assert_has(&kept.text(), &["not the name"]);
    wait_for(&host, &waits, "queued");
    let purged = follow(&host, &purge, "confirm=yes&name=default");
    assert_has(&page(&host, &purged), &["Cancelled 1 waiting"]);
    wait_for(&host, &waits, "cancelled");
    follow(&host, &format!("{list}/do/resume"), "");
    assert!(!page(&host, list).contains("Resume"));
}

fn many_tasks_are_changed_after_a_question(pair: Pair) {
    let host = Host::start(pair, &[]);
    let later = |key: &str| enqueue(&host, &json!({"task": "echo", "delay": "1h", "key": key}));
    let (ours, other) = ([later("a"), later("a")], later("b"));
    let form = "action=cancel&key=a&state=scheduled";
    let asked = send(&host, "POST", "/console/queues/default/bulk", &[], form).expect(200);
    assert_has(
        &asked.text(),
        &[
            "Cancel 2 open tasks?",
            "name=\"confirm\"",
            "name=\"key\" value=\"a\"",
        ],
    );
    let state = |id: &str| {
        host.http()
            .get(&format!("/v1/tasks/{id}"))
            .expect(200)
            .json()["state"]
            .clone()
    };
    assert_eq!(state(&ours[0]), "scheduled", "a question changes nothing");
    let form = format!("{form}&confirm=yes");
    let done = follow(&host, "/console/queues/default/bulk", &form);
    assert_has(&page(&host, &done), &["Cancelled 2"]);
    assert!(ours.iter().all(|id| state(id) == "cancelled"));
    let all = "action=cancel&confirm=yes";
    let asked = send(&host, "POST", "/console/queues/default/bulk", &[], all).expect(200);
    assert_has(&asked.text(), &["Cancel 1 open tasks?", "Type the queue"]);
    assert_eq!(state(&other), "scheduled");
    let wrong = send(
        &host,
        "POST",
        "/console/queues/default/bulk",
        &[],
        "action=explode&confirm=yes",
    );
    assert_has(&wrong.expect(400).text(), &["names no action"]);
}

fn a_group_of_failed_tasks_is_retried(pair: Pair) {
    let host = Host::start(pair, &[]);
    let request = |url: &str| {
        let args = json!({"url": url});
        enqueue(
            &host,
            &json!({"task": "http.request", "args": args, "retry": {"attempts": 1}}),
        )
    };
    let (one, other) = (request("http://192.0.2.1/"), request("http://192.0.2.2/"));
    wait_for(&host, &one, "failed");
    wait_for(&host, &other, "failed");
    let failed = page(&host, "/console/queues/default/failed");
    let error = "name=\"error\" value=\"http://192.0.2.1/ may not";
    let parts = [
        error,
        "http://192.0.2.2/ may not",
        ">2</a> failed in default",
    ];
    assert_has(&failed, &parts);
    let all = page(&host, "/console/failed");
    assert_has(&all, &parts);
    let form = "task=http.request&error=http://192.0.2.1/+may+*&action=retry-failed";
    let bulk = "/console/queues/default/bulk";
    let asked = send(&host, "POST", bulk, &[], form).expect(200);
    let list =
        "/queues/default?state=failed&#38;task=http.request&#38;error=http%3A%2F%2F192.0.2.1";
    let parts = ["Retry 1 failed tasks?", "http://192.0.2.1/ may not", list];
    assert_has(&asked.text(), &parts);
    let done = follow(&host, bulk, &format!("{form}&confirm=yes&total=1"));
    assert_has(&page(&host, &done), &["Retried 1 of", list]);
    let left = host
        .http()
        .get("/v1/queues/default/tasks?state=failed&text=192.0.2.2");
    assert_eq!(left.expect(200).json()["tasks"][0]["id"], other);
}
