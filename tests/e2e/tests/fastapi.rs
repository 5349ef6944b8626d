//! `examples/fastapi`: a server outside of the application, which enqueues tasks and runs them.

use handoff_check::Found;
use handoff_e2e::{
    Answer, Client, Host, Listener, Pair, Process, TestServer, built, on, until, workspace,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

on!(Some: a_fastapi_application_leaves_slow_work: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: the_tasks_of_fastapi_are_a_handler: local_sqlite LOCAL_SQLITE);

const LIMIT: Duration = Duration::from_secs(60);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The application on a port, which it keeps when its process is started again.
struct FastApi {
    http: Client,
    listener: Listener,
    state: TempDir,
}

impl FastApi {
    fn new() -> Self {
        let listener = Listener::open();
        Self {
            http: listener.client(),
            listener,
            state: tempfile::tempdir().expect("a folder for its payments"),
        }
    }

    fn start(&self, folder: &Path, variables: &[(&str, &str)]) -> Process {
        let variables = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let uvicorn = folder.join(".venv/bin/uvicorn").display().to_string();
        let app = folder.display().to_string();
        let socket = self.listener.number().to_string();
        let command = [&uvicorn, "--app-dir", &app, "--fd", &socket, "main:app"];
        let arguments = variables.chain(command.map(str::to_owned)).map(Into::into);
        let state = self.state.path();
        Process::start(
            "env".as_ref(),
            &arguments.collect::<Vec<_>>(),
            state,
            &state.join("log"),
        )
    }

    /// Enqueues a task, and returns its id.
    fn enqueue(&self, method: &str, path: &str) -> String {
        let answer = self.http.send(method, path, &[], b"").expect(200).json();
        answer["task_id"].as_str().expect("an id").to_owned()
    }

    fn status(&self, id: &str) -> Value {
        self.http.get(&format!("/status/{id}")).expect(200).json()
    }

    /// How the task ends.
    fn end(&self, id: &str) -> Value {
        until("it ends", LIMIT, || {
            Some(self.status(id)).filter(|status| status["status"] != "processing")
        })
    }

    fn result(&self, method: &str, path: &str) -> Value {
        let end = self.end(&self.enqueue(method, path));
        assert_eq!(end["status"], "done", "{path}: {end}");
        end["result"].clone()
    }
}

fn a_fastapi_application_leaves_slow_work(pair: Pair) {
    let Some(folder) = built("examples/fastapi") else {
        return;
    };
    let api = FastApi::new();
    let (http, address) = (&api.http, api.http.address().to_string());
    let retry = json!({"attempts": 50, "initial": "500ms", "max": "1s"});
    let handlers = json!({"*": {"url": http.url("/tasks"), "retry": retry}}).to_string();
    let host = [
        ("handlers", handlers.as_str()),
        ("handler_host", &address),
        ("queues", "emails"),
        ("webhook_secrets", SECRET),
    ];
    let host = Host::start(pair, &host);
    let url = host.http().url("");
    let variables = [
        ("HANDOFF_URL", url.as_str()),
        ("HANDOFF_WEBHOOK_SECRET", SECRET),
    ];
    let mut process = api.start(&folder, &variables);

    let ping = api.enqueue("GET", "/ping");
    assert_eq!(api.status(&ping), json!({"status": "processing"}));
    every_endpoint_does_what_it_says(&api, host.http());
    what_the_page_for_celery_says_runs(&folder, &url);
    only_what_is_signed_is_run(http);
    let done = json!({"status": "done", "result": "Task Done."});
    assert_eq!(api.end(&ping), done);

    let order = api.enqueue("POST", "/orders/7");
    let payments = || http.get("/orders/7").expect(200).json()["payments"].clone();
    let paid = until("it pays", LIMIT, || {
        Some(payments()).filter(|paid| *paid != json!([]))
    });
    assert_eq!(paid, json!([format!("{order}.0")]));
    assert!(process.kill(), "the server is killed");
    process = api.start(&folder, &variables);
    let done = json!({"order": 7, "payment": format!("{order}.0")});
    assert_eq!(api.end(&order)["result"], done);
    assert_eq!(payments(), paid);
    let task = host.http().get(&format!("/v1/tasks/{order}")).json();
    assert!(task["attempt"].as_u64() > Some(1), "{task:#}");
    drop(process);
}

fn every_endpoint_does_what_it_says(api: &FastApi, handoff: &Client) {
    assert_eq!(api.result("POST", "/delay?x=1&y=2&seconds=0.5"), 3);
    let refused = api.http.send("POST", "/delay?x=1&y=2&seconds=-1", &[], b"");
    assert_eq!(refused.expect(422).json()["field"], "delay");
    let url = "https://example.org";
    assert_eq!(
        api.result("POST", &format!("/retry?url={url}")),
        json!({"url": url, "attempts": 3})
    );
    let failed = api.end(&api.enqueue("POST", "/retry?url=nowhere"));
    assert_eq!(
        failed,
        json!({"status": "failed", "error": "nowhere is no address"})
    );
    assert_eq!(api.result("POST", "/chain?x=1&y=2"), 13);
    assert_eq!(api.result("POST", "/chord?numbers=4"), 12);
    answers_wait_for_results(api);

    let later = api.enqueue("POST", "/delay?x=1&y=2&seconds=1000");
    let revoked = api.http.delete(&format!("/tasks/{later}"));
    assert_eq!(revoked.expect(200).json(), json!({"state": "cancelled"}));
    assert_eq!(api.status(&later)["status"], "cancelled");

    let put = api.http.send("PUT", "/schedule?every=1s", &[], b"");
    put.expect(200);
    let tick = until("it is time", LIMIT, || {
        let tick = handoff.get("/v1/schedules/tick").expect(200).json();
        Some(tick["last_run"]["task_id"].as_str()?.to_owned())
    });
    assert_eq!(api.end(&tick), json!({"status": "done", "result": 2}));
    handoff.delete("/v1/schedules/tick").expect(204);
}

fn answers_wait_for_results(api: &FastApi) {
    let fetch = |query: &str| api.http.get(&format!("/fetch?url={query}"));
    let url = "https://example.org";
    let result = json!({"url": url, "attempts": 3});
    let fetched = fetch(&format!("{url}&seconds=50")).expect(200).json();
    assert_eq!(fetched, json!({"result": result}));
    // Its first attempt always fails, so it is not done.
    let late = fetch(&format!("{url}&seconds=0")).expect(202).json();
    let id = late["task_id"].as_str().expect("an id");
    assert_eq!(api.end(id), json!({"status": "done", "result": result}));
    let failed = fetch("nowhere&seconds=50").expect(500).json();
    let detail = failed["detail"].as_str().expect("a text");
    assert!(
        detail.ends_with("failed: nowhere is no address"),
        "{detail}"
    );

    let unknown = api.http.get("/status/default-1f-63e3d3b0c5a8fd23f3a55c6a");
    unknown.expect(404);
}

/// Blocks that begin with "py" are Handoff's, those with "python" Celery's.
fn what_the_page_for_celery_says_runs(folder: &Path, url: &str) {
    let page = fs::read_to_string(workspace("docs/guide/celery.md")).expect("the page");
    let blocks = page.split("```py\n").skip(1);
    let blocks: Vec<_> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 3, "{blocks:?}");
    let lines = blocks.iter().flat_map(|block| block.lines());
    let lines: Vec<_> = lines.map(|line| format!("    {line}")).collect();
    let program = format!(
        "import asyncio\nasync def main():\n{}\nasyncio.run(main())",
        lines.join("\n").replace("http://127.0.0.1:3000", url)
    );
    let python = Command::new(folder.join(".venv/bin/python"))
        .args(["-c", &program])
        .output();
    let output = python.expect("python is started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}\n{errors}");
}

fn without_handoff_it_says_so(folder: &Path) {
    // So that the client does not wait for it.
    let handoff = TestServer::start(|_| Answer::new(503, "").header("retry-after", "3600"));
    let api = FastApi::new();
    let _process = api.start(folder, &[("HANDOFF_URL", &handoff.url(""))]);
    let ping = api.http.get("/ping").expect(503).json();
    assert_eq!(ping, json!({"detail": "Handoff does not answer"}));
}

fn only_what_is_signed_is_run(http: &Client) {
    let task = json!({"task": "add", "args": {"x": 1, "y": 2}}).to_string();
    let post = |headers: &[(&str, &str)]| http.send("POST", "/tasks", headers, task.as_bytes());
    post(&[]).expect(403);
    let protocol = ("handoff-protocol", "1");
    post(&[protocol]).expect(401);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a time after 1970").as_secs().to_string();
    let forged = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=";
    let endless = "1".repeat(5000);
    for (time, signature) in [(&now, forged), (&now, "v1,é"), (&endless, forged)] {
        let id = ("webhook-id", "1");
        let signed = [
            ("webhook-timestamp", time.as_str()),
            ("webhook-signature", signature),
        ];
        post(&[protocol, id, signed[0], signed[1]]).expect(401);
    }
}

fn the_tasks_of_fastapi_are_a_handler(_pair: Pair) {
    let Some(folder) = built("examples/fastapi") else {
        return;
    };
    let api = FastApi::new();
    let _process = api.start(&folder, &[]);
    let args = json!({"x": 1, "y": 2});
    let found = handoff_check::check(&api.http.url("/tasks"), "add", args);
    let wrong = found
        .expect("a URL")
        .filter(|(_, found)| matches!(found, Found::Wrong(_)));
    assert_eq!(wrong.collect::<Vec<_>>(), []);
    without_handoff_it_says_so(&folder);
}
