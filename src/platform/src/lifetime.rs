//! How long the host lets an instance live, as the deployment says in the environment of its
//! components. A variable would cost a store call's time, for each request.

use crate::http::problem::Problem;
use crate::log::say;
use handoff_probe::Lifetime;
use std::cell::OnceCell;
use wasi::cli::environment::get_environment;

pub(crate) const VARIABLE: &str = "HANDOFF_WORKER_LIFETIME";

thread_local! {
    static ENVIRONMENT: OnceCell<Vec<(String, String)>> = const { OnceCell::new() };
    static KNOWN: OnceCell<Lifetime> = const { OnceCell::new() };
}

/// A value of this component's environment. All are read in one call of the host.
pub fn environment(name: &str) -> Option<String> {
    ENVIRONMENT.with(|all| {
        let all = all.get_or_init(get_environment);
        let found = all.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    })
}

/// What the environment says. If that is unset or invalid, an instance goes on after its response.
pub fn lifetime() -> Lifetime {
    KNOWN.with(|known| {
        let read = || check().inspect_err(|problem| say(&problem.detail));
        *known.get_or_init(|| read().unwrap_or_default())
    })
}

/// Reads what the environment says.
///
/// # Errors
/// If it is invalid.
pub(crate) fn check() -> Result<Lifetime, Problem> {
    let wrong = |e: String| {
        Problem::misconfigured(format!("{VARIABLE}, in a component's environment, {e}"))
    };
    let said: Lifetime = match environment(VARIABLE).unwrap_or_default().trim() {
        "" => Lifetime::default(),
        text => text.parse().map_err(wrong)?,
    };
    if cfg!(feature = "wasmcloud") && said != Lifetime::default() {
        return Err(wrong(format!(
            "is {:?}, but on wasmCloud a worker lives as long as its message: leave it out",
            said.to_string()
        )));
    }
    Ok(said)
}
