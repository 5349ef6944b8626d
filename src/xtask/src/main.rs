//! `cargo xtask`: builds, serves and tests the project, the same on a laptop and in CI.
//!
//! `toolchain` decides where the compiler for wasm32-wasip2 comes from, `components` builds with it, and `up`, `test`
//! and `doctor` are the commands on top. `step` runs every child process.

mod bench;
mod components;
mod debian;
mod dist;
mod doctor;
mod fuzz;
mod host;
mod lint;
mod packages;
mod plugin;
mod servers;
mod sim;
mod starters;
mod step;
mod summary;
mod test;
mod tool;
mod toolchain;
mod up;
mod wal;
mod wash;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::components::Component;
use crate::toolchain::Source;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, serves and tests Handoff")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where the compiler for wasm32-wasip2 comes from. By default rustup's, and on Debian its own packages where
    /// rustup cannot get the target.
    #[arg(
        long,
        global = true,
        env = "HANDOFF_WASM_TOOLCHAIN",
        value_name = "SOURCE"
    )]
    wasm_toolchain: Option<Source>,
}

#[derive(Subcommand)]
enum Command {
    /// Build the components into target/components, where spin.toml and .wash/config.yaml look for them
    Build {
        /// What is to run them
        #[arg(long = "for", value_name = "HOST", default_value = "spin")]
        host: BuildFor,
        /// For hosts whose key-value store has no atomic increment: the components do not import it, and the variable
        /// store must be redis://…
        #[arg(long, conflicts_with = "host")]
        without_key_value: bool,
    },
    /// Build, then serve until interrupted
    Up(up::Options),
    /// Run the tests that take minutes, or with --all everything that CI runs
    Test(test::Options),
    /// Simulate the queue protocol: crashes at random, at every place, and without its guards
    Sim(sim::Options),
    /// Give everything that takes bytes from outside any bytes, led by what they reach
    Fuzz(fuzz::Options),
    /// Call a handler as a worker does, and say what is wrong with its answers
    CheckHandler {
        /// What it takes; --help says more
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "OPTION"
        )]
        options: Vec<String>,
    },
    /// Build what a release consists of into target/dist, with templates for spin add
    Dist(dist::Options),
    /// Measure Handoff and its peers on this machine, side by side
    Bench(bench::Options),
    /// Show what is installed, what is missing, and how to get it
    Doctor,
}

#[derive(Clone, Copy, ValueEnum)]
enum BuildFor {
    /// Spin and the local host
    Spin,
    /// wasmCloud
    Wasmcloud,
}

fn run(cli: Cli) -> Result<()> {
    let workspace = Workspace::find()?;
    match cli.command {
        Command::Build {
            host,
            without_key_value,
        } => {
            let components: &[Component] = match host {
                _ if without_key_value => &components::WITHOUT_KEY_VALUE,
                BuildFor::Spin => &components::SPIN,
                BuildFor::Wasmcloud => &components::WASMCLOUD,
            };
            let to = workspace.components();
            components::build(&workspace, cli.wasm_toolchain, components, &to)
        }
        Command::Up(options) => up::up(&workspace, cli.wasm_toolchain, &options),
        Command::Test(options) => test::test(&workspace, cli.wasm_toolchain, &options),
        Command::Sim(options) => sim::sim(&workspace, cli.wasm_toolchain, &options),
        Command::Fuzz(options) => fuzz::fuzz(&workspace, &options),
        Command::CheckHandler { options } => {
            let check = ["run", "--quiet", "--package", "handoff-check", "--"];
            step::run("calling the handler", workspace.cargo(&check).args(options))
        }
        Command::Dist(options) => dist::dist(&workspace, cli.wasm_toolchain, &options),
        Command::Bench(options) => bench::bench(&workspace, cli.wasm_toolchain, &options),
        Command::Doctor => doctor::doctor(&workspace, cli.wasm_toolchain),
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
