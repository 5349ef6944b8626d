//! `handoff`: the command line of Handoff.
//!
//! `options` has the commands and their options, `commands` a function for each. `output` is the only
//! way to the terminal, and cleans all text.

mod causes;
mod clean;
mod commands;
mod confirm;
mod context;
mod failure;
mod filter;
mod input;
mod options;
mod output;
#[cfg(test)]
mod page;
mod progress;
mod table;
mod times;

use std::process::ExitCode;

use clap::Parser;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Context::new(&cli.global).and_then(|mut context| {
        let done = commands::run(&mut context, cli.command);
        done.and_then(|()| context.out.flush())
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.code()
        }
    }
}
