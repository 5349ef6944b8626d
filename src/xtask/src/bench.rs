//! `cargo xtask bench`: builds what is measured and measures it. The measuring is in `bench/`.

use anyhow::Result;
use clap::Args;

use crate::host::Use;
use crate::toolchain::Source;
use crate::workspace::Workspace;
use crate::{components, host, step, test};

/// What to measure; without any option everything, which takes about 25 minutes.
#[derive(Args)]
pub(crate) struct Options {
    /// What `bench` itself takes: --quick for one short round, --only NAME for one system or measurement
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "OPTION"
    )]
    options: Vec<String>,
}

/// Builds the components and the local host, then measures.
pub(crate) fn bench(
    workspace: &Workspace,
    wanted: Option<Source>,
    options: &Options,
) -> Result<()> {
    let to = workspace.components();
    components::build(workspace, wanted, &components::SPIN, &to)?;
    components::build(workspace, wanted, &components::LIMIT, &to)?;
    host::build(workspace, Use::Serve)?;
    let mut build = workspace.cargo(&["build", "--release", "--package", "handoff-bench"]);
    step::run("building what measures", &mut build)?;
    let mut bench = workspace.command(workspace.target.join("release/handoff-bench"));
    bench
        .args(&options.options)
        .env("HANDOFF_HOST_BIN", host::binary(workspace, Use::Serve))
        .env("HANDOFF_ROOT", &workspace.root)
        .env("HANDOFF_BENCH_FOLDER", workspace.target.join("bench"));
    test::offer(&mut bench);
    step::run("measuring", &mut bench)
}
