//! What /proc tells: of this machine, and of processes.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::results::median;
use crate::tools;

/// `sysconf(_SC_CLK_TCK)` on every Linux.
const TICKS_PER_S: f64 = 100.0;
/// What wraps each program, `tests/e2e/src/process.rs`.
const WATCHDOG: &str = "sh";

/// The machine in one line.
pub(crate) fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpu, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kb = field(&memory, "MemTotal").and_then(|kb| kb.split(' ').next()?.parse().ok());
    let gib = memory_kb.unwrap_or(0.0) / f64::from(1 << 20);
    let kernel = tools::output(Command::new("uname").arg("-sr")).unwrap_or_default();
    format!("{cores} cores ({model}), {gib:.0} GiB of memory, {kernel}")
}

/// How long a write of 4 KiB takes until it is on the disk, in milliseconds.
pub(crate) fn fsync_ms(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("fsync"))?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&times))
}

/// The mean number of processes that wanted to run in the last minute.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(f64::NAN)
}

/// The memory of these process groups in MB: what several processes share is divided among them.
pub(crate) fn memory_mb(groups: &[u32]) -> f64 {
    let pss_kb = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        field(&text, "Pss")?.split(' ').next()?.parse::<f64>().ok()
    };
    let all: f64 = processes(groups).into_iter().filter_map(pss_kb).sum();
    all * 1024.0 / 1e6
}

/// The time that these process groups have computed, in seconds.
pub(crate) fn cpu_s(groups: &[u32]) -> f64 {
    let ticks = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<_> = stat.rsplit(')').next()?.split_whitespace().collect();
        // utime, stime, and those of children that have ended.
        let ticks = fields
            .get(11..15)?
            .iter()
            .filter_map(|f| f.parse::<f64>().ok());
        Some(ticks.sum::<f64>())
    };
    processes(groups).into_iter().filter_map(ticks).sum::<f64>() / TICKS_PER_S
}

/// What these process groups have written to disks, in bytes.
pub(crate) fn written_bytes(groups: &[u32]) -> f64 {
    let written = |pid: u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
        field(&text, "write_bytes")?.parse::<f64>().ok()
    };
    processes(groups).into_iter().filter_map(written).sum()
}

/// The processes of these groups, without their watchdogs.
fn processes(groups: &[u32]) -> Vec<u32> {
    let member = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // PID (NAME) STATE PPID GROUP …
        let name = stat.split_once('(')?.1.rsplit_once(')')?.0;
        let group = stat
            .rsplit(')')
            .next()?
            .split_whitespace()
            .nth(2)?
            .parse()
            .ok()?;
        (name != WATCHDOG && groups.contains(&group)).then_some(pid)
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(member).collect()
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
