//! What spin.toml gives a component: variables, and which hosts it may call.

use crate::http::problem::Problem;
use spin_sdk::variables::{Error, get};

/// The place of a worker's variables.
pub(crate) const HOW_TO_GIVE: &str = "add it to [component.handoff-worker.variables] of spin.toml";

/// The reason for a denied call.
pub(crate) const DENIED: &str = "allowed_outbound_hosts of the component that calls, such as [component.handoff-worker], does not list it";

/// The header with the path below the component's route. Spin puts it behind those that a caller sent.
pub(crate) const PATH_BELOW_ROUTE: &str = "spin-path-info";

/// The text of a variable, if spin.toml gives it to this component.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Problem> {
    match get(name) {
        Ok(text) => Ok(Some(text)),
        Err(Error::Undefined(_) | Error::InvalidName(_)) => Ok(None),
        Err(Error::Provider(e) | Error::Other(e)) => Err(Problem::misconfigured(format!(
            "the variable {name:?} can't be read: {e}"
        ))),
    }
}

/// Spin checks what the component `gather` calls by its own list.
///
/// # Errors
/// None: the other host has some.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn check_gathered(_url: &str) -> Result<(), String> {
    Ok(())
}

/// Spin needs no variables of its own.
///
/// # Errors
/// None: the other host has some.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn check() -> Result<(), Problem> {
    Ok(())
}
