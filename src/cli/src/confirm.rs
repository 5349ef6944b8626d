//! Asks before many tasks are changed.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::Failure;

/// Asks whether to do it: `what` such as "retry 12 failed tasks of default".
///
/// Without a terminal nobody can answer, so that is an error.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let what = format!("this would {what}; add --yes, since there is no terminal to ask on");
        return Err(Failure::Usage(what));
    }
    write!(
        io::stderr(),
        "{}? [y/N] ",
        crate::clean::line(&capital(what))
    )?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Refused("nothing was changed".to_owned())),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
