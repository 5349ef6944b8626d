//! `cargo xtask check-handler URL`.

use clap::Parser;
use handoff_check::{Found, check};
use std::process::ExitCode;

/// Tries whether an endpoint runs tasks as docs/guide/handlers.md says.
#[derive(Parser)]
#[command(name = "cargo xtask check-handler")]
struct Options {
    /// The endpoint, such as http://127.0.0.1:3000/tasks
    url: String,
    /// A kind of tasks that it runs
    #[arg(long, default_value = "check")]
    kind: String,
    /// Arguments with which such a task succeeds, in JSON
    #[arg(long, default_value = "{}")]
    args: String,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes every check. Returns whether nothing is wrong.
fn run(options: &Options) -> anyhow::Result<bool> {
    let mut right = true;
    for (name, found) in check(&options.url, &options.kind, options.args.parse()?)? {
        match found {
            Found::Right(said) => println!("ok     {name:14}{said}"),
            Found::Note(said) => println!("note   {name:14}{said}"),
            Found::Wrong(said) => {
                right = false;
                println!("WRONG  {name:14}{said}");
            }
        }
    }
    Ok(right)
}
