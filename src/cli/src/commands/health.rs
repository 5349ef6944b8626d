//! `handoff ready`.

use super::{as_json, state};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Style, Text};

pub(crate) fn run(context: &mut Context, alive: bool) -> Result<(), Failure> {
    let shown = match alive {
        true => context.client.alive()?,
        false => context.client.ready()?,
    };
    match as_json(context, &shown)? {
        true => Ok(()),
        false => {
            context.out.styled(&[state(&shown.status)])?;
            for warning in &shown.warnings {
                context
                    .out
                    .styled(&[Text::new(Style::Red, &format!("warning: {warning}"))])?;
            }
            Ok(())
        }
    }
}
