//! How long the host lets an instance live, as the deployment says in the environment of its
//! components. A variable would cost a store call's time, for each request.

use crate::http::problem::Problem;
use crate::log::say;
use handoff_probe::Lifetime;
use std::cell::OnceCell;
use wasi::cli::environment::get_environment;

pub(crate) const VARIABLE: &str = "HANDOFF_WORKER_LIFETIME";

thread_local! {
    static KNOWN: OnceCell<Lifetime> = const { OnceCell::new() };
}

/// What the environment says. While it says nothing that can be used, an instance goes on after its
/// response.
pub fn lifetime() -> Lifetime {
    KNOWN.with(|known| {
        let read = || check().inspect_err(|problem| say(&problem.detail));
        *known.get_or_init(|| read().unwrap_or_default())
    })
}

/// Reads what the environment says.
///
/// # Errors
/// If it says what can't be used.
pub(crate) fn check() -> Result<Lifetime, Problem> {
    match text().as_str() {
        "" => Ok(Lifetime::default()),
        text => text.parse().map_err(|e: String| {
            Problem::misconfigured(format!("{VARIABLE}, in a component's environment, {e}"))
        }),
    }
}

/// The text itself, to be compared.
pub(crate) fn text() -> String {
    let environment = get_environment().into_iter();
    let mut found = environment.filter(|(name, _)| name == VARIABLE);
    found.next().map(|(_, value)| value).unwrap_or_default()
}
