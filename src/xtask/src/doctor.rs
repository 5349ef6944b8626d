//! `cargo xtask doctor`: what is here, what is missing, and how to get it.

use std::process::Command;

use anyhow::{Result, bail};

use crate::components::Component;
use crate::toolchain::{self, Source, Way};
use crate::workspace::Workspace;
use crate::{components, host, servers, step, wash};

/// Prints a line per thing; fails if `cargo xtask up` cannot work.
pub(crate) fn doctor(workspace: &Workspace, wanted: Option<Source>) -> Result<()> {
    let version = |program: &str| step::quiet_output(Command::new(program).arg("--version"));
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
    let built = built.then_some("target/components");
    line("components", built, "`cargo xtask build`");

    let binary = host::binary(workspace, host::Use::Serve);
    let built = binary.exists().then(|| binary.display().to_string());
    line(
        "local host",
        built.as_deref(),
        "`cargo xtask up --host local` builds it, in 5 to 8 minutes",
    );

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

    if ways.is_empty() {
        bail!(
            "`cargo xtask up` cannot build the components: get a compiler for {} first",
            toolchain::TARGET
        );
    }
    println!("`cargo xtask up` can work");
    Ok(())
}

fn line(what: &str, found: Option<&str>, how_to_get: &str) {
    match found {
        Some(found) => println!("ok       {what:15}{found}"),
        None => println!("missing  {what:15}{how_to_get}"),
    }
}
