//! The applications in `examples`, and the template that brings Handoff into one.

use handoff_check::Found;
use handoff_e2e::{Client, Host, Manifest, Pair, built, on, spin, until, workspace};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

on!(Some: the_shop_in_javascript: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: the_reports_in_python: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: the_link_checker_in_rust: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: a_component_for_wasi_http_0_3: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: the_template_adds_what_the_shop_has: spin_sqlite SPIN_SQLITE);
on!(Some: a_starter_is_its_example: spin_sqlite SPIN_SQLITE);
on!(Some: a_handler_that_is_not_there_is_named: spin_sqlite SPIN_SQLITE);
on!(Some: the_template_adds_the_console_if_asked: spin_sqlite SPIN_SQLITE);

const LIMIT: Duration = Duration::from_secs(60);

fn the_shop_in_javascript(pair: Pair) {
    let Some(folder) = built("examples/javascript") else {
        return;
    };
    let host = start_with_public_tasks(pair, &folder);
    an_order_is_served(host.http());
    find_nothing_wrong(host.http(), "thumbnails", json!({"pictures": ["cat"]}));
}

fn an_order_is_served(http: &Client) {
    let order = json!({"number": 7, "mail": "ada@example.org", "pictures": ["cat", "dog", "owl"]});
    let taken = http.post("/orders", &order).expect(202).json();
    let task = |name: &str| {
        let id = taken[name].as_str().expect("an id");
        http.get(&format!("/handoff/v1/tasks/{id}"))
            .expect(200)
            .json()
    };
    let ended = |name: &str| {
        until("it ends", LIMIT, || {
            Some(task(name)).filter(|task| !task["ended_at"].is_null())
        })
    };
    until("progress is seen", LIMIT, || {
        Some(task("thumbnails")).filter(|task| task["progress"].as_f64() > Some(0.1))
    });
    let thumbnails = ended("thumbnails");
    assert_eq!(
        thumbnails["result"],
        json!({"thumbnails": 3}),
        "{thumbnails:#}"
    );
    assert_eq!(thumbnails["logs"].as_array().map(Vec::len), Some(3));
    let mail = ended("mail");
    assert_eq!(
        mail["result"],
        json!({"sent": "ada@example.org", "order": 7}),
        "{mail:#}"
    );
    assert_eq!(
        mail["errors"][0]["error"],
        "the mail server does not answer"
    );
    assert_eq!(mail["attempt"], 2);

    let refused = http
        .post("/orders", &json!({"number": 8}))
        .expect(202)
        .json();
    let id = refused["mail"].as_str().expect("an id");
    let refused = until("it fails", LIMIT, || {
        let task = http
            .get(&format!("/handoff/v1/tasks/{id}"))
            .expect(200)
            .json();
        (task["state"] == "failed").then_some(task)
    });
    assert_eq!(refused["error"], "there is nobody to write to");
    assert_eq!(refused["attempt"], 1, "{refused:#}");
}

fn the_reports_in_python(pair: Pair) {
    let Some(folder) = built("examples/python") else {
        return;
    };
    let host = start_with_public_tasks(pair, &folder);
    let http = host.http();
    let ran = find_nothing_wrong(http, "report", json!({"pages": 6}));
    assert!(
        ran.starts_with(r#"goes on after 0 ms from {"pages":4,"total":550}, progress 0.5"#),
        "{ran}"
    );

    let taken = http.post("/reports", &json!({"pages": 10, "mail": "ada@example.org"}));
    let taken = taken.expect(202).json();
    let task = |name: &str| {
        let id = taken[name].as_str().expect("an id");
        let task = http.get(&format!("/handoff/v1/tasks/{id}"));
        task.expect(200).json()
    };
    let ended = |name: &str| {
        until("it ends", LIMIT, || {
            Some(task(name)).filter(|task| !task["ended_at"].is_null())
        })
    };
    until("progress is seen while it runs", LIMIT, || {
        let task = task("report");
        let progress = task["progress"].as_f64();
        (task["ended_at"].is_null() && progress > Some(0.1)).then_some(())
    });
    let report = ended("report");
    assert_eq!(report["result"], json!({"pages": 10, "total": 3025}));
    assert_eq!(report["attempt"], 1, "{report:#}");
    // No part did again what one before had done.
    let logs = report["logs"].as_array().expect("a log").iter();
    let pages = logs.filter_map(|line| line["message"].as_str()?.split(':').next());
    let each: Vec<_> = (1..=10).map(|page| format!("page {page}")).collect();
    assert_eq!(pages.collect::<Vec<_>>(), each, "{report:#}");

    let mail = ended("mail");
    assert_eq!(mail["result"], json!({"sent": "ada@example.org"}));
    let error = &mail["errors"][0]["error"];
    assert_eq!(error, "the mail server does not answer");
    assert_eq!(mail["attempt"], 2, "{mail:#}");
}

fn the_link_checker_in_rust(pair: Pair) {
    let Some(folder) = built("examples/rust") else {
        return;
    };
    let host = Host::start_other(pair, &folder.join("spin.toml"));
    let http = host.http();
    let enqueue = |task: &Value| {
        let taken = http.post("/handoff/v1/tasks?wait=40s", task);
        taken.expect(200).json()
    };
    let urls = ["/handoff/healthz", "/handoff/nothing"].map(|path| http.url(path));
    let checked = enqueue(&json!({"task": "links.check", "args": {"urls": urls}}));
    let broken = json!([{"url": urls[1], "reason": "answered 404"}]);
    assert_eq!(
        checked["result"],
        json!({"checked": 2, "broken": broken}),
        "{checked:#}"
    );
    assert_eq!(
        checked["logs"].as_array().map(Vec::len),
        Some(1),
        "{checked:#}"
    );
    let reminded = enqueue(&json!({"task": "remind", "args": {"whom": "Ada"}}));
    assert_eq!(reminded["result"], "Ada is reminded", "{reminded:#}");
    assert_eq!(reminded["errors"][0]["error"], "the line is busy");

    let nothing = json!({"task": "links.check", "args": {"urls": []}});
    let refused = http.post("/handoff/v1/tasks", &nothing);
    refused.expect_problem(400, "invalid-request", Some("args.urls"));
    // It has no task for the article's URL.
    let refused = http.get("/handoff/ping");
    refused.expect_problem(404, "not-found", None);
    http.get("/handoff/readyz").expect(200);
}

/// It enqueues through the application, and is the handler.
fn a_component_for_wasi_http_0_3(pair: Pair) {
    let Some(folder) = built("tests/service") else {
        return;
    };
    let source = folder.join("target/wasm32-wasip2/release/handoff_service.wasm");
    let service = format!(
        "[[trigger.http]]\nroute = \"/service\"\ncomponent = \"service\"\n\n[component.service]\nsource = {source:?}\n\
         allowed_outbound_hosts = [\"http://handoff.spin.internal\"]\n\n[component.handoff-worker]\n"
    );
    let handlers =
        r#"handlers = { default = '{"double": {"url": "http://service.spin.internal/"}}' }"#;
    let manifest = Manifest::changed(&[
        ("[component.handoff-worker]\n", &service),
        ("handlers = { default = \"\" }", handlers),
        ("handler.invalid", "service.spin.internal"),
    ]);
    let host = Host::start_other(pair, manifest.path());
    let http = host.http();
    http.get("/readyz").expect(200);
    let taken = http.post("/service", &json!({"task": "double", "args": {"n": 21}}));
    let task = taken.expect(202).json();
    let id = task["id"].as_str().expect("an id");
    assert_eq!(http.succeeded(id, LIMIT)["result"], 42);
    let unknown = http.post("/service", &json!({"task": "triple"}));
    assert_eq!(unknown.expect(400).json()["field"], "task");
    let ran = handoff_check::check(&http.url("/service"), "double", json!({"n": 4}));
    let wrong = ran
        .expect("a URL")
        .find(|(_, found)| matches!(found, Found::Wrong(_)));
    assert_eq!(wrong, None);
}

/// Starts an example whose handler is reached from outside, too, at `/tasks`. One start for all that
/// is tried: hosts compile its components for long.
fn start_with_public_tasks(pair: Pair, folder: &Path) -> Host {
    let manifest = fs::read_to_string(folder.join("spin.toml")).expect("a manifest");
    let here = |path: &str| format!("source = \"{}/", folder.join(path).display());
    let manifest = manifest
        .replace("source = \"dist/", &here("dist"))
        .replace("source = \"../../", &here("../.."))
        + "\n[[trigger.http]]\nroute = \"/tasks\"\ncomponent = \"tasks\"\n";
    let app = tempfile::tempdir().expect("a folder for the manifest");
    let path = app.path().join("spin.toml");
    fs::write(&path, manifest).expect("the manifest is written");
    Host::start_other(pair, &path)
}

/// Calls the handler directly, as `cargo xtask check-handler` does. Returns what came of its first
/// task.
fn find_nothing_wrong(http: &Client, kind: &str, args: Value) -> String {
    let found = handoff_check::check(&http.url("/tasks"), kind, args);
    let found: Vec<_> = found.expect("a URL").collect();
    let wrong = |(_, found): &&(_, Found)| matches!(found, Found::Wrong(_));
    assert_eq!(found.iter().find(wrong), None);
    match &found[0].1 {
        Found::Right(ran) => ran.clone(),
        other => panic!("{other:?}"),
    }
}

/// Calls spin in a folder, with the templates of `cargo xtask dist`.
fn spin_with_templates(folder: &Path, arguments: &[&str]) {
    let state = tempfile::tempdir().expect("a folder for Spin's templates");
    let spin = |arguments: &[&str]| {
        let mut spin = Command::new(spin().expect("it runs on Spin"));
        spin.args(arguments)
            .current_dir(folder)
            .env("SPIN_DATA_DIR", state.path());
        let output = spin.output().expect("spin is started");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let dist = workspace("target/dist").display().to_string();
    spin(&["templates", "install", "--dir", &dist]);
    spin(arguments);
}

/// The folder of an application with this manifest, to which `spin add` added Handoff.
fn with_handoff(manifest: &str, more: &[&str]) -> TempDir {
    let app = tempfile::tempdir().expect("a folder for the application");
    fs::write(app.path().join("spin.toml"), manifest).expect("the manifest is written");
    let add = [
        "add",
        "--template",
        "handoff",
        "--accept-defaults",
        "handoff",
    ];
    spin_with_templates(app.path(), &[&add, more].concat());
    app
}

/// What `spin new` makes is the example, with the sources of the release.
fn a_starter_is_its_example(_pair: Pair) {
    let dist = workspace("target/dist/handoff.wasm").display().to_string();
    let sdk = workspace("src/sdk").display().to_string();
    let replaced = [
        ("../../target/components/handoff.wasm", &*dist),
        ("../../src/sdk", &*sdk),
    ];
    for (example, template, files) in [
        (
            "javascript",
            "handoff-js",
            &["src/shop.js", "src/tasks.js", "package.json"][..],
        ),
        (
            "python",
            "handoff-python",
            &[
                "src/handler.py",
                "src/tasks.py",
                "build.sh",
                "requirements.txt",
            ][..],
        ),
        (
            "rust",
            "handoff-rust",
            &["src/lib.rs", "Cargo.toml", ".cargo/config.toml"][..],
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder for the application");
        let new = [
            "new",
            "--template",
            template,
            "--accept-defaults",
            "newcomer",
        ];
        spin_with_templates(folder.path(), &new);
        let read = |path: PathBuf| {
            fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let readme = read(folder.path().join("newcomer/README.md"));
        assert!(readme.starts_with("# newcomer\n"), "{readme}");
        // What it names is there.
        let named = readme.split('`').filter(|word| word.starts_with("src/"));
        for file in named {
            read(folder.path().join("newcomer").join(file));
        }
        for file in files.iter().chain(&["spin.toml", ".gitignore"]) {
            let theirs = read(folder.path().join("newcomer").join(file));
            let own = read(workspace("examples").join(example).join(file));
            let own = replaced
                .iter()
                .fold(own, |text, (here, there)| text.replace(here, there));
            let is_name = |line: &&str| !line.starts_with("name = ");
            let lines = |text: &str| {
                text.lines()
                    .filter(is_name)
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(lines(&theirs), lines(&own), "{example}/{file}");
            if *file == "spin.toml" {
                assert!(
                    theirs.contains("[application]\nname = \"newcomer\""),
                    "{theirs}"
                );
            }
        }
    }
}

/// The example's manifest is that of the shop without Handoff, and what `spin add` adds.
fn the_template_adds_what_the_shop_has(_pair: Pair) {
    let shop = fs::read_to_string(workspace("examples/javascript/spin.toml")).expect("a manifest");
    let (before, _) = shop.split_once("[variables]").expect("what was added");
    let app = with_handoff(before, &[]);
    let added = fs::read_to_string(app.path().join("spin.toml")).expect("the manifest");
    let dist = workspace("target/dist").display().to_string();
    let expected = shop.replace(
        "../../target/components/handoff.wasm",
        &format!("{dist}/handoff.wasm"),
    );
    // Spin chooses the order.
    let read = |text: &str| text.parse::<toml::Table>().expect("TOML");
    assert_eq!(read(&added), read(&expected));
}

fn the_template_adds_the_console_if_asked(pair: Pair) {
    let before = "spin_manifest_version = 2\n\n[application]\nname = \"empty\"\n";
    let app = with_handoff(before, &["--value", "console=/ops/..."]);
    let host = Host::start_other(pair, &app.path().join("spin.toml"));
    let page = host.http().get("/ops/").expect(200).text();
    assert!(page.contains("href=\"/ops/queues/default\""), "{page}");
}

fn a_handler_that_is_not_there_is_named(pair: Pair) {
    let before = "spin_manifest_version = 2\n\n[application]\nname = \"empty\"\n";
    let app = with_handoff(before, &["--value", "handler=mailer"]);
    let host = Host::start_other(pair, &app.path().join("spin.toml"));
    let http = host.http();
    let unready = http.get("/handoff/readyz");
    unready.expect_problem(500, "misconfigured", None);
    let says = [
        "http://mailer.spin.internal/",
        "no such component",
        "allowed_outbound_hosts",
    ];
    assert!(
        says.iter().all(|part| unready.text().contains(part)),
        "{}",
        unready.text()
    );
    // Its first run ends its instance; the second one says why.
    let task = json!({"task": "mail", "retry": {"attempts": 1}});
    let task = http.post("/handoff/v1/tasks", &task).expect(202).json();
    let id = task["id"].as_str().expect("an id");
    let failed = until("it fails", LIMIT, || {
        http.get("/handoff/healthz").expect(200);
        let task: Value = http
            .get(&format!("/handoff/v1/tasks/{id}"))
            .expect(200)
            .json();
        (task["state"] == "failed").then_some(task)
    });
    let error = failed["error"].as_str().unwrap_or_default();
    assert!(error.contains("no such component"), "{failed:#}");
}
