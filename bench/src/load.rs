//! Load by wrk, over connections that are kept.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use handoff_e2e::workspace;
use serde_json::Value;

use crate::api::Request;

/// How to get wrk.
pub(crate) const HOW_TO_GET_WRK: &str = "wrk is not on PATH, and makes the load: apt-get install wrk, brew install wrk, or https://github.com/wg/wrk";

/// What a load came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Answers in a second.
    pub per_s: f64,
    /// One in a hundred took longer.
    pub p99_ms: f64,
}

/// Sends the same request over so many connections for so many seconds. One that is not answered 2xx or 3xx is an error.
pub(crate) fn run(
    address: SocketAddr,
    request: &Request,
    connections: u32,
    seconds: u32,
    folder: &Path,
) -> Result<Load> {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--timeout", "20s", "--latency"])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s")])
        .arg("--script")
        .arg(workspace("bench/load.lua"))
        .arg(format!("http://{address}{}", request.path));
    if let Some(body) = &request.body {
        let file = folder.join("body.json");
        fs::write(&file, body).with_context(|| format!("{} is written", file.display()))?;
        wrk.arg("--").arg(file);
    }
    let output = wrk.output().context(HOW_TO_GET_WRK)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("LOAD "));
    let line = line.with_context(|| {
        format!(
            "wrk did not end well: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let found: Value = serde_json::from_str(line)?;
    let number = |name: &str| found[name].as_f64().unwrap_or(f64::NAN);
    let failed = match request.is_refused {
        true => number("requests") - number("failed"),
        false => number("failed"),
    };
    ensure!(
        failed == 0.0 && number("requests") > 0.0,
        "{}: of {} requests {} failed",
        request.path,
        found["requests"],
        found["failed"]
    );
    Ok(Load {
        per_s: number("requests") / number("us") * 1e6,
        p99_ms: number("p99_us") / 1e3,
    })
}
