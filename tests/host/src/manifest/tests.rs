use super::*;

const GOOD: &str = r#"
spin_manifest_version = 2
[application]
name = "app"
version = "1.0.0"
description = "d"
authors = ["a"]
[variables]
limit = { default = "5" }
token = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "api"
[[trigger.http]]
route = { private = true }
component = "worker"
[component.api]
source = "api.wasm"
description = "d"
key_value_stores = ["default"]
allowed_outbound_hosts = ["http://worker.spin.internal"]
environment = { RUST_LOG = "info" }
[component.api.variables]
limit = "{{ limit }}"
[component.api.build]
command = "make api"
workdir = "."
watch = ["src"]
[component.worker]
source = "worker.wasm"
"#;

#[test]
fn a_whole_manifest_is_read() {
    let manifest = Manifest::parse(GOOD).expect("good manifest");
    assert_eq!(manifest.application.name, "app");
    assert_eq!(manifest.component["api"].build_command(), "make api");
    assert_eq!(manifest.component["worker"].build_command(), "spin build");
    assert!(matches!(manifest.trigger.http[1].route, Route::Private));
}

/// What is replaced in the good manifest, by what, and the words that the error must contain.
const ERRORS: &[(&str, &str, &[&str])] = &[
    (
        "spin_manifest_version = 2",
        "",
        &["spin_manifest_version", "missing"],
    ),
    (
        "spin_manifest_version = 2",
        "spin_manifest_version = 1",
        &["= 1", "version 2"],
    ),
    (
        "[application]\n",
        "[application]\ntrigger = 1\n",
        &["unknown field", "trigger", "line 4"],
    ),
    (
        "source = \"worker.wasm\"",
        "source = \"worker.wasm\"\nfiles = [\"x\"]",
        &["unknown field", "files", "line 31"],
    ),
    (
        "source = \"worker.wasm\"",
        "",
        &["missing field", "source", "component.worker"],
    ),
    (
        "workdir = \".\"",
        "work_dir = \".\"",
        &["work_dir", "workdir"],
    ),
    (
        "[[trigger.http]]\nroute = { private",
        "[[trigger.redis]]\nroute = { private",
        &["redis", "http"],
    ),
    (
        "{ private = true }",
        "{ private = false }",
        &["{ private = true }", "line 15"],
    ),
    (
        "{ private = true }",
        "{ secret = true }",
        &["{ private = true }"],
    ),
    ("{ private = true }", "7", &["a route"]),
    (
        "route = \"/...\"",
        "route = \"x\"",
        &["\"x\"", "must begin with /"],
    ),
    (
        "component = \"worker\"",
        "component = \"work\"",
        &["\"work\"", "[component.work]", "api, worker"],
    ),
    ("{ private = true }", "\"/...\"", &["\"/...\"", "twice"]),
    (
        "[\"default\"]",
        "[\"cache\"]",
        &[
            "component.api",
            "key_value_stores",
            "\"cache\"",
            "\"default\"",
        ],
    ),
    (
        "{ default = \"5\" }",
        "{}",
        &["limit", "default", "required"],
    ),
    (
        "{ default = \"5\" }",
        "{ default = \"5\", required = true }",
        &["limit", "either"],
    ),
    (
        "{ default = \"5\" }",
        "{ default = 5 }",
        &["string", "line 9"],
    ),
    ("authors = [\"a\"]", "authors = [\"a\"", &["line 8"]),
];

#[test]
fn errors_name_the_key_and_what_to_do() {
    for (old, new, words) in ERRORS {
        assert!(
            GOOD.contains(old),
            "the good manifest does not contain {old}"
        );
        let error = format!(
            "{:#}",
            Manifest::parse(&GOOD.replace(old, new)).expect_err(new)
        );
        for word in *words {
            assert!(error.contains(word), "{new:?}: {word:?} is not in: {error}");
        }
    }
}

#[test]
fn a_missing_file_says_which_flag_names_it() {
    let error = format!(
        "{:#}",
        Manifest::load(Path::new("/nowhere/spin.toml")).expect_err("absent")
    );
    assert!(
        error.contains("/nowhere/spin.toml") && error.contains("--manifest"),
        "{error}"
    );
}
