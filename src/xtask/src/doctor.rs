//! `cargo xtask doctor`: what is here, what is missing, and how to get it; and whether the variables can be used.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::components::Component;
use crate::toolchain::{self, Source, Way};
use crate::workspace::Workspace;
use crate::{components, host, servers, step, wash};

/// Prints a line per thing; fails if `cargo xtask up` cannot work, or would serve what answers nothing.
pub(crate) fn doctor(workspace: &Workspace, wanted: Option<Source>) -> Result<()> {
    line("cargo", version("cargo").as_deref(), "https://rustup.rs");
    line("rustc", version("rustc").as_deref(), "https://rustup.rs");

    let ways = toolchain::available(workspace, wanted);
    let way = match ways.first() {
        Some(Way::Own) => Some("installed"),
        Some(Way::AddByRustup) => Some("`cargo xtask build` will get it with rustup"),
        Some(Way::Debian) => Some("by Debian's rustc"),
        Some(Way::InstallDebian) => {
            Some("`cargo xtask build` will get Debian's rustc with apt-get")
        }
        None => None,
    };
    line(toolchain::TARGET, way, toolchain::HOW_TO_GET);

    let folder = workspace.components();
    let exist = |component: &Component| folder.join(component.file).exists();
    let built = components::SPIN.iter().all(exist);
    let components = built.then_some("target/components");
    line("components", components, "`cargo xtask build`");

    let binary = host::binary(workspace, host::Use::Serve);
    let host = binary.exists().then(|| binary.display().to_string());
    line(
        "local host",
        host.as_deref(),
        "`cargo xtask up --host local` builds it, in 5 to 8 minutes",
    );

    optional(workspace);
    if ways.is_empty() {
        bail!(
            "`cargo xtask up` cannot build the components: get a compiler for {} first",
            toolchain::TARGET
        );
    }
    let served = components.and(host);
    if served.is_none() {
        line("variables", None, HOW_TO_CHECK);
    } else if let Some(wrong) = not_ready(workspace, &binary)? {
        println!("wrong    {:15}{wrong}", "variables");
        bail!("with these variables the application answers nothing");
    } else {
        line("variables", Some("/readyz says that they can be used"), "");
    }
    println!("`cargo xtask up` can work");
    Ok(())
}

fn version(program: &str) -> Option<String> {
    step::quiet_output(Command::new(program).arg("--version"))
}

/// What only some commands need.
fn optional(workspace: &Workspace) {
    line(
        "spin",
        version("spin").as_deref(),
        "optional, `up` serves with the local host instead: https://spinframework.dev/install",
    );
    let wash = wash::WASH
        .found(workspace)
        .map(|path| path.display().to_string());
    line(
        "wash",
        wash.as_deref(),
        "optional, `up --host wasmcloud` and the tests download it with pip: https://wasmcloud.com/docs/installation",
    );
    line(
        "redis-server",
        version("redis-server").as_deref(),
        "optional, for tests and --store redis://…: the package redis-server or redis",
    );
    line(
        "postgres",
        servers::postgres()
            .map(|folder| folder.display().to_string())
            .as_deref(),
        "optional, for tests and --store postgres://…: the package postgresql",
    );
    line(
        "wrk",
        // It has no option for its version, and fails when it prints that.
        which::which("wrk")
            .ok()
            .map(|path| path.display().to_string())
            .as_deref(),
        "optional, for `cargo xtask bench`: the package wrk",
    );
}

const HOW_TO_CHECK: &str = "those of the environment are checked once components and local host are built; a deployment's /readyz does the same";

/// What `/readyz` finds wrong with the variables of this environment. Tasks would be in memory, unless the variable `store` says
/// otherwise.
fn not_ready(workspace: &Workspace, host: &Path) -> Result<Option<String>> {
    let mut host = workspace.command(host);
    host.current_dir(&workspace.root)
        .args(["--listen", "127.0.0.1:0", "--store", "memory"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut host = host.spawn().context("the local host can't be started")?;
    let answered = answer(host.stdout.take().context("it has an output")?);
    host.kill()?;
    host.wait()?;
    let problem = answered.context("the local host did not answer /readyz")?;
    let is_ready = problem["status"] == "ready";
    let detail = problem["detail"].as_str().map(str::to_owned);
    Ok((!is_ready).then(|| detail.unwrap_or_else(|| problem.to_string())))
}

/// The answer of `/readyz` of a host that prints where it serves.
fn answer(output: impl Read) -> Result<Value> {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let address = line.trim_end().rsplit("//").next().unwrap_or_default();
    let mut stream = TcpStream::connect(address).with_context(|| format!("it said {line:?}"))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("it has no body")?;
    Ok(serde_json::from_str(body)?)
}

fn line(what: &str, found: Option<&str>, how_to_get: &str) {
    match found {
        Some(found) => println!("ok       {what:15}{found}"),
        None => println!("missing  {what:15}{how_to_get}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn what_readyz_says_is_read_from_where_the_host_serves() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut asked = String::new();
            let mut lines = BufReader::new(stream.try_clone().expect("a stream"));
            while asked.is_empty() || !asked.ends_with("\r\n\r\n") {
                lines.read_line(&mut asked).expect("a line");
            }
            let body = r#"{"status":500,"detail":"the variable \"queues\" is \"UP\""}"#;
            write!(stream, "HTTP/1.1 500 Wrong\r\n\r\n{body}").expect("it is sent");
            asked
        });
        let said = answer(format!("Serving http://{address}\n").as_bytes()).expect("an answer");
        assert_eq!(said["detail"], "the variable \"queues\" is \"UP\"");
        assert!(
            served
                .join()
                .expect("it served")
                .starts_with("GET /readyz ")
        );
        answer("error: no\n".as_bytes()).expect_err("nobody serves there");
    }
}
