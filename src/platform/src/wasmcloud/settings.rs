//! What a workload gives its component: variables in the environment, and which hosts it may call.

use crate::http::problem::Problem;

/// The reason for a denied call.
pub(crate) const DENIED: &str = "allowedHosts of the workload does not list it";

/// The text of a variable.
pub(crate) fn variable(name: &str) -> Result<String, Problem> {
    std::env::var(name).map_err(|e| {
        Problem::misconfigured(format!(
            "the variable {name:?} can't be read from the workload's environment: {e}"
        ))
    })
}
