//! Calls a handler as a worker does, and says what is wrong with its answers.

mod checks;
mod host;
mod target;

pub use checks::Found;

use checks::CHECKS;
use serde_json::Value;
use target::Target;

/// Makes every check on the handler at a URL, with a task of this kind that succeeds with these
/// arguments. Returns what each found, by its name.
///
/// # Errors
/// If the URL can't be used.
pub fn check(
    url: &str,
    kind: &str,
    args: Value,
) -> anyhow::Result<impl Iterator<Item = (&'static str, Found)> + use<>> {
    let target = Target::new(url, kind, args)?;
    let found = CHECKS
        .iter()
        .map(move |check| (check.name, (check.run)(&target)));
    Ok(found)
}
